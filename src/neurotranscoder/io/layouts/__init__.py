"""Data sets in layouts of their own, turned into BIDS studies."""
