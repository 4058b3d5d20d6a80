"""A tiny simulated study on disk, quick settings, and the command line inside this process."""

from neurotranscoder.cli.app import run

QUICK = (
    "align.block_size=24",
    "train.residual.steps=4",
    "train.residual.validate_every=2",
    "train.residual.checkpoint_every=1",
    "train.residual.windows.seconds=20",
    "train.residual.windows.context=8",
    "train.residual.temporal_kernel=5",
    "train.closed_form.hrf_duration=24",
    "train.probe_seconds=20",
)


def command(*words, quick=True):
    """Run one command; return its exit code."""
    settings = [part for setting in QUICK for part in ("--set", setting)] if quick else []
    return run([str(word) for word in (words[0], *settings, *words[1:])])


def bytes_below(folder, *, without=()):
    """Return the bytes of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }
