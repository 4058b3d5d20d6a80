"""Two processes that open the same new folders at the same moments."""

import multiprocessing

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.output_folder import open_output_folder

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 120


def opened(folder, barrier):
    """Try to open a folder; whoever has it holds it until the other one has tried."""
    barrier.wait()
    try:
        with open_output_folder(folder, kind="run", identity="1"):
            barrier.wait()
            return True
    except StoreError:
        barrier.wait()
        return False


def compete(folders, barrier, sender):
    """Send for each folder whether it was ours."""
    sender.send([opened(folder, barrier) for folder in folders])


def race(folders):
    """Return for each folder how many of two processes had it."""
    barrier = SPAWN.Barrier(2, timeout=PATIENCE)
    readers = []
    for _ in range(2):
        reader, sender = SPAWN.Pipe(duplex=False)
        SPAWN.Process(target=compete, args=(folders, barrier, sender), daemon=True).start()
        sender.close()
        readers.append(reader)
    return [sum(pair) for pair in zip(*(reader.recv() for reader in readers), strict=True)]
