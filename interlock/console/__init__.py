"""The console: what operators and finance see and do. Server-rendered pages, each with a JSON twin.

router      the tables of pages and acts, who may see and do them; HTML or JSON
serving     who asks, whether a form came from our own page, cookies; entering  coming in and out; live  the board
login       the console as a client of our own provider: code + PKCE, a sealed session cookie
views, acts what stands on each page, and what each form does; asking  queries and forms read by one grammar
board, ordering, messaging, casing, booking, connecting, operating, reconciling     the data of the pages
exhibit     one native message beside what its adapter made of it, people masked
pages       templates, language, headers; words, sentences  every sentence in Chinese and English
"""
