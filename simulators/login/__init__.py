"""How the five channels log their passengers in: as independent clients of the OpenID Connect provider, over HTTP.

web       code with PKCE, a session cookie of the website's own                (browser.py; its form: booking.py)
app       the system browser, DPoP-bound tokens, refresh                      (the same)
phone     the clerk starts it, the caller approves on their own phone (CIBA)  (calls.py)
windows   a short code at the window, approved on the passenger's phone       (windows.py)
agents    the company acts for a passenger who has agreed (token exchange)    (agents.py)

Nothing here is shared with the provider: a channel's programmers read the same standards and write their own.
"""
