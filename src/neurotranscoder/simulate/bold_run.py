"""The BOLD of one run, whole or part by part: signal, baseline, motion, each noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Bold
from neurotranscoder.simulate.bold import bold_signal, mixed_signal
from neurotranscoder.simulate.bold_artefacts import (
    add_noise,
    add_white,
    mean_variance,
    move_head,
    run_bold_noise,
    run_motion,
)
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.scene import Scene, scene_of
from neurotranscoder.simulate.sources import RunSources

MOTION, WHITE = "motion", "white"


@dataclass(frozen=True, slots=True, eq=False)
class BoldRun:
    """What the BOLD of one run consists of.

    Parameters
    ----------
    cohort : Cohort
        What all runs share.
    follows : RunSources
        What BOLD follows in this run.
    which : tuple of int
        Subject and run, both from 0.
    """

    cohort: Cohort
    follows: RunSources
    which: tuple[int, int]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of what is added to signal and baseline: motion, and each noise."""
        scenario = self.cohort.scenario
        motion = () if scenario.motion is None else (MOTION,)
        if scenario.bold_noise is not None:
            noise = run_bold_noise(scenario, self.cohort.subjects[self.which[0]].head, *self.which)
            return (*motion, *(noise.parts if noise else ()))
        return (*motion, *(() if scenario.bold_snr_db is None else (WHITE,)))

    def signal(self) -> Float[ndarray, "x y z volumes"]:
        """Return the noise-free signal (gain times F of Eq. 1), float32, without its baseline."""
        return self._signal(self._scene())

    def baseline(self) -> Float[ndarray, "x y z"]:
        """Return the mean signal of each voxel; in MNI it is 0 outside the brain."""
        return self._scene().baseline

    def record(self) -> Bold:
        """Return the images as the scanner stores them: the magnitude of the sum of all parts."""
        scenario, scene = self.cohort.scenario, self._scene()
        data = self._signal(scene)
        signal = mean_variance(data, scene.active)
        data += scene.baseline[..., np.newaxis].astype(np.float32)
        self._move(data, scene)
        self._add_noise(data, scene, signal, only=None)
        if scenario.bold_noise is not None or scenario.bold_snr_db is not None:
            np.abs(data, out=data)
        return Bold(data, scene.head.grid, scenario.volumes, scene.head.brain)

    def part(self, name: str) -> Float[ndarray, "x y z volumes"]:
        """Return what one part adds, before the magnitude is taken.

        Parameters
        ----------
        name : str
            One of ``parts``.

        Raises
        ------
        SettingsError
            When the run has no such part.
        """
        if name not in self.parts:
            raise SettingsError(
                f"BOLD of this run has no part {name!r}; it has {', '.join(self.parts) or 'none'}"
            )
        scene = self._scene()
        data = self._signal(scene)
        if name == MOTION:
            data += scene.baseline[..., np.newaxis].astype(np.float32)
            moved = data.copy()
            self._move(moved, scene)
            return np.asarray(moved - data)
        signal = mean_variance(data, scene.active)
        data[:] = 0
        self._add_noise(data, scene, signal, only=name)
        return data

    def _scene(self) -> Scene:
        """Return the head as the images see it."""
        return scene_of(self.cohort, self.which[0])

    def _signal(self, scene: Scene) -> Float[ndarray, "x y z volumes"]:
        """Return the noise-free signal of a scene."""
        hemodynamics = self.cohort.hemodynamics(self.which[0])
        volumes, gain = self.cohort.scenario.volumes, self.cohort.levels.bold_gain
        if scene.mixing is None:
            return bold_signal(self.follows, self.cohort.regions, hemodynamics, volumes, gain=gain)
        shape = scene.head.grid.shape
        return mixed_signal(self.follows, scene.mixing, shape, hemodynamics, volumes, gain=gain)

    def _move(self, data: Float[ndarray, "x y z volumes"], scene: Scene) -> None:
        """Displace images and their spins, in place, where the head moves."""
        scenario = self.cohort.scenario
        if (motion := run_motion(scenario, *self.which)) is not None:
            move_head(data, scenario, scene.head, motion)

    def _add_noise(
        self,
        data: Float[ndarray, "x y z volumes"],
        scene: Scene,
        signal: float,
        *,
        only: str | None,
    ) -> None:
        """Add all noise, or one part of it, in place."""
        scenario, head, baseline = self.cohort.scenario, scene.head, scene.baseline
        noise = run_bold_noise(scenario, head, *self.which)
        if noise is None:
            add_white(data, scenario, self.which, signal=signal)
        else:
            add_noise(data, scenario, head, noise, signal=signal, baseline=baseline, only=only)
