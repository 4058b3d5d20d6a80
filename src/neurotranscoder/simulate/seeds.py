"""One random stream per part of a simulation, so that changing one part leaves the others."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stage(IntEnum):
    """Parts of a simulation that draw random numbers; never renumber."""

    GEOMETRY = 0
    DESIGN = 1
    TRAINS = 2
    RHYTHMS = 3
    CLOCK = 4
    EEG_NOISE = 5
    BOLD_NOISE = 6
    PHYSIOLOGY = 7
    MOTION = 8
    NOISE_MAPS = 9
    THERMAL = 10
    AUTOREGRESSIVE = 11
    CARDIAC = 12
    RESPIRATORY = 13
    GLOBAL_SIGNAL = 14
    DRIFT = 15
    EEG_WHITE = 16
    EEG_BRAIN = 17
    BLINKS = 18
    HRF = 19
    PULSE = 20
    TRIGGERS = 21
    ECG = 22
    HEAD_SCALE = 30
    SKULL_CONDUCTIVITY = 31
    SKULL_THICKNESS = 32
    ELECTRODES = 33
    ORIENTATIONS = 34
    SUBJECT_HRF = 35
    REGION_HRF = 36
    STRENGTHS = 37
    GAIN = 38
    ACTIVATIONS = 40
    NETWORK = 50
    FOLLOWERS = 51
    POSE = 60
    WARP = 61
    T1 = 62


def generator(seed: int, stage: Stage, *, subject: int = 0, run: int = 0) -> np.random.Generator:
    """Return the random stream of one stage of one run; the same on every machine."""
    sequence = np.random.SeedSequence(seed, spawn_key=(subject, run, int(stage)))
    return np.random.Generator(np.random.PCG64(sequence))
