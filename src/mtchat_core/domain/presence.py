"""How long one heartbeat counts."""

from datetime import timedelta

TTL = timedelta(seconds=60)
"""A person counts as online this long after their last beat; clients beat every 30 s."""
