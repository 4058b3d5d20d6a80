"""Spread independent work over processes or a cluster; the command line alone uses it."""
