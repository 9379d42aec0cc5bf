"""Reconciliation: every difference between two systems found, named, explained, and resolved by policy or two people.

sources     the hub, a channel's day extract, a processor's statement, seats -> canonical rows
datasets    rows -> Parquet in 64 hash buckets, named by their digest
matching    two datasets -> differences (DuckDB, bucket by bucket)
breaks      differences -> breaks with a kind, money at stake and evidence
carry       what is too young to be a break, rolled forward from day to day
policy      which break may be resolved how, up to which amount
runs        the order in which all this happens; content-addressed
journal     the tables
"""
