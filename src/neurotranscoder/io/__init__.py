"""Files in and out; the only place where units and orientations change."""
