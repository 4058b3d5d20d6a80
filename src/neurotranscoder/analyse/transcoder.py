"""All read-outs of one trained transcoder: what a scientist asks of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.agreement import Agreement, Band, SourcePair, agreement
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.expected import ExpectedRegion
from neurotranscoder.analyse.identifiability import (
    Identifiability,
    IdentifiabilitySettings,
    RunSignals,
    identifiability,
)
from neurotranscoder.analyse.jackknife import groups_of
from neurotranscoder.analyse.moments import FigureSettings
from neurotranscoder.analyse.regions import Regions, find_regions
from neurotranscoder.analyse.response_shapes import RegionResponses, ResponseSettings
from neurotranscoder.analyse.responses import (
    LagStatistics,
    basis_of,
    lag_statistics,
    region_responses,
)
from neurotranscoder.analyse.spatial import RunMoments, SpatialReadout, spatial_readout
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.reconstruct.cells import at_acquisition
from neurotranscoder.reconstruct.group import estimate_group, source_of_bold, source_of_eeg
from neurotranscoder.signal.frames import check_inside, inside
from neurotranscoder.train.trained import TrainedTranscoder

Report = Callable[[int, int], None]


class AnalyseSettings(Settings):
    """What is read out of a trained transcoder."""

    responses: ResponseSettings = ResponseSettings()
    """A response for each region."""
    identifiability: IdentifiabilitySettings = IdentifiabilitySettings()
    """What the data can tell, and where."""
    bands: tuple[Band, ...] = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.25), (0.25, 1.0))
    """Frequency bands of the sources in which the two estimates are compared, in Hz."""
    trials: TrialAnalysisSettings = TrialAnalysisSettings()
    """Trials, in the movies of subjects."""
    space: Literal["auto", "mni", "other"] = "auto"
    """Of the images: 'mni' draws on a template and knows regions by name; 'auto' is that where
    their names say ``space-MNI...``, as after `preprocess`."""
    figures: FigureSettings = FigureSettings()
    """Pictures of representative frames of what trials show."""
    expected: tuple[ExpectedRegion, ...] = ()
    """Regions by name that are expected to act: their courses are drawn with that marked, where
    images are in MNI space."""
    edge: tuple[float, float] = (32.0, 30.0)
    """Seconds at the start and end of a run that do not count: filters lack their context."""


@dataclass(frozen=True, slots=True, eq=False)
class Readouts:
    """Everything that is read out of a trained transcoder.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    regions : Regions
        Where its regions are.
    responses : RegionResponses
        A hemodynamic response for each region.
    spatial : SpatialReadout
        Leadfields and inverse maps.
    agreement : Agreement
        Of the two source estimates, region by region.
    identifiability : Identifiability
        Where the data tell something, block by block.
    n_training, n_validation : int
        Runs that were used.
    """

    trained: TrainedTranscoder
    regions: Regions
    responses: RegionResponses
    spatial: SpatialReadout
    agreement: Agreement
    identifiability: Identifiability
    n_training: int
    n_validation: int


def read_out_transcoder(
    trained: TrainedTranscoder,
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    settings: AnalyseSettings,
    *,
    progress: Report | None = None,
) -> Readouts:
    """Return all read-outs; no truth, and no test run, is needed.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    training, validation : sequence of AlignedRun
        The runs that it was trained and chosen on; intervals are over training runs, agreement
        and identifiability are measured on validation runs.
    settings : AnalyseSettings
        Choices.
    progress : callable, optional
        Called with (runs done, runs).

    Raises
    ------
    SettingsError
        When there is no training or no validation run.
    GridError
        When a run is too short.
    """
    if not training or not validation:
        raise SettingsError(
            f"read-outs got {len(training)} training and {len(validation)} validation runs of the "
            "model; they need at least one of each; give the study that it was trained on"
        )
    runs = (*training, *validation)
    check_inside(runs, settings.edge, what="read-outs", cure="set analyse.edge lower")
    regions = find_regions(trained, training)
    basis = basis_of(trained.response, settings.responses)
    facts = []
    for done, run in enumerate(runs, 1):
        facts.append(_facts_of(trained, run, regions.maps, basis, settings.edge))
        if progress is not None:
            progress(done, len(runs))
    known, unseen = facts[: len(training)], facts[len(training) :]
    groups = groups_of(training)
    signals = [_signals_of(trained, run, settings.edge) for run in validation]
    return Readouts(
        trained,
        regions,
        region_responses(
            [lags for lags, _ in known],
            [lags for lags, _ in unseen],
            trained.response,
            groups,
            settings.responses,
        ),
        spatial_readout(
            trained,
            regions,
            [moments for _, moments in known],
            [moments for _, moments in unseen],
            groups,
        ),
        agreement(
            [
                SourcePair(
                    run.run.subject,
                    regions.maps.T @ one.source_from_eeg,
                    regions.maps.T @ one.source_from_bold,
                    one.rate,
                )
                for run, one in zip(validation, signals, strict=True)
            ],
            settings.bands,
        ),
        identifiability(signals, regions.maps, settings.identifiability),
        len(training),
        len(validation),
    )


def _facts_of(
    trained: TrainedTranscoder,
    run: AlignedRun,
    maps: Float[ndarray, "blocks regions"],
    basis: Float[ndarray, "lags basis"],
    edge: tuple[float, float],
) -> tuple[LagStatistics, RunMoments]:
    """Return what one run says about responses, leadfields and inverse maps."""
    trained.check(run)
    scaling = trained.scaling
    bold = maps.T @ scaling.scale_bold(run.bold)
    from_eeg = source_of_eeg(trained, run.eeg, run.power)
    from_bold = source_of_bold(trained, run.bold_volumes if trained.reads_volumes else run.bold)
    part = inside(1 / run.axis.sfreq, run.axis.n_times, edge)
    moments = RunMoments.of(
        trained,
        scaling.scale_eeg(run.eeg),
        bold,
        (from_eeg[:, part], maps.T @ from_bold[:, part]),
        part,
    )
    return lag_statistics((maps.T @ from_eeg, bold), basis), moments


def _signals_of(
    trained: TrainedTranscoder, run: AlignedRun, edge: tuple[float, float]
) -> RunSignals:
    """Return what the tests of identifiability compare in one run."""
    estimates = estimate_group(trained, run)
    cells, n_blocks = run.cells, run.blocks.n_blocks
    predicted = replace(cells, data=at_acquisition(estimates.bold_from_eeg, run.axis, cells))
    tr, rate = cells.volumes.tr, run.axis.sfreq
    volumes = inside(tr, cells.data.shape[1], edge)
    frames = inside(1 / rate, run.axis.n_times, edge)
    return RunSignals(
        rate,
        tr,
        estimates.source_from_eeg.data[:, frames],
        estimates.source_from_bold.data[:, frames],
        cells.block_volumes(n_blocks)[:, volumes],
        predicted.block_volumes(n_blocks)[:, volumes],
    )
