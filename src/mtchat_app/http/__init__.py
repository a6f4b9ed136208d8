"""The doors: HTTP and sockets around the use cases."""
