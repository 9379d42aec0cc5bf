"""`make bench-sso`: the provider beside node oidc-provider, in one run.

Ours runs as in service: one `interlock serve api` process (uvloop, httptools) over PostgreSQL, each commit on disk.
The control is one Node process with its state in memory. What counts is requests for each CPU-second of the server's
process, because a neighbour on the machine does not change that; PostgreSQL's CPU stands beside it.
"""
