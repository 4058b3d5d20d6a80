"""Transcoders as methods: the default recipe, its linear part, the paper's, and ablations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from neurotranscoder.core.errors import TrainingError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodClass, MethodSpec, Role
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.train.device import Device
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import Architecture, TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import TrainedTranscoder

_UNSEEN = ("unseen",)  # a method is not told which runs will test it
_FLAT = 1e6  # eps of 1 / sqrt(|H|^2 + eps): with |H| at most 1 the filter is flat


def as_prediction(estimates: GroupEstimates) -> Prediction:
    """Return what is scored of the estimates of one run."""
    return Prediction(
        bold_from_eeg=estimates.bold_from_eeg,
        eeg_from_bold=estimates.eeg_from_bold,
        bold_from_bold=estimates.bold_from_bold,
        eeg_from_eeg=estimates.eeg_from_eeg,
        source_from_eeg=estimates.source_from_eeg.data,
        source_from_bold=estimates.source_from_bold.data,
        source_fused=estimates.source_fused.data,
    )


class TranscoderMethod:
    """A transcoder, trained blindly.

    Parameters
    ----------
    settings : TrainSettings
        Architecture and choices.
    fusion : {'joint', 'sum', 'zscored'}
        How the two source estimates become one.
    device : {'auto', 'cpu', 'cuda'}
        Where networks are trained.
    """

    def __init__(
        self, settings: TrainSettings, *, fusion: Fusion = "joint", device: Device = "auto"
    ) -> None:
        self.settings = settings
        self.fusion = fusion
        self.device = device
        self._trained: TrainedTranscoder | None = None

    @property
    def trained(self) -> TrainedTranscoder:
        """The trained transcoder, with its read-outs.

        Raises
        ------
        TrainingError
            Before `fit`.
        """
        if self._trained is None:
            raise TrainingError("the transcoder was asked before it was trained; call fit first")
        return self._trained

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Train (see `train.recipe.fit_transcoder`)."""
        known, chosen = (tuple(run.run.label for run in runs) for runs in (training, validation))
        split = Split(known, chosen, _UNSEEN)
        self._trained = fit_transcoder(
            training, validation, split, self.settings, device=self.device
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return sources and transcoded signals of one run."""
        return as_prediction(estimate_group(self.trained, run, fusion=self.fusion))


@dataclass(frozen=True, slots=True)
class Ablation:
    """One choice of the default recipe, switched off.

    Choices of the linear fit are switched off in the linear fit alone, so that an ablation takes
    seconds, those of sparse sources without networks; those of the networks in the whole recipe.

    Parameters
    ----------
    name : str
        As in the tables: ``ablation_no_...``.
    changes : tuple of (str, value)
        Fields of `TrainSettings` with dots, and their values without the choice.
    fusion : str, optional
        Fusion without the choice.
    """

    name: str
    changes: tuple[tuple[str, object], ...] = ()
    fusion: Fusion | None = None

    @property
    def architecture(self) -> Architecture:
        """What is trained without the choice, and compared with what has it."""
        sections = {path.split(".")[0] for path, _ in self.changes}
        if "residual" in sections:
            return "transcoder"
        return "sparse" if "sparse" in sections else "closed_form"

    def settings(self, recipe: TrainSettings) -> TrainSettings:
        """Return a recipe without the choice."""
        values: dict[str, Any] = recipe.model_dump()
        for path, value in self.changes:
            *sections, field = path.split(".")
            level = values
            for section in sections:
                level = level[section]
            level[field] = value
        return TrainSettings.model_validate(values)


_ABLATIONS = (
    Ablation(
        "ablation_no_whitening",
        (("closed_form.whitening", _FLAT), ("closed_form.final_whitening", (_FLAT,))),
    ),
    Ablation("ablation_no_component_choice", (("closed_form.n_components", 150),)),
    Ablation("ablation_no_smoothness", (("closed_form.hrf_smoothness", 0.0),)),
    Ablation("ablation_no_noise_filter", (("closed_form.noise_strengths", ()),)),
    Ablation("ablation_no_noise_learning", (("sparse.noise_rounds", 0),)),
    Ablation("ablation_no_band_power", (("sparse.power_gains", ()),)),
    Ablation("ablation_no_own_responses", (("sparse.filter_ridges", ()),)),
    Ablation("ablation_no_context", (("residual.windows.context", 0.0),)),
)


def ablations() -> tuple[Ablation, ...]:
    """Return the ablations of the default recipe: one line each above."""
    return _ABLATIONS


def transcoder_specs(
    settings: TrainSettings | None = None, *, fusion: Fusion = "joint", device: Device = "auto"
) -> tuple[MethodSpec, ...]:
    """Return the transcoders as methods; their networks have the seed that `make` is given.

    ``vanilla`` is the paper's network without its two cycle losses: the paper names it in the
    caption of Fig. 5 alone, and 4.3.2 adds those pathways 'to encourage cycle consistency'.

    Parameters
    ----------
    settings : TrainSettings, optional
        Choices that all of them share; the defaults without.
    fusion, device : str
        As for `TranscoderMethod`.
    """
    base = TrainSettings() if settings is None else settings

    def spec(
        name: str,
        recipe: TrainSettings,
        architecture: Architecture,
        role: Role = "transcoder",
        *,
        fused: Fusion = fusion,
        slow: bool = False,
    ) -> MethodSpec:
        chosen = recipe.model_copy(update={"architecture": architecture})
        bound: MethodClass = "linear" if architecture == "closed_form" else "any"
        return MethodSpec(name, role, bound, partial(_make, chosen, fused, device), slow=slow)

    return (
        spec("transcoder", base, "transcoder"),
        spec("sparse", base, "sparse"),
        spec("closed_form", base, "closed_form"),
        spec("paper", base, "paper", slow=True),
        spec("vanilla", base, "vanilla", slow=True),
        *(
            spec(
                one.name,
                one.settings(base),
                one.architecture,
                "ablation",
                fused=one.fusion or fusion,
            )
            for one in ablations()
        ),
    )


def _make(
    settings: TrainSettings,
    fusion: Fusion,
    device: Device,
    knowledge: Knowledge | None,  # noqa: ARG001, a blind method gets None
    seed: int,
) -> TranscoderMethod:
    """Return an untrained transcoder whose networks have a seed."""
    seeded = {
        part: getattr(settings, part).model_copy(update={"seed": seed})
        for part in ("residual", "paper")
    }
    return TranscoderMethod(settings.model_copy(update=seeded), fusion=fusion, device=device)


TRANSCODER_SPECS = transcoder_specs()
