"""Where electrodes are that a recording has not: of its own table, or of a template fitted to it.

Template: the 10-05 system on the head Colin27, which is in MNI space (MNE).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.io.electrodes import Places
from neurotranscoder.preprocess.channel_names import place_name

_TEMPLATE = "colin27_1005"
_FEWEST = 4  # electrodes that both have, for a place, a turn and a size
_MM_PER_M = 1e3


def completed_places(own: Places, names: Sequence[str]) -> Places:
    """Return places of electrodes, those that are not known from the template.

    Parameters
    ----------
    own : Places
        Those of the recording, which stay as they are.
    names : sequence of str
        Electrodes whose places are wanted.

    Returns
    -------
    places : Places
        Of ``own`` and of those of ``names`` that the template knows. Where it shares four or more
        electrodes with ``own`` it is moved, turned and scaled to them.
    """
    lacking = [name for name in names if name not in own]
    if not lacking:
        return own
    template = _template_places()
    known = {name: template[place_name(name)] for name in lacking if place_name(name) in template}
    shared = [name for name in own if place_name(name) in template]
    if len(shared) >= _FEWEST:
        ours = np.array([own[name] for name in shared])
        theirs = np.array([template[place_name(name)] for name in shared])
        known = {name: _moved(place, theirs, ours) for name, place in known.items()}
    return {**own, **known}


def sphere_centre(places: Float[ndarray, "electrodes 3"]) -> tuple[float, float, float]:
    """Return the centre of the sphere that is nearest to electrodes, in their unit."""
    # linear least squares: |p|^2 = 2 p.c + (R^2 - |c|^2)
    sides = np.column_stack([2 * places, np.ones(len(places))])
    found, *_ = np.linalg.lstsq(sides, np.sum(places**2, axis=1), rcond=None)
    x, y, z = found[:3].tolist()
    return x, y, z


@cache
def _template_places() -> dict[str, Float[ndarray, " 3"]]:
    """Return the places of the template by `place_name`, in RAS mm of MNI."""
    places = mne.channels.make_standard_montage(_TEMPLATE).get_positions()["ch_pos"]
    return {place_name(name): _MM_PER_M * place for name, place in places.items()}


def _moved(
    place: Float[ndarray, " 3"],
    theirs: Float[ndarray, "electrodes 3"],
    ours: Float[ndarray, "electrodes 3"],
) -> Float[ndarray, " 3"]:
    """Return a place moved, turned and scaled as brings one set of places nearest to another."""
    centred, target = theirs - theirs.mean(0), ours - ours.mean(0)
    left, sizes, right = np.linalg.svd(target.T @ centred)  # Umeyama 1991
    upright = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ (upright[:, np.newaxis] * right)
    scale = float(sizes @ upright) / float(np.sum(centred**2))
    return np.asarray(ours.mean(0) + scale * turn @ (place - theirs.mean(0)))
