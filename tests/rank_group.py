"""Trainings in real processes that form a group, as torchrun would start them."""

import json
import multiprocessing
import os
import socket
from datetime import timedelta

import torch

import small_network
from neurotranscoder.core.errors import NeurotranscoderError
from neurotranscoder.train.loop import train_network
from neurotranscoder.train.network import build_network
from neurotranscoder.train.ranks import joined
from neurotranscoder.train.scaling import Scaling
from small_network import linear_start
from synthetic_runs import N_CHANNELS, block_map, run_of, synthetic_runs

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["neurotranscoder.train.loop", "torch._dynamo"])
RUNS = synthetic_runs(4)


def changed(settings, **values):
    return settings.model_copy(update=values)


SETTINGS = changed(
    small_network.SETTINGS, steps=6, validate_every=2, checkpoint_every=2, windows_per_step=3
)


def broken_run():
    """Two frames in volts instead of microvolts: one window of 16 s diverges."""
    eeg = RUNS[0].eeg.copy()
    eeg[0, 20:22] = 10.0, -10.0
    return run_of(eeg, RUNS[0].bold, RUNS[0].blocks, number=7)


def train(settings, *, broken=False, device="cpu", folder=None, progress=None):
    """Train on two runs, validate on two others."""
    linear = linear_start() if settings.architecture == "gated" else None
    model = build_network(N_CHANNELS, block_map().mask, settings, linear=linear)
    training = [broken_run() if broken else RUNS[0], RUNS[1]]
    return train_network(
        model.to(device),
        training,
        RUNS[2:],
        settings,
        scaling=Scaling.fit(RUNS[:2]),
        folder=folder,
        progress=progress,
    )


def described(result):
    """Return what a training ended with, as JSON can hold it exactly."""
    return {
        "curve": [row.to_json() for row in result.curve],
        "skipped": list(result.skipped),
        "weights": {
            name: value.double().flatten().tolist()
            for name, value in result.model.state_dict().items()
        },
    }


def as_rank(rank, port, trainings, sender, device, patience):
    """Do trainings one after another as one of two ranks; send steps, then what was found."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    place = torch.device("cuda", rank) if device == "cuda" else torch.device("cpu")
    found = []
    try:
        with joined(place, patience=timedelta(seconds=patience)):
            for options in trainings[rank]:
                result = train(
                    **options, device=place, progress=lambda step, *_: sender.send(("step", step))
                )
                found.append(described(result))
    except NeurotranscoderError as error:
        sender.send(("error", f"{type(error).__name__}: {error}"))
    else:
        sender.send(("done", json.dumps(found)))


def start_group(trainings, *, device="cpu", patience=120):
    """Start two ranks, each with its list of options of `train`; return processes and pipes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    group = []
    for rank in range(2):
        reader, writer = FORK.Pipe(duplex=False)
        process = FORK.Process(
            target=as_rank, args=(rank, port, trainings, writer, device, patience)
        )
        process.start()
        writer.close()
        group.append((process, reader))
    return group


def last_message(process, reader):
    """Return what a rank sent last, None when it died without a word."""
    kind, content = None, None
    try:
        while kind not in ("error", "done"):
            kind, content = reader.recv()
    except EOFError:
        kind, content = None, None
    process.join()
    return kind, content


def results_of(group):
    """Return for each rank what its trainings ended with."""
    messages = [last_message(*member) for member in group]
    assert [kind for kind, _ in messages] == ["done", "done"], messages
    return [json.loads(content) for _, content in messages]
