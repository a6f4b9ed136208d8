"""Rules as plain functions."""
