"""The tests, a package per room."""
