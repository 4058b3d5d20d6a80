"""The page of a benchmark, made from its tables and example time courses alone."""
