"""Tables of a benchmark that never ran: any methods, any scenarios, numbers from a seed."""

import numpy as np

from neurotranscoder.evaluate.benchmark.record import write_record
from neurotranscoder.evaluate.benchmark.rows import (
    BenchmarkMeasure,
    BenchmarkRow,
    CheckRow,
    RunRow,
)
from neurotranscoder.evaluate.benchmark.summary import summarise
from neurotranscoder.evaluate.benchmark.tables import Tables, seal_tables, write_tables
from neurotranscoder.evaluate.benchmark.traces import RunTraces, Trace, save_traces, traces_path
from neurotranscoder.evaluate.methods.registry import MethodSpec

NAN = float("nan")
ROLES = {
    "transcoder": "transcoder",
    "closed_form": "transcoder",
    "ablation_no_whitening": "ablation",
    "ridge_lags": "rival",
    "minimum_norm_true_leadfield": "informed",
    "oracle_spatial_wiener": "oracle",
    "null_shifted": "null",
}
SIGNALS = (("bold_from_eeg", "all"), ("eeg_from_bold", "all"))
SOURCES = tuple(
    (f"source_{path}", kind)
    for path in ("from_eeg", "from_bold", "fused")
    for kind in ("all", "evoked", "oscillatory")
)


def never(knowledge, seed):
    """Make no method."""
    raise AssertionError("nothing is run")


def example_measures(scenario, method, role, seed):
    """Return a measure of every method, and what transcoders have learnt."""
    facts = [(method, "source_from_eeg", "evoked", "localisation_error", 12.25 + seed, "mm")]
    if method == "transcoder":
        facts.append((method, "eeg_from_bold", "all", "gate", 0.125, "n/a"))
    if role == "transcoder":
        facts.append((method, "hrf", "all", "peak", 5.0, "s"))
        facts.append((f"truth_beside_{method}", "hrf", "all", "peak", 5.125, "s"))
    return [BenchmarkMeasure(scenario, *fact, NAN, NAN, 3, seed) for fact in facts]


def example_tables(roles=ROLES, *, scenarios=("power",), seeds=(100, 101, 102)):
    """Return tables in which every method says everything."""
    rng = np.random.default_rng(7)
    metrics, measures, runs, checks = [], [], [], []
    for scenario in scenarios:
        for method, role in roles.items():
            level = {"null": 0.0, "control": 0.05, "oracle": 0.8}.get(role, rng.uniform(0.2, 0.8))
            for seed in seeds:
                for quantity, kind in (*SIGNALS, *SOURCES):
                    r = float(np.clip(level + 0.03 * rng.standard_normal(), -0.99, 0.99))
                    fact = (scenario, method, quantity, kind)
                    row = (*fact, r, r - 0.05, r + 0.05, 3, 1.5 + seed / 100, seed)
                    metrics.append(BenchmarkRow(*row))
                    runs += [RunRow(*fact, seed, f"run-{k}", r) for k in range(3)]
                measures += example_measures(scenario, method, role, seed)
    for seed in seeds:
        place = (scenarios[0], seed, "oracle_spatial_wiener", "minimum_norm_true_leadfield")
        fact = ("source_from_eeg", "all", 0.3, 0.2, 0.4, 3, "holds")
        checks.append(CheckRow(*place, *fact))
    specs = [MethodSpec(name, role, None, never) for name, role in roles.items()]
    return Tables(
        tuple(metrics), tuple(measures), tuple(runs), summarise(metrics, specs), tuple(checks)
    )


def example_record(roles=ROLES, *, scenarios=("power",), seeds=(100, 101, 102), traces=None):
    """Return ``benchmark.json`` without its day."""
    code = {"version": "0.1.0", "code": "a" * 64, "commit": "b" * 40, "libraries": "numpy 2"}
    return {
        "plan": {"preset": "tiny", "duration": 600.0},
        "runs": {"fit": 4, "choose": 2, "test": 3},
        "made_by": [code],
        "methods": [
            {"name": name, "role": role, "bound": None, "informed": False}
            for name, role in roles.items()
        ],
        "worlds": [
            {
                "scenario": scenario,
                "seed": seed,
                "test_run": "run-0",
                "traces": (traces or {}).get((scenario, seed), {}),
            }
            for scenario in scenarios
            for seed in seeds
        ],
        "failures": [],
    }


def example_traces(seed=0, quantities=("source_from_eeg", "bold_from_eeg")):
    """Return time courses of seven places: r rises with the place, and with the seed."""
    rng = np.random.default_rng(7)
    found = []
    for quantity in quantities:
        source = quantity.startswith("source")
        kinds = ("evoked",) * 4 + ("oscillatory",) * 3 if source else ("all",) * 7
        truth, noise = rng.standard_normal((2, 7, 40)).astype(np.float32)
        noise = np.roll(noise, seed)
        places = tuple(f"block {10 + k}" for k in range(7))
        r = np.linspace(0.1, 0.7, 7) + seed / 100
        unit = "sd" if source else "image units"
        time = (0.5, np.full(7, 32.0))
        found.append(Trace(quantity, unit, places, kinds, *time, truth, truth + noise, r))
    return RunTraces("run-0", tuple(found))


def write_example(out, roles=ROLES, *, scenarios=("power",), seeds=(100, 101, 102), traced=()):
    """Write tables, record and time courses to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    write_tables(out, example_tables(roles, scenarios=scenarios, seeds=seeds))
    traces = {}
    for scenario in scenarios:
        folder = out / "worlds" / scenario / f"seed-{seeds[0]}"
        traces[scenario, seeds[0]] = {
            method: save_traces(traces_path(folder, method), example_traces(number))
            for number, method in enumerate(traced)
        }
    write_record(out, example_record(roles, scenarios=scenarios, seeds=seeds, traces=traces))
    seal_tables(out)
    return out
