import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import TrainingError
from neurotranscoder.evaluate.methods.protocol import predict_blindly, without_eeg
from neurotranscoder.evaluate.methods.transcoders import (
    TranscoderMethod,
    ablations,
    transcoder_specs,
)
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.train.build import network_settings
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.settings import TrainSettings
from synthetic_runs import synthetic_runs

QUICK = TrainSettings(
    architecture="closed_form",
    closed_form=ClosedFormSettings(hrf_duration=8, decoder_span=(-6.0, 2.0)),
    probe_seconds=20,
)


def flat(values, prefix=""):
    """Return nested settings as one level of names with dots."""
    out = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        out |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return out


def test_fitted_method_says_what_the_transcoder_says():
    runs = synthetic_runs(4)
    method = TranscoderMethod(QUICK, fusion="zscored")
    method.fit(runs[:2], runs[2:3])
    expected = estimate_group(method.trained, runs[3], fusion="zscored")
    found = predict_blindly(method, runs[3])
    assert_allclose(found.bold_from_eeg, expected.bold_from_eeg)
    assert_allclose(found.source_fused, expected.source_fused.data)
    assert not np.any(method.predict(without_eeg(runs[3])).source_from_eeg)
    assert method.trained.split.training == tuple(run.run.label for run in runs[:2])


def test_untrained_method_says_so():
    with pytest.raises(TrainingError, match="call fit first"):
        TranscoderMethod(QUICK).predict(synthetic_runs(1)[0])


def test_networks_have_the_seed_that_they_are_made_with():
    for spec in transcoder_specs():
        settings = spec.make(None, 107).settings
        assert (settings.residual.seed, settings.paper.seed) == (107, 107)


def test_every_ablation_changes_what_it_names_and_nothing_else():
    recipe = flat(TrainSettings().model_dump())
    for ablation in ablations():
        changed = flat(ablation.settings(TrainSettings()).model_dump())
        different = {name for name, value in changed.items() if value != recipe[name]}
        assert different == {name for name, _ in ablation.changes}
        assert different or ablation.fusion


def test_vanilla_is_the_paper_without_cycle_losses():
    made = {spec.name: spec.make(None, 7).settings for spec in transcoder_specs()}
    paper, vanilla = (flat(network_settings(made[n]).model_dump()) for n in ("paper", "vanilla"))
    cycles = {"losses.bold_from_bold", "losses.eeg_from_eeg"}
    assert {name for name, value in vanilla.items() if value != paper[name]} == cycles
    assert [vanilla[name] for name in sorted(cycles)] == [0.0, 0.0]
    assert (vanilla["seed"], vanilla["losses.eeg_from_bold"]) == (7, 1.0)


def test_methods_of_minutes_are_left_out_unless_asked_for():
    assert {spec.name for spec in transcoder_specs() if spec.slow} == {"paper", "vanilla"}


def test_choices_of_the_linear_fit_are_switched_off_there_and_those_of_networks_in_the_recipe():
    made = {spec.name: spec.make(None, 0).settings.architecture for spec in transcoder_specs()}
    assert made["ablation_no_whitening"] == "closed_form"
    assert made["ablation_no_context"] == "transcoder"
