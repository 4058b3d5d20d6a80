"""What an axis, a recording and a source estimate are; nothing else."""
