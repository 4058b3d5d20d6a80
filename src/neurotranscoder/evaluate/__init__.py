"""Scores against truth, rivals, limits and nulls."""
