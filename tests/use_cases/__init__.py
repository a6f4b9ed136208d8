"""Verbs over memory adapters."""
