"""Simultaneous EEG-fMRI with known sources."""
