"""Technology behind the ports. Each technology stands alone."""
