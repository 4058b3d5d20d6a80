"""The true forward models of the paper's Eqs. 1-3: h (hrf), d (evoked) and G (leadfield)."""
