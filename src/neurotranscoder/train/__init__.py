"""Fit a transcoder to aligned runs, blind to every truth."""
