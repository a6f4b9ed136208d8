"""SAQ on Redis: who wakes up when."""
