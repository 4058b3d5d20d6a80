"""What a simulated study was made from, for those who score estimates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, StoreError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import SliceCells
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.head import Head
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate import truth_store
from neurotranscoder.simulate.cohort import Cohort, Subject, response_kernels
from neurotranscoder.simulate.draw import DrawnSources
from neurotranscoder.simulate.evoked_truth import EvokedTruth
from neurotranscoder.simulate.hemodynamics import follow_slice
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.regridded import cohort_on
from neurotranscoder.simulate.run import SimulatedRun
from neurotranscoder.simulate.run_truth import RunTruth
from neurotranscoder.simulate.sources import RunSources

_ONE_KIND = 0.75


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Truth:
    """Sources, responses and geometry of a simulated study.

    Parameters
    ----------
    cohort : Cohort
        What all runs share.
    runs : tuple of RunId
        Runs whose sources are known.
    load_sources : callable
        From a run to its sources.
    """

    cohort: Cohort
    runs: tuple[RunId, ...]
    load_sources: Callable[[RunId], DrawnSources]

    def __repr__(self) -> str:
        return f"Truth(scenario {self.cohort.scenario.name!r}, {len(self.runs)} runs)"

    @property
    def head(self) -> Head:
        """Voxels, electrodes and leadfield that all subjects vary around."""
        return self.cohort.template.head

    @property
    def regions(self) -> Regions:
        """Division of the brain: ``labels`` per voxel, ``kinds`` per region."""
        return self.cohort.regions

    def subject(self, run: RunId) -> Subject:
        """Return the brain of a run."""
        return self.cohort.subjects[self.cohort.scenario.numbers_of(run)[0]]

    def sources(self, run: RunId) -> RunSources:
        """Return X of a run, as the EEG sees it."""
        return self.drawn(run).electric

    def drawn(self, run: RunId) -> DrawnSources:
        """Return the sources of a run, as each modality sees them.

        Raises
        ------
        StoreError
            When the run was not simulated here.
        """
        if run not in self.runs:
            known = ", ".join(map(str, self.runs[:3]))
            raise StoreError(
                f"{run}: has no known sources; the truth holds {len(self.runs)} runs ({known}, "
                "...); evaluate runs of the simulated study that the truth belongs to"
            )
        return self.load_sources(run)

    def on(self, grid: VoxelGrid) -> Truth:
        """Return the same on other voxels in MNI, such as those that images were brought to.

        Each has the region that its centre lies in. `of` and `clean_cells`, which are about images
        as they were acquired, are not for these voxels.
        """
        if grid.matches(self.head.grid):
            return self
        return replace(self, cohort=cohort_on(self.cohort, grid))

    def of(self, run: RunId | str) -> RunTruth:
        """Return every term of Eqs. 1-3 of a run: X, P, E and F without noise, noise by parts.

        A run may be named by its label, such as 'sub-01_task-oddball_run-01'.
        """
        known = {one.label: one for one in self.runs}
        run = known.get(run, run) if isinstance(run, str) else run
        return RunTruth(self.cohort, run, self.drawn(run))  # type: ignore[arg-type]

    def hrf(
        self, times: Float[ndarray, "*times"], subject: Subject | None = None
    ) -> Float[ndarray, "*times"]:
        """Return the hemodynamic response h at any times (s), in 1/s: its mean over regions.

        It is that of a subject, or of the template.
        """
        return np.asarray(self.region_hrfs(times, subject).mean(axis=0))

    def region_hrfs(
        self, times: Float[ndarray, "*times"], subject: Subject | None = None
    ) -> Float[ndarray, "regions ..."]:
        """Return h of each region at any times (s), in 1/s, of a subject or of the template."""
        hrfs = (subject or self.cohort.template).hrfs
        kernels = response_kernels(self.cohort.scenario, hrfs)
        values = {kernel: kernel(times) for kernel in dict.fromkeys(kernels)}
        return np.stack([values[kernel] for kernel in kernels])

    @property
    def evoked(self) -> EvokedTruth:
        """The evoked response d at the sampling frequency of the source."""
        return EvokedTruth.of(self.cohort.scenario)

    @property
    def evoked_kernel(self) -> Kernel:
        """The evoked response d at any lag."""
        return evoked_kernel(self.cohort.scenario.evoked)

    def region_leadfield(self) -> Float[ndarray, "channels regions"]:
        """Return the potential of a unit moment in every voxel of a region, in V/(A m).

        It is that of the template; ``subject(run).leadfield`` is that of a run.
        """
        return self.cohort.template.leadfield

    def block_leadfield(
        self, blocks: BlockMap, subject: Subject
    ) -> Float[ndarray, "channels blocks"]:
        """Return the potential of a unit moment in every voxel of a block, in V/(A m)."""
        _, block, region = self._active_in(blocks)
        shape = (blocks.n_blocks, self.regions.n_regions)
        belongs = csr_array((np.ones(len(block)), (block, region)), shape=shape)
        belongs.data[:] = 1 / belongs.sum(axis=0)[belongs.indices]  # shares of regions in blocks
        return np.asarray((belongs @ subject.leadfield.T).T)

    def region_sources(self, run: RunId, axis: TimeAxis) -> Float[ndarray, "regions frames"]:
        """Return P = X * d of each region, averaged over the frames of an axis.

        Parameters
        ----------
        run : RunId
            Which run.
        axis : TimeAxis
            Centres of frames that are ``1 / axis.sfreq`` s wide.
        """
        kernel = self.evoked_kernel.averaged(1 / axis.sfreq)
        return self.sources(run).respond(kernel, axis.times)

    def block_shares(self, blocks: BlockMap) -> Float[ndarray, "blocks regions"]:
        """Return the matrix that averages regions over the brain voxels of each block.

        Raises
        ------
        GridError
            When the blocks lie on another grid than the truth.
        """
        return np.asarray(self.sparse_shares(blocks).toarray())

    def sparse_shares(self, blocks: BlockMap) -> csr_array:
        """Return what `block_shares` does, without its zeros."""
        inside, block, region = self._active_in(blocks)
        of_brain = blocks.labels[self.head.brain & (blocks.labels >= 0)]
        counts = np.maximum(np.bincount(of_brain, minlength=blocks.n_blocks), 1)
        values = self.regions.weights[inside] / counts[block]
        shape = (blocks.n_blocks, self.regions.n_regions)
        return csr_array((values, (block, region)), shape=shape)

    def block_sources(
        self, run: RunId, blocks: BlockMap, axis: TimeAxis
    ) -> Float[ndarray, "blocks frames"]:
        """Return P = X * d averaged over the brain voxels of each block and over each frame.

        Parameters
        ----------
        run : RunId
            Which run.
        blocks : BlockMap
            Blocks on the grid of the truth.
        axis : TimeAxis
            Centres of frames that are ``1 / axis.sfreq`` s wide.
        """
        kernel = self.evoked_kernel.averaged(1 / axis.sfreq)
        return self.sources(run).respond_mixed(self.sparse_shares(blocks), kernel, axis.times)

    def block_kinds(self, blocks: BlockMap) -> ndarray:
        """Return 'evoked', 'oscillatory', 'mixed' or 'silent' for each block.

        A block has a kind when at least three quarters of its voxels with a source are of
        regions that have it alone, and is silent when it has none; all others are mixed.
        """
        _, block, region = self._active_in(blocks)
        counts = np.bincount(block, minlength=blocks.n_blocks)
        kinds = ("oscillatory", "evoked")
        alone = (self.regions.oscillatory, ~self.regions.rhythmic)
        shares = (np.bincount(block, mine[region], blocks.n_blocks) for mine in alone)
        pure = [(counts > 0) & (share >= _ONE_KIND * counts) for share in shares]
        return np.select([*pure, counts == 0], [*kinds, "silent"], "mixed")

    def clean_cells(self, run: RunId, blocks: BlockMap) -> SliceCells:
        """Return noise-free BOLD (without baseline) of each block and slice, as acquired.

        The mean is over all voxels of a cell, as that of a recording is; cells are sorted by
        block, then by slice.
        """
        self._check_grid(blocks)
        where = np.argwhere(blocks.labels >= 0)
        n_slices = blocks.labels.shape[2]
        block = blocks.labels[tuple(where.T)].astype(np.int64)
        codes, cell, counts = np.unique(
            block * n_slices + where[:, 2], return_inverse=True, return_counts=True
        )
        labels, weights = (a[tuple(where.T)] for a in (self.regions.labels, self.regions.weights))
        active = labels >= 0
        values = weights[active] / counts[cell[active]]
        shape = (len(codes), self.regions.n_regions)
        shares = csr_array((values, (cell[active], labels[active])), shape=shape)
        volumes, scenario = self.cohort.scenario.volumes, self.cohort.scenario
        hemodynamics = self.cohort.hemodynamics(scenario.numbers_of(run)[0])
        sources = self.drawn(run).hemodynamic
        data = np.empty((len(codes), volumes.n_volumes))
        for z in range(n_slices):
            rows = np.flatnonzero(codes % n_slices == z)
            data[rows] = follow_slice(sources, shares[rows], hemodynamics, volumes.times(z))
        gain = self.cohort.levels.bold_gain
        return SliceCells(gain * data, codes // n_slices, codes % n_slices, counts, volumes)

    def _check_grid(self, blocks: BlockMap) -> None:
        """Refuse blocks of another grid."""
        if not blocks.voxels.matches(self.head.grid):
            raise GridError(
                f"blocks lie on a grid of {blocks.voxels.shape} voxels, the truth on "
                f"{self.head.grid.shape}, or elsewhere; evaluate the study that was simulated"
            )

    def _active_in(self, blocks: BlockMap) -> tuple[ndarray, ndarray, ndarray]:
        """Return the voxels of blocks that hold sources, and their blocks and regions."""
        self._check_grid(blocks)
        inside = (blocks.labels >= 0) & (self.regions.labels >= 0)
        return inside, blocks.labels[inside].astype(np.int64), self.regions.labels[inside]


def truth_of(cohort: Cohort, runs: Sequence[SimulatedRun]) -> Truth:
    """Return the truth of runs that were simulated in memory."""
    sources = {run.recording.run: run.drawn for run in runs}
    return Truth(cohort, tuple(sources), sources.__getitem__)


def load_truth(study_root: Path | str) -> Truth:
    """Read what a simulated study was made from.

    Parameters
    ----------
    study_root : Path or str
        Root of the study, as `simulate_study` wrote it.

    Returns
    -------
    truth : Truth
        Geometry and responses; the sources of a run are read when they are asked for.

    Raises
    ------
    StoreError
        When there is no truth, or it is incomplete or damaged.
    """
    folder = truth_store.truth_folder(Path(study_root))
    if not folder.is_dir():
        raise StoreError(
            f"{study_root}: has no derivatives/truth; scores against the truth need a study made "
            "by `neurotranscoder simulate`; simulate one, or score against data alone"
        )
    cohort = truth_store.read_cohort(folder)
    redraw = functools.partial(truth_store.redraw_sources, folder, cohort)
    return Truth(cohort, cohort.scenario.run_ids, redraw)
