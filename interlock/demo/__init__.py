"""The demo: a seeded day of simulated railway traffic through the real hub, reconciled, scored and shown."""
