"""A small linear transcoder with its runs, and settings under which they can be read out."""

from neurotranscoder.analyse.identifiability import IdentifiabilitySettings
from neurotranscoder.analyse.transcoder import AnalyseSettings
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from synthetic_runs import synthetic_runs

SETTINGS = AnalyseSettings(
    edge=(8.0, 8.0), identifiability=IdentifiabilitySettings(least_shift=20.0, n_shifts=499)
)


def trained_example():
    """Return a model, its three training runs and its two validation runs."""
    runs = synthetic_runs(6, n_frames=400)
    labels = [run.run.label for run in runs]
    closed_form = ClosedFormSettings(hrf_duration=8.0, decoder_span=(-8.0, 4.0), n_components=2)
    settings = TrainSettings(
        architecture="closed_form", closed_form=closed_form, probe_seconds=20.0
    )
    split = Split(tuple(labels[:3]), tuple(labels[3:5]), tuple(labels[5:]))
    return fit_transcoder(runs[:3], runs[3:5], split, settings), runs[:3], runs[3:5]
