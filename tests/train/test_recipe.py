import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.windows import WindowSettings
from synthetic_runs import response, synthetic_runs

SIZES = {
    "spatial_features": (4, 4, 4, 4),
    "temporal_features": (2, 2, 2, 2),
    "temporal_kernel": 3,
    "validate_every": 2,
    "windows": WindowSettings(seconds=20.0),
}


def settings_of(architecture, *, steps=4):
    return TrainSettings(
        architecture=architecture,
        closed_form=ClosedFormSettings(hrf_duration=6.0),
        residual=NetworkSettings(
            architecture="gated", steps=steps, losses=LossWeights(eeg_from_eeg=0.0), **SIZES
        ),
        paper=NetworkSettings(architecture="paper", steps=steps, **SIZES),
        probe_seconds=20.0,
    )


def fit(runs, settings, **options):
    labels = tuple(run.run.label for run in runs)
    split = Split(labels[:3], labels[3:4], labels[4:])
    return fit_transcoder(runs[:3], runs[3:4], split, settings, **options)


@pytest.fixture(scope="module")
def runs():
    return synthetic_runs(5, n_frames=300)


def test_closed_form_recovers_the_response_and_held_out_bold(runs):
    trained = fit(runs, settings_of("closed_form"))
    found = trained.response.values
    truth = np.pad(response(), (0, len(found) - len(response())))
    assert np.corrcoef(found, truth)[0, 1] > 0.97  # 300 frames, noise a tenth of the signal
    predicted = estimate_group(trained, runs[4]).bold_from_eeg
    assert np.corrcoef(predicted.ravel(), _centred(runs[4].bold).ravel())[0, 1] > 0.95
    assert trained.gates == ()
    assert trained.curve.step == ()


def _centred(values):
    return values - values.mean(axis=1, keepdims=True)


def test_a_residual_never_loses_to_its_start_on_validation(runs):
    trained = fit(runs, settings_of("transcoder", steps=6))
    curve = trained.curve
    assert curve.step == (0, 2, 4, 6)
    best = min(curve.validation)
    assert best <= curve.validation[0]
    assert len(trained.gates) == 4


def test_a_residual_starts_at_the_fit_with_sparse_sources(runs):
    """With gates at zero nothing but the linear part speaks, sparse sources included."""
    sparse, residual = (fit(runs, settings_of(name)) for name in ("sparse", "transcoder"))
    coder = residual.module.eeg_to_source
    coder.gate.data.zero_()
    assert sparse.shape == residual.shape
    assert sparse.shape.sparse_rounds > 0
    expected = sparse.module.eeg_to_source.state_dict()
    for name, values in coder.linear.state_dict().items():
        assert_array_equal(values.numpy(), expected[name].numpy())
    first, second = (estimate_group(one, runs[4]) for one in (sparse, residual))
    assert_array_equal(first.source_from_eeg.data, second.source_from_eeg.data)


def test_sparse_sources_are_not_fitted_for_the_closed_form(runs):
    assert fit(runs, settings_of("closed_form")).shape.sparse_rounds == 0
    assert "eeg_to_source.sparse.noise" in fit(runs, settings_of("sparse")).module.state_dict()


def test_progress_is_told_every_step(runs):
    seen = []
    fit(runs, settings_of("paper"), progress=lambda *told: seen.append(told))
    assert [(done, steps) for done, steps, _ in seen] == [(n, 4) for n in (1, 2, 3, 4)]
    assert all(np.isfinite(loss) for *_, loss in seen)


def test_a_closed_form_does_not_depend_on_the_device_or_seed(runs):
    settings = settings_of("closed_form")
    other = settings.model_copy(
        update={"residual": settings.residual.model_copy(update={"seed": 5})}
    )
    first, second = (fit(runs, one).leadfield for one in (settings, other))
    assert_allclose(first, second, rtol=0, atol=0)


def test_constant_signals_are_refused():
    runs = synthetic_runs(5, n_frames=300)
    for run in runs:
        run.eeg[:] = 1e-6
    with pytest.raises(GridError, match=r"EEG of the training runs has a standard deviation of 0"):
        fit(runs, settings_of("closed_form"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_asking_for_a_missing_gpu_is_refused(runs):
    with pytest.raises(SettingsError, match="device is 'cuda' but torch finds no GPU"):
        fit(runs, settings_of("paper"), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("architecture", ["transcoder", "paper", "vanilla"])
def test_two_steps_on_a_gpu_are_those_of_the_cpu(runs, architecture):
    settings = settings_of(architecture, steps=2)
    found = [
        estimate_group(fit(runs, settings, device=device), runs[4]) for device in ("cpu", "cuda")
    ]
    for name in ("bold_from_eeg", "eeg_from_bold"):
        first, second = (getattr(one, name) for one in found)
        assert_allclose(second, first, atol=1e-3 * np.abs(first).max())
