"""How the schema came to be, step by step; each step leaves the release before it working."""
