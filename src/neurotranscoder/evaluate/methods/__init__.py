"""Methods that are compared: ours, rivals that know less, limits that know more, and nulls."""
