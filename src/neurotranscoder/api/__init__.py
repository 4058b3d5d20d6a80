"""The user's facade; its names are those of the package itself."""
