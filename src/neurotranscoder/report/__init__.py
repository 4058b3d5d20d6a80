"""Pictures of what an evaluation found, and one self-contained HTML page; computes nothing."""
