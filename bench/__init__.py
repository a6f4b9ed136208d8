"""What MTChat costs, beside what the same work costs at least: `python -m bench --help`."""
