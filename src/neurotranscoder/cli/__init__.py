"""The command line: read settings, call, write."""
