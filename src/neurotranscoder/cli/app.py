"""The commands by name."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, CycloptsError

from neurotranscoder import __version__
from neurotranscoder.cli.analyse import analyse
from neurotranscoder.cli.benchmark import benchmark
from neurotranscoder.cli.common import BAD_INPUT, exit_code
from neurotranscoder.cli.demo import demo
from neurotranscoder.cli.evaluate import evaluate, report
from neurotranscoder.cli.imports import import_
from neurotranscoder.cli.preprocess import preprocess
from neurotranscoder.cli.reconstruct import reconstruct, transcode
from neurotranscoder.cli.run import run_app
from neurotranscoder.cli.simulate import simulate
from neurotranscoder.cli.train import train

app = App(
    name="neurotranscoder",
    help="Turn EEG into BOLD and BOLD into EEG through a latent source space learnt from data.",
    version=__version__,
)
COMMANDS = (
    demo,
    simulate,
    preprocess,
    import_,
    train,
    reconstruct,
    transcode,
    analyse,
    evaluate,
    report,
    benchmark,
)
for command in COMMANDS:
    app.command(command)
app.command(run_app, name="run")


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        Words of the command line, without the name of the program.

    Returns
    -------
    code : int
        0 done, 1 failed, 2 bad input or settings, 75 stopped early and resumable.
    """
    try:
        command, bound, _ = app.parse_args(list(arguments), exit_on_error=False, print_error=True)
    except CycloptsError:
        return BAD_INPUT
    return exit_code(lambda: command(*bound.args, **bound.kwargs))
