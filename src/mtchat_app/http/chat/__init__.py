"""A person's door: everything is asked by somebody, and answered as they may see it."""
