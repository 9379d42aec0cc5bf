"""Reconciliation: every difference between two systems found, named, explained, and resolved by policy or two people.

definitions what is compared with what: validated documents, views over pairs
calendars   where each source's date begins and ends, when it is due, which days are business days
schedule    what is due, late, stale or missing; computed, never remembered
sources     the hub, a channel's day extract, a processor's statement, seats -> canonical rows
statements  a processor's file as a table of columns: documents, and code only for XML and SWIFT
datasets    rows -> Parquet in 64 hash buckets, named by their digest
matching    two datasets -> differences: piece by piece, then the passes over what the pieces leave
breaks      differences -> breaks with a kind, money at stake and evidence
carry       what is too young to be a break, rolled forward from day to day, as files
policies    which break may be resolved how, up to which amount; what can be done about each kind
resolution  done by policy or by two people, undone by adding; suspense, ageing, business dates closed
confirming  a counterparty answers to the hub's figures, order by order
exchange    breaks out as a workbook, fixed, and back in as proposals
reports     what a date came to, tied to the books: Excel, CSV, PDF; the account of a month
digests     five minutes at a time: is what was told held, has anything changed since
views       a chain of systems, read off its pairs
cases       breaks, read
runs        the order in which all this happens; content-addressed
journal     the tables
api         all of it over HTTP
"""
