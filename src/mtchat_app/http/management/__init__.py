"""The host application's door: everything needs the admin token."""
