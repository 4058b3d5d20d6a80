"""Turn EEG into BOLD and BOLD into EEG through a shared latent source space, learnt from data."""

__version__ = "0.1.0"
