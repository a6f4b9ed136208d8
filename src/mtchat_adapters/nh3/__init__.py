"""HTML cleaning by nh3, the Python face of ammonia and html5ever."""
