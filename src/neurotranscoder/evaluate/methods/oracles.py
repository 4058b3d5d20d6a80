"""Limits as methods: they are given the truth of the training runs."""

from __future__ import annotations

from neurotranscoder.evaluate.methods.choosing import known
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.spatial_wiener import SpatialWienerOracle
from neurotranscoder.evaluate.methods.supervised_linear import SupervisedLinear
from neurotranscoder.evaluate.methods.supervised_mlp import SupervisedMlp


def _spatial_wiener(knowledge: Knowledge | None, seed: int) -> SpatialWienerOracle:  # noqa: ARG001
    """Make the oracle; it draws nothing."""
    return SpatialWienerOracle(known(knowledge))


def _linear(knowledge: Knowledge | None, seed: int) -> SupervisedLinear:  # noqa: ARG001
    """Make the supervised regression; it draws nothing."""
    return SupervisedLinear(known(knowledge))


def _linear_power(knowledge: Knowledge | None, seed: int) -> SupervisedLinear:  # noqa: ARG001
    """Make the same with band power."""
    return SupervisedLinear(known(knowledge), with_power=True)


def _mlp(knowledge: Knowledge | None, seed: int) -> SupervisedMlp:
    """Make the networks."""
    return SupervisedMlp(known(knowledge), seed)


ORACLE_SPECS = (
    MethodSpec("oracle_spatial_wiener", "oracle", "spatial", _spatial_wiener, informed=True),
    MethodSpec("oracle_supervised_linear", "oracle", "linear", _linear, informed=True),
    MethodSpec(
        "oracle_supervised_linear_power",
        "oracle",
        "linear_power",
        _linear_power,
        informed=True,
        slow=True,
    ),
    MethodSpec("oracle_supervised_mlp", "oracle", None, _mlp, informed=True, slow=True),
)
