"""The benchmark: worlds are simulated, methods fitted and scored, one tidy table."""
