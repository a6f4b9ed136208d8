"""Nouns and rules: frozen, synchronous, pure."""
