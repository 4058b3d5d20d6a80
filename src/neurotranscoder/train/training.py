"""A training between two steps: what it knows, how it goes on, and how it goes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from neurotranscoder.core.errors import SettingsError, TrainingError
from neurotranscoder.io.store import remove_leftovers
from neurotranscoder.model.transcoder import CyclicTranscoder, GatedCoder
from neurotranscoder.train.checkpoint import (
    Snapshot,
    adam_arrays,
    load_snapshot,
    model_arrays,
    save_snapshot,
    set_adam_arrays,
    set_model_arrays,
    training_digest,
)
from neurotranscoder.train.curve import CurveRow, Gate, LossValues, Progress, TrainingResult
from neurotranscoder.train.losses import cycle_losses, silent_loss
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.validation import validate
from neurotranscoder.train.windows import ScaledRun, TrainingWindows, order, pick_blocks


class Training:
    """A training between two steps.

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
        self.windows = TrainingWindows(
            training, settings.windows, dtype=first.dtype, device=first.device
        )
        self.optimiser = torch.optim.Adam(self.names, lr=settings.learning_rate)
        self.progress = Progress()
        self.best = model_arrays(model, "best")
        self.digest = training_digest(model, training, validation, settings)
        self.good = self.snapshot()

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
        """Go on from the checkpoint, or validate the first weights."""
        found = None
        if self.folder is not None:
            remove_leftovers(self.folder)
            found = load_snapshot(self.folder, self.digest)
        if found is not None:
            self.restore(found)
        elif not self.record():
            raise TrainingError(
                f"the first weights give {self.validate()} on the validation runs; they need to "
                "give finite losses; check the linear coders and the scales"
            )
        else:
            self.keep()

    def keep(self) -> None:
        """Remember this moment as good, on disk if there is a folder."""
        self.good = self.snapshot()
        if self.folder:
            save_snapshot(self.folder, self.good, self.digest)

    @property
    def finished(self) -> bool:
        """Whether the steps or the patience are used up."""
        since_best = sum(row.step > self.progress.best_step for row in self.progress.curve)
        return self.progress.step >= self.settings.steps or since_best >= self.settings.patience

    def window_number(self) -> int:
        """Return which window comes next."""
        training_pass, place = divmod(self.progress.step, len(self.windows))
        return int(order(self.settings.seed, training_pass, len(self.windows))[place])

    def advance(self) -> float:
        """Do one step; return its loss, NaN when the window was skipped or diverged."""
        number = self.window_number()
        loss = float("nan")
        if number not in self.progress.skipped:
            values = self.descend(number)
            if values is None:
                self.roll_back(number)
                return loss
            loss = values.total
            self.progress.summed = self.progress.summed.plus(values)
            self.progress.n_summed += 1
        self.progress.step += 1
        due = self.progress.step % self.settings.validate_every == 0
        if (due or self.progress.step == self.settings.steps) and not self.record():
            self.roll_back(number)
        elif self.progress.step % self.settings.checkpoint_every == 0:
            self.keep()
        return loss

    def descend(self, number: int) -> LossValues | None:
        """Follow the gradient of one window; None when it diverges."""
        window, core, settings = self.windows[number], self.windows.core, self.settings
        n_blocks = window.bold.shape[1]
        chosen = pick_blocks(
            settings.seed, self.progress.step, n_blocks, settings.blocks_per_step or n_blocks
        )
        picked = torch.as_tensor(chosen, device=window.bold.device)
        eeg, bold = window.eeg[..., core], window.bold[..., core].index_select(1, picked)
        self.model.train()
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
        self.optimiser.step()
        return LossValues.of(losses)

    def roll_back(self, number: int) -> None:
        """Go back to the last good moment and never use this window again."""
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
        return validate(self.model, self.validation, self.settings.windows, self.settings.losses)

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


def _free_linear(model: CyclicTranscoder, *, train_linear: bool) -> None:
    """Say whether the linear part of gated coders is trained."""
    for part in model.modules():
        if isinstance(part, GatedCoder):
            part.linear.requires_grad_(train_linear)
