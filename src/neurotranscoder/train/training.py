"""A training between two steps: what it knows, how it goes on, and how it goes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurotranscoder.core.errors import SettingsError, TrainingError
from neurotranscoder.io.scratch import remove_leftovers
from neurotranscoder.model.transcoder import CyclicTranscoder, GatedCoder
from neurotranscoder.train.checkpoint import (
    Snapshot,
    adam_arrays,
    load_snapshot,
    model_arrays,
    save_snapshot,
    set_adam_arrays,
    set_model_arrays,
    snapshot_from_bytes,
    snapshot_to_bytes,
    training_digest,
)
from neurotranscoder.train.contribution import Contributions
from neurotranscoder.train.curve import CurveRow, Gate, LossValues, Progress, TrainingResult
from neurotranscoder.train.losses import cycle_losses, silent_loss
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.ranks import Ranks
from neurotranscoder.train.validation import validate
from neurotranscoder.train.windows import ScaledRun, TrainingWindows, order, pick_blocks


class Training:
    """A training between two steps; ranks that share it are all at the same moment.

    Parameters
    ----------
    model : CyclicTranscoder
        Trained in place.
    training, validation : sequence of ScaledRun
        Runs to learn from, and runs to choose the best weights on.
    settings : NetworkSettings
        How to train.
    folder : Path or None
        Where checkpoints are.
    """

    def __init__(
        self,
        model: CyclicTranscoder,
        training: Sequence[ScaledRun],
        validation: Sequence[ScaledRun],
        settings: NetworkSettings,
        folder: Path | None,
    ) -> None:
        _free_linear(model, train_linear=settings.train_linear)
        self.names: dict[Tensor, str] = {
            p: name for name, p in model.named_parameters() if p.requires_grad
        }
        if not self.names:
            raise SettingsError(
                "the transcoder has no free parameters; it needs gated or convolutional coders; "
                "choose architecture 'gated' or 'paper', or set train_linear"
            )
        first = next(iter(self.names))
        self.model = model
        self.validation = validation
        self.settings = settings
        self.folder = folder
        self.ranks = Ranks.current()
        self.ranks.check(settings)
        self.windows = TrainingWindows(
            training, settings.windows, dtype=first.dtype, device=first.device
        )
        self.optimiser = torch.optim.Adam(self.names, lr=settings.learning_rate)
        self.contributions = Contributions(model, list(self.names))
        self.progress = Progress()
        self.best = model_arrays(model, "best")
        self.digest = training_digest(model, training, validation, settings)
        self.description = _description(model, training, validation, settings)
        self.good = self.snapshot()
        self._kept: dict[int, Tensor] = {}

    def snapshot(self) -> Snapshot:
        """Return this moment."""
        tensors = model_arrays(self.model, "model") | adam_arrays(self.optimiser, self.names)
        return Snapshot(tensors | self.best, self.progress.to_json())

    def restore(self, snapshot: Snapshot) -> None:
        """Go back, or forward, to a moment."""
        set_model_arrays(self.model, snapshot.tensors, "model")
        set_adam_arrays(self.optimiser, self.names, snapshot.tensors)
        self.best = {k: v for k, v in snapshot.tensors.items() if k.startswith("best.")}
        self.progress = Progress.from_json(snapshot.progress)
        self.good = snapshot

    def start(self) -> None:
        """Go on from the checkpoint, or validate the first weights; rank 0 has both."""
        self.ranks.check_same(self.description)
        found = None
        if self.folder is not None and self.ranks.leads:
            remove_leftovers(self.folder)
            found = load_snapshot(self.folder, self.digest)
        if self.ranks.n_ranks > 1:
            content = self.ranks.from_first(snapshot_to_bytes(found or self.good))
            found = snapshot_from_bytes(content)
        if found is not None:
            self.restore(found)
        if self.progress.curve:
            return
        if not self.record():
            raise TrainingError(
                f"the first weights give {self.validate()} on the validation runs; they need to "
                "give finite losses; check the linear coders and the scales"
            )
        self.keep()

    def keep(self) -> None:
        """Remember this moment as good; rank 0 writes it if there is a folder."""
        self.good = self.snapshot()
        if self.folder and self.ranks.leads:
            save_snapshot(self.folder, self.good, self.digest)

    @property
    def finished(self) -> bool:
        """Whether the steps or the patience are used up."""
        since_best = sum(row.step > self.progress.best_step for row in self.progress.curve)
        return self.progress.step >= self.settings.steps or since_best >= self.settings.patience

    def window_number(self, place: int) -> int:
        """Return which window stands at a place in the order of all passes."""
        training_pass, within = divmod(place, len(self.windows))
        return int(order(self.settings.seed, training_pass, len(self.windows))[within])

    def places(self) -> list[int]:
        """Return the places of the windows of this step, skipped ones left out."""
        n, step = self.settings.windows_per_step, self.progress.step
        every = range(n * step, n * (step + 1))
        return [place for place in every if self.window_number(place) not in self.progress.skipped]

    def advance(self) -> float:
        """Do one step; return its mean loss, NaN when windows were skipped or one diverged."""
        places = self.places()
        loss = float("nan")
        if places:
            found = self.descend(places)
            if len(found) < len(places):
                self.roll_back(places[len(found)])
                return loss
            loss = fmean(values.total for values in found)
            for values in found:
                self.progress.summed = self.progress.summed.plus(values)
            self.progress.n_summed += len(found)
        last = self.settings.windows_per_step * (self.progress.step + 1) - 1
        self.progress.step += 1
        due = self.progress.step % self.settings.validate_every == 0
        if (due or self.progress.step == self.settings.steps) and not self.record():
            self.roll_back(last)
        elif self.progress.step % self.settings.checkpoint_every == 0:
            self.keep()
        return loss

    def descend(self, places: Sequence[int]) -> list[LossValues]:
        """Follow the mean gradient of windows; return their losses, up to one that diverges.

        All that windows contribute is added in their order, so the number of ranks that share
        them makes no difference.
        """
        found: list[LossValues] = []
        summed: Tensor | None = None
        self.model.train()
        for vector in self.ranks.share(places, self.contribute, self.contributions.empty):
            values = self.contributions.losses(vector)
            if values is None:
                return found
            found.append(values)
            summed = vector if summed is None else summed + vector
            self.contributions.follow_statistics(vector)
        if summed is not None:
            self.contributions.set_gradient(summed, len(found))
            self.optimiser.step()
        return found

    def contribute(self, place: int) -> Float[Tensor, " n"]:
        """Return what the window at a place contributes to a step; nothing if it diverges."""
        with self.contributions.recording():
            losses = self.losses_at(place)
            return self.contributions.empty if losses is None else self.contributions.pack(losses)

    def losses_at(self, place: int) -> LossValues | None:
        """Find losses and gradient of the window at a place; None when it diverges."""
        window, core = self.windows[self.window_number(place)], self.windows.core
        settings, n_blocks = self.settings, window.bold.shape[1]
        chosen = pick_blocks(settings.seed, place, n_blocks, settings.blocks_per_step or n_blocks)
        picked = torch.as_tensor(chosen, device=window.bold.device)
        eeg, bold = window.eeg[..., core], window.bold[..., core].index_select(1, picked)
        self.optimiser.zero_grad()
        outputs = self.model(window.eeg_read, window.bold_read, core=core, picked=picked)
        losses = cycle_losses(outputs, eeg, bold, slice(None), settings.losses)
        limit = settings.explosion * silent_loss(
            settings.losses, n_eeg=eeg.numel(), n_bold=n_blocks * eeg.shape[-1]
        )
        if not losses.total.item() < limit:
            return None
        losses.total.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.names if p.grad is not None]
        if not math.isfinite(nn.utils.get_total_norm(gradients).item()):
            return None
        return LossValues.of(losses)

    def roll_back(self, place: int) -> None:
        """Go back to the last good moment and never use the window at this place again."""
        number = self.window_number(place)
        window = self.windows[number]
        rollbacks = self.progress.rollbacks + 1
        skipped = [*self.progress.skipped, number]
        if rollbacks > self.settings.max_rollbacks:
            raise TrainingError(
                f"{window.run}: training diverged at frame {window.start}, step "
                f"{self.progress.step}, after {rollbacks - 1} rollbacks; exclude this run or "
                "lower train.network.learning_rate"
            )
        self.restore(self.good)
        self.progress.rollbacks, self.progress.skipped = rollbacks, skipped

    def validate(self) -> LossValues:
        """Return the losses on the validation runs."""
        settings = self.settings
        return validate(
            self.model,
            self.validation,
            settings.windows,
            settings.losses,
            self.ranks,
            kept=self._kept,
        )

    def record(self) -> bool:
        """Validate and keep the best weights; return whether the losses are finite."""
        now = self.progress
        values = self.validate()
        if not values.finite:
            return False
        training = now.summed.times(1 / now.n_summed) if now.n_summed else None
        now.curve.append(CurveRow(now.step, training, values))
        now.summed, now.n_summed = LossValues.zero(), 0
        if now.best_score is None or values.bold_from_eeg < now.best_score:
            now.best_score, now.best_step = values.bold_from_eeg, now.step
            self.best = model_arrays(self.model, "best")
        return True

    def result(self) -> TrainingResult:
        """Put the best weights into the model and return it."""
        set_model_arrays(self.model, self.best, "best")
        windows = [self.windows[number] for number in self.progress.skipped]
        return TrainingResult(
            model=self.model.eval(),
            curve=tuple(self.progress.curve),
            best_step=self.progress.best_step,
            steps_done=self.progress.step,
            gates=tuple(Gate(name, value) for name, value in self.model.gates.items()),
            rollbacks=self.progress.rollbacks,
            skipped=tuple(f"{window.run} at frame {window.start}" for window in windows),
        )


def _description(
    model: CyclicTranscoder,
    training: Sequence[ScaledRun],
    validation: Sequence[ScaledRun],
    settings: NetworkSettings,
) -> str:
    """Return what ranks have to agree in; last bits of data and weights may differ."""
    sizes = {name: list(value.shape) for name, value in model.state_dict().items()}
    runs = [
        [f"{run.run} {run.eeg.shape} {run.bold.shape}" for run in part]
        for part in (training, validation)
    ]
    return f"{settings.digest()} {sizes} {runs}"


def _free_linear(model: CyclicTranscoder, *, train_linear: bool) -> None:
    """Say whether the linear part of gated coders is trained."""
    for part in model.modules():
        if isinstance(part, GatedCoder):
            part.linear.requires_grad_(train_linear)
