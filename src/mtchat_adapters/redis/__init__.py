"""Redis (or Valkey): optional, and never the truth."""
