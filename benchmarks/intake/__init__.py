"""What the hub's intake costs, beside the floor: the same messages, the same server, the same database, no hub logic.

traffic  native web messages, each a sale of its own seat
floor    the bare endpoint: validate, insert order and outbox row, micro-batched
load     a client that keeps many connections busy and notes when each answer came
bench    both in turn, in one run, on engines of its own
"""
