"""Runs whose regions are quiet most of the time, seen by fewer channels than there are regions."""

from dataclasses import dataclass

import numpy as np

from neurotranscoder.signal.fir import apply_fir

RATE = 2.5
QUIET, ACTIVE = 0.01, 4.0  # variances


@dataclass(frozen=True)
class SparseRegions:
    """Regions of 4 blocks, active in a share of frames: 1 makes them normal; power is always 1."""

    share: float = 0.1
    n_regions: int = 12
    n_channels: int = 10
    eeg_noise: float = 0.5
    bold_noise: float = 0.25
    average_reference: bool = False

    @property
    def maps(self):
        return np.kron(np.eye(self.n_regions), np.full((4, 1), 0.5))

    @property
    def leadfield(self):
        columns = np.random.default_rng(11).standard_normal((self.n_channels, self.n_regions))
        return columns - columns.mean(axis=0) if self.average_reference else columns

    @property
    def hrf(self):
        times = np.arange(0, 6, 1 / RATE)
        hrf = times**2 * np.exp(-times / 0.8)
        return hrf / hrf.sum() * RATE

    def courses(self, rng, n_frames):
        active = rng.random((self.n_regions, n_frames)) < self.share
        power = self.share * ACTIVE + (1 - self.share) * QUIET
        scale = np.sqrt(np.where(active, ACTIVE, QUIET) / power)
        return scale * rng.standard_normal(active.shape)

    def run(self, rng, n_frames):
        """Return EEG, BOLD and sources of one run, means removed."""
        early = len(self.hrf)
        courses = self.courses(rng, n_frames + early)
        bold = self.maps @ apply_fir(courses, self.hrf)[:, early:]
        bold += self.bold_noise * rng.standard_normal(bold.shape)
        courses = courses[:, early:]
        noise = rng.standard_normal((self.n_channels, n_frames))
        if self.average_reference:
            noise -= noise.mean(axis=0)
        eeg = self.leadfield @ courses + self.eeg_noise * noise
        return tuple(x - x.mean(axis=1, keepdims=True) for x in (eeg, bold, courses))

    def runs(self, seed, n_runs, n_frames=800):
        rng = np.random.default_rng(seed)
        return [self.run(rng, n_frames) for _ in range(n_runs)]
