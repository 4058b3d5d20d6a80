"""Pure array maths: no brain, no files."""
