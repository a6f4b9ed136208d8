"""The service: settings, wiring and doors around the core."""
