"""Source imaging rivals by the names that tables give them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.methods.choosing import known
from neurotranscoder.evaluate.methods.imaging import SourceImaging
from neurotranscoder.evaluate.methods.imaging_heads import template_head, true_head
from neurotranscoder.evaluate.methods.imaging_kernels import Family
from neurotranscoder.evaluate.methods.inverses import (
    INACTIVE_SHARES,
    LCMV_REGULARISATIONS,
    SNRS,
    FmriInformed,
    Inverse,
    Lcmv,
    MinimumNorm,
)
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.symmetric_fusion import (
    SymmetricFusionL1,
    SymmetricFusionL2,
)
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.truth import Truth

HeadOf = Callable[[Truth, RunId], Head]

_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("minimum_norm", "MNE"),
    ("dspm", "dSPM"),
    ("sloreta", "sLORETA"),
    ("eloreta", "eLORETA"),
)
_LEADFIELDS: tuple[tuple[str, HeadOf], ...] = (("true", true_head), ("wrong", template_head))


def family_candidates(family: Family) -> tuple[Inverse, ...]:
    """Return a form of minimum norm at every signal-to-noise ratio that can be chosen."""
    return tuple(MinimumNorm(family, snr) for snr in SNRS)


def _make(
    candidates: Sequence[Inverse], head_of: HeadOf, knowledge: Knowledge | None, _: int
) -> SourceImaging:
    """Return a fresh method; nothing in it is random."""
    return SourceImaging(known(knowledge), candidates, head_of)


def _imaging(name: str, candidates: Sequence[Inverse], head_of: HeadOf) -> MethodSpec:
    """Return a method that is one matrix for each frame of EEG."""
    make = functools.partial(_make, candidates, head_of)
    return MethodSpec(name, "informed", "spatial", make, informed=True)


def _of_both_leadfields() -> tuple[MethodSpec, ...]:
    """Return the inverse methods with the true leadfield, then with a wrong one."""
    inverses: list[tuple[str, Sequence[Inverse]]] = [
        (name, family_candidates(family)) for name, family in _FAMILIES
    ]
    inverses.append(("lcmv", [Lcmv(regularisation) for regularisation in LCMV_REGULARISATIONS]))
    return tuple(
        _imaging(f"{name}_{which}_leadfield", candidates, head_of)
        for which, head_of in _LEADFIELDS
        for name, candidates in inverses
    )


def _fusion(
    method: type[SymmetricFusionL2 | SymmetricFusionL1], knowledge: Knowledge | None, _: int
) -> Method:
    """Return a fresh method; nothing in it is random."""
    return method(known(knowledge))


_INFORMED = [FmriInformed(*pair) for pair in itertools.product(INACTIVE_SHARES, SNRS)]

IMAGING_SPECS: tuple[MethodSpec, ...] = (
    *_of_both_leadfields(),
    _imaging("fmri_informed_minimum_norm", _INFORMED, true_head),
    MethodSpec(
        "symmetric_fusion_l2",
        "informed",
        "linear",
        functools.partial(_fusion, SymmetricFusionL2),
        informed=True,
    ),
    MethodSpec(
        "symmetric_fusion_l1",
        "informed",
        "any",
        functools.partial(_fusion, SymmetricFusionL1),
        informed=True,
    ),
)
"""Source imaging with the true and with a wrong leadfield, alone, informed by BOLD, and fused."""
