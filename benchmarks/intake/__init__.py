"""What the hub's intake costs, beside the floor: the same messages, the same server, the same database, no hub logic.

traffic  native web messages, each a sale of its own seat
floor    the bare endpoint: validate, insert order and outbox row, micro-batched
load     a client that keeps many connections busy and notes when each answer came
stage    engines, servers and the connected channel that the others play on
spending CPU time of processes
bench    both in turn, in one run
growth   the same comparison in a ledger of 0, 0.1 and 1 million orders
soak     steady traffic for minutes, and what memory the processes take
"""
