"""The whole service as a user meets it: a process, a port, a real PostgreSQL."""
