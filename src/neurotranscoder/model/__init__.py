"""The four coders and the transcoder that they make; torch only."""
