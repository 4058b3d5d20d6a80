"""The true forward models h, d and G of the paper's Eqs. 1-3."""
