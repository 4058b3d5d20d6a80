"""Findings as a demo would have them, made without running one."""

import mne
import numpy as np

from neurotranscoder.core.axes import Montage, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.findings import Findings, Line, Panel, SourceMap, Topography
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from realism_example import example_realism

CENTRE = np.array([0.0, -17.0, 8.0])
# method: bold_from_eeg, eeg_from_bold, source_from_eeg, source_from_bold, source_fused
SCORES = {
    "transcoder": (0.57, 0.45, (0.55, 0.58), (0.36, 0.68), (0.59, 0.77)),
    "closed_form": (0.56, 0.45, (0.54, 0.57), (0.36, 0.67), (0.58, 0.76)),
    "paper": (0.22, 0.31, (0.25, 0.26), (0.23, 0.47), (0.33, 0.50)),
    "ridge_lags": (0.48, None, None, None, None),
    "ridge_true_hrf": (0.59, None, (0.46, 0.52), None, None),
    "minimum_norm_true_leadfield": (0.33, None, (0.37, 0.40), None, None),
    "oracle_spatial_wiener": (0.62, None, (0.59, 0.62), None, None),
    "oracle_linear": (0.64, 0.52, (0.59, 0.68), (0.38, 0.70), (0.64, 0.83)),
    "null_wrong_run": (0.01, -0.01, (0.00, 0.02), (0.01, -0.02), (0.0, 0.01)),
}
QUANTITIES = (
    "bold_from_eeg",
    "eeg_from_bold",
    "source_from_eeg",
    "source_from_bold",
    "source_fused",
)


def example_findings(seed: int = 0) -> Findings:
    """Return findings of a small simulated study; other seeds give other noise."""
    rng = np.random.default_rng(seed)
    blocks = _blocks()
    montage = _montage()
    return Findings(
        title="Demo: auditory oddball, 3 subjects, simulated",
        simulated=True,
        facts=_facts(blocks),
        metrics=_metrics(rng),
        measures=_measures(),
        traces=_traces(rng),
        maps=tuple(_source_map(rng, blocks, time) for time in (123.4, 301.8)),
        responses=_responses(),
        topographies=tuple(
            _topography(rng, montage, region) for region in ("left motor", "occipital", "auditory")
        ),
        curves=_curves(rng),
        warnings=("3 events of sub-02 run-01 had no onset and were dropped.",),
        blocks=blocks,
        montage=montage,
        realism=example_realism(rng, blocks.n_blocks, len(montage.names)),
        mni=True,
    )


def _facts(blocks):
    return (
        ("Study", "simulated, preset small, seed 0"),
        ("Subjects and runs", "3 subjects, 16 runs of 300 s (TR 2 s, 64 EEG channels at 250 Hz)"),
        ("Held out", "6 whole runs of 2 subjects"),
        ("Noise", "10 dB signal-to-noise ratio per modality, global"),
        ("Source grid", f"{blocks.n_blocks} blocks of 12 mm at 2.5 Hz"),
        ("EEG clock", "measured from 150 volume triggers per run"),
    )


def _blocks():
    voxel_to_world = np.diag([6.0, 6.0, 6.0, 1.0])
    voxel_to_world[:3, 3] = [-93.0, -109.0, -67.0]
    grid = VoxelGrid((32, 32, 25), voxel_to_world)
    where = grid.world(np.argwhere(np.ones(grid.shape, bool)))
    inside = np.sum(((where - CENTRE) / [66.0, 84.0, 66.0]) ** 2, axis=1) < 1
    return BlockMap.from_mask(grid, inside.reshape(grid.shape), factors=(2, 2, 2))


def _montage():
    standard = mne.channels.make_standard_montage("biosemi64").get_positions()["ch_pos"]
    positions = np.array(list(standard.values())) * 1000 + CENTRE
    return Montage(tuple(standard), positions)


def _metrics(rng):
    rows = []
    for method, scores in SCORES.items():
        for quantity, score in zip(QUANTITIES, scores, strict=True):
            pair = score if isinstance(score, tuple) else (score,)
            kinds = ("evoked", "oscillatory") if isinstance(score, tuple) else ("all",)
            for kind, r in zip(kinds, pair, strict=True):
                if r is not None:
                    half = float(rng.uniform(0.02, 0.06))
                    ends = (r - half, r + half)
                    rows.append(MetricRow("oddball", method, quantity, kind, r, *ends, 6, 2.61))
    for method, hrf, leadfield in (("closed_form", 0.994, 0.98), ("paper", 0.29, 0.40)):
        nan = float("nan")
        rows.append(MetricRow("oddball", method, "hrf", "all", hrf, nan, nan, 1, 2.61))
        ends = (leadfield - 0.02, min(leadfield + 0.01, 1.0))
        rows.append(MetricRow("oddball", method, "leadfield", "all", leadfield, *ends, 20, 2.61))
    return tuple(rows)


