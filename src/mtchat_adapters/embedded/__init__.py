"""A PostgreSQL server of our own, for a machine where nobody has set one up."""
