"""All methods that come with the package."""

from __future__ import annotations

from neurotranscoder.evaluate.methods.global_signal import control_specs
from neurotranscoder.evaluate.methods.imaging_specs import IMAGING_SPECS
from neurotranscoder.evaluate.methods.null_specs import null_specs
from neurotranscoder.evaluate.methods.oracles import ORACLE_SPECS
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.regression_specs import REGRESSION_SPECS
from neurotranscoder.evaluate.methods.transcoders import transcoder_specs
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.train.device import Device
from neurotranscoder.train.settings import TrainSettings


def known_methods(
    settings: TrainSettings | None = None, *, fusion: Fusion = "joint", device: Device = "auto"
) -> tuple[MethodSpec, ...]:
    """Return all methods, ours first.

    Parameters
    ----------
    settings : TrainSettings, optional
        How transcoders are trained; the defaults without.
    fusion, device : str
        How their sources are fused, and where their networks are trained.
    """
    ours = transcoder_specs(settings, fusion=fusion, device=device)
    broken = (*null_specs(settings, fusion=fusion), *control_specs(settings, fusion=fusion))
    return (*ours, *REGRESSION_SPECS, *IMAGING_SPECS, *ORACLE_SPECS, *broken)
