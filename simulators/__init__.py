"""Reference channel systems, payment processors and a seeded day of railway traffic with known faults.

They talk to the hub over the wire, as strangers do, and import nothing of it but the published contract.
"""
