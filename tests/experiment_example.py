"""The benchmark of the paper's experiments, importable, and its worlds at sizes for tests."""

import importlib
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def benchmark_module(name):
    """Return a module that lies beside the benchmarks."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


worlds = benchmark_module("experiment_worlds")
SECONDS = {"oddball-paper": 42.0, "oddball": 40.0, "faces": 40.0}


def short_world(name, **changes):
    """Return an experiment of two short runs of one subject, on a coarse head."""
    head = {"ico": 2, **changes.pop("head", {})}
    sizes = {"subjects": 1, "runs": 2, "duration": SECONDS[name], "test_runs": 0}
    return worlds.experiment_scenario(name, preset="tiny", head=head, **sizes | changes)
