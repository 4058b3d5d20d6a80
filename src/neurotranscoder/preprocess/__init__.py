"""From recordings to clean, aligned runs."""
