"""The console: what operators and finance see. Server-rendered pages, each with a JSON twin.

router      the table of pages, who may see them, HTML or JSON
login       the console as a client of our own provider: code + PKCE, a sealed session cookie
board, ordering, messaging, reconciling, operating     what stands on each page, as plain data
exhibit     one native message beside what its adapter made of it, personal numbers masked
pages       templates, language, headers; words  every sentence in Chinese and English
"""
