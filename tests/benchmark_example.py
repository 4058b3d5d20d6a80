"""Quick methods for benchmarks of tiny worlds, importable by worker processes."""

import numpy as np

from neurotranscoder.evaluate.benchmark.entrants import Entrant
from neurotranscoder.evaluate.benchmark.plan import make_plan
from neurotranscoder.evaluate.methods.registry import MethodSpec, methods_named
from neurotranscoder.evaluate.methods.transcoders import transcoder_specs
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.settings import TrainSettings

TRAIN = TrainSettings(closed_form=ClosedFormSettings(hrf_duration=24), probe_seconds=20)


class LaggedRidge:
    """BOLD from EEG at a few lags; the ridge weight is not chosen."""

    lags = (8, 12, 16)

    def fit(self, training, _):
        x = np.concatenate([self.features(run) for run in training], axis=1)
        y = np.concatenate([run.bold - run.bold.mean(1, keepdims=True) for run in training], 1)
        gram = x @ x.T
        ridge = 0.1 * np.trace(gram) / len(gram) * np.eye(len(gram))
        self.weights = np.linalg.solve(gram + ridge, x @ y.T).T

    def features(self, run):
        return np.concatenate([np.roll(run.eeg, lag, axis=1) for lag in self.lags])

    def predict(self, run):
        return Prediction(bold_from_eeg=self.weights @ self.features(run))


class MinimumNorm:
    """Sources from EEG, with the true leadfield; what it knows is kept for tests to look at."""

    seen = []  # noqa: RUF012, one list for all

    def __init__(self, knowledge):
        self.knowledge = knowledge

    def fit(self, training, _):
        truth, blocks = self.knowledge.truth, training[0].blocks
        gain = truth.block_leadfield(blocks, truth.subject(training[0].run))
        gram = gain @ gain.T
        damped = gram + 0.1 * np.trace(gram) / len(gram) * np.eye(len(gram))
        self.kernel = np.linalg.solve(damped, gain).T
        self.seen.append(self.knowledge)

    def predict(self, run):
        return Prediction(source_from_eeg=self.kernel @ run.eeg)


class Noise:
    """A limit that is none."""

    def fit(self, training, validation): ...

    def predict(self, run):
        rng = np.random.default_rng(int(run.run.run))
        return Prediction(source_from_eeg=rng.standard_normal(run.bold.shape))


def _ridge(knowledge, seed):
    return LaggedRidge()


def _noise(knowledge, seed):
    return Noise()


def _minimum_norm(knowledge, seed):
    return MinimumNorm(knowledge)


SPECS = (
    *methods_named(transcoder_specs(TRAIN), ("closed_form",)),
    MethodSpec("ridge_lags", "rival", "linear", _ridge),
    MethodSpec("minimum_norm", "informed", "spatial", _minimum_norm, informed=True),
    MethodSpec("oracle_noise", "oracle", "spatial", _noise),
)


def entrants(world):
    """Return the methods of a world."""
    return [Entrant(spec) for spec in SPECS]


def tiny_plan(**changes):
    """Return a plan of seconds."""
    return make_plan(
        {
            "scenarios": ("sequential-noisefree",),
            "preset": "tiny",
            "geometry_seeds": (100,),
            "train_runs": 4,
            "test_runs": 3,
            "duration": 120.0,
            "align": AlignSettings(block_size=24),
            "train": TRAIN,
        }
        | changes
    )
