"""Heads that source imaging is given: the true one, or that of a template that is not the same."""

from __future__ import annotations

import functools

import mne
import numpy as np

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.physics.head import Head, HeadSettings, build_head, mne_forward, wrong_head
from neurotranscoder.simulate.truth import Truth

_TILT = 20.0  # degrees
_LARGER = 1.05


def true_head(truth: Truth, run: RunId) -> Head:
    """Return the head that a run was simulated with."""
    return truth.subject(run).head


def template_head(truth: Truth, _: RunId) -> Head:
    """Return the head of somebody who has a template: the same for all runs, and wrong.

    It is built once for each head of a scenario, and kept.

    Raises
    ------
    SettingsError
        When the scenario was run with a head of one's own, on other channels.
    """
    wrong = _built(truth.cohort.scenario.head)
    if wrong.montage.names != truth.head.montage.names:
        raise SettingsError(
            f"a wrong leadfield is that of `scenario.head`, with {len(wrong.montage.names)} "
            f"channels; the study has {len(truth.head.montage.names)} others, of a head of one's "
            "own; name its channels in `scenario.head`, or leave these methods out"
        )
    return wrong


def template_settings(settings: HeadSettings) -> HeadSettings:
    """Return what the wrong head is built from.

    It is `wrong_head` (the skull conducts three times as well and is thinner by 40 %, electrodes
    are 5 mm off, other orientations in the deep), larger by 5 % as heads differ by (Pheasant,
    Bodyspace: about 4 %), and with the dipoles of the cortex tilted by 20 degrees about each of
    two axes: a template knows the folds of no one. Orientations and shifts have seeds that no
    subject has.
    """
    wrong = wrong_head(settings)
    changes = {
        "orientation_jitter": float(np.hypot(wrong.orientation_jitter, _TILT)),
        "scale": tuple(_LARGER * axis for axis in wrong.scale),
        "orientation_seed": None,
        "electrode_seed": None,
    }
    return HeadSettings.model_validate(wrong.model_dump() | changes)


@functools.lru_cache(maxsize=4)
def _built(settings: HeadSettings) -> Head:
    """Return the wrong head; another scenario of the same head takes it from here."""
    return build_head(template_settings(settings))


@functools.lru_cache(maxsize=8)
def forward_of(head: Head) -> mne.Forward:
    """Return the forward solution of a head, kept as many methods ask for it."""
    return mne_forward(head)
