"""What people see: login, registration, signed in, signed out. Server-made HTML; no script is needed anywhere."""
