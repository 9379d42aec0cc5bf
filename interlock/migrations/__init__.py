"""The history of the database schema: one line, oldest first, in `versions/`. Run it with `interlock migrate`."""