def _measures():
    return (
        MeasureRow("oddball", "closed_form", "hrf", "all", "peak", 5.21, "s", 5.1, 5.3, 6),
        MeasureRow("oddball", "paper", "hrf", "all", "peak", 9.4, "s", np.nan, np.nan, 6),
        MeasureRow(
            "oddball",
            "transcoder",
            "source_from_eeg",
            "evoked",
            "localisation_error",
            9.1,
            "mm",
            8,
            10,
            6,
        ),
    )


def _smooth(rng, n, width):
    kernel = np.hanning(width)
    noise = np.convolve(rng.standard_normal(n + width), kernel / np.sqrt(np.sum(kernel**2)))
    return noise[width : width + n]


def _traces(rng):
    panels = []
    for title, unit, n, step, width in (
        ("BOLD, left auditory cortex, sub-03 run-04", "BOLD (% change)", 150, 2.0, 6),
        ("EEG, channel Cz at group rate, sub-03 run-04", "EEG (µV)", 750, 0.4, 5),
        ("Evoked source, left motor cortex, sub-03 run-04", "activity (a.u.)", 750, 0.4, 4),
    ):
        times = np.arange(n) * step
        truth = _smooth(rng, n, width)
        lines = [Line("truth", times, truth)]
        for label, share in (("transcoder", 0.75), ("minimum_norm_true_leadfield", 0.45)):
            noise = _smooth(rng, n, width)
            lines.append(Line(label, times, share * truth + 0.5 * (1 - share) * noise))
        panels.append(Panel(title, "time (s)", unit, tuple(lines)))
    return tuple(panels)


def _source_map(rng, blocks, time):
    seeds = [[-40, -25, 55], [50, -20, 8], [0, -85, 5], [-30, 45, 20]]
    values = np.zeros(blocks.n_blocks)
    for place, gain in zip(seeds, (1.0, 0.7, -0.8, 0.5), strict=True):
        distance = np.linalg.norm(blocks.centres - place, axis=1)
        values += gain * (distance < 20) * np.exp(-((distance / 18) ** 2))
    blurred = [
        values + 0.09 * rng.standard_normal(len(values)),
        0.7 * values + 0.22 * rng.standard_normal(len(values)),
    ]
    labels = ("truth", "transcoder", "minimum_norm_true_leadfield")
    return SourceMap(f"sub-03 run-04, {time:g} s", time, labels, np.stack([values, *blurred]))


def _responses():
    lags = np.arange(0, 32, 0.4)

    def shape(peak):
        late = (lags / (peak + 10)) ** (peak + 10) * np.exp(peak + 10 - lags)
        return ((lags / peak) ** peak * np.exp(peak - lags) - 0.2 * late) / 5

    lines = (
        Line("truth", lags, shape(5.2)),
        Line("closed_form", lags, shape(5.35)),
        Line("paper", lags, 0.6 * shape(8.0)),
    )
    return Panel("Hemodynamic response, mean over the brain", "lag (s)", "response (1/s)", lines)


def _topography(rng, montage, region):
    place = CENTRE + 60 * np.array(
        {"left motor": [-0.5, 0, 0.85], "occipital": [0, -0.9, 0.3], "auditory": [0.9, 0, 0.2]}[
            region
        ]
    )
    distance = np.linalg.norm(montage.positions - place, axis=1)
    truth = np.exp(-((distance / 60) ** 2))
    truth -= truth.mean()
    learnt = truth + 0.05 * rng.standard_normal(len(truth))
    rough = truth + 0.2 * rng.standard_normal(len(truth))
    return Topography(region, ("truth", "closed_form", "paper"), np.stack([truth, learnt, rough]))


def _curves(rng):
    steps = np.arange(0, 640, 20.0)
    panels = []
    for name, floor in (("paper", 0.45), ("transcoder", 0.31)):
        fall = floor + 3 * np.exp(-steps / 90)
        train = fall * np.exp(0.03 * rng.standard_normal(len(steps)))
        lines = (Line("training", steps, train), Line("validation", steps, fall + 0.05))
        panels.append(Panel(f"Loss, {name}", "step", "mean squared error (a.u.)", lines))
    return tuple(panels)
