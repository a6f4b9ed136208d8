"""Every door: status, code, JSON, and what a user would notice, over memory and PostgreSQL alike."""
