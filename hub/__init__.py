"""The engine, in the order a message travels: ports, intake, ledger, delivery, store, api."""
