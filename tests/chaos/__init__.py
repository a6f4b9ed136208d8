"""Many people at once while things break; afterwards the histories are held against the database."""
