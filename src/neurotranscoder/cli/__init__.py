"""The command line: read settings, call, write."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from neurotranscoder.cli.app import run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Asked to end by SIGTERM, as by schedulers, it stops as by Ctrl-C.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
