"""Linear coders, and the steps around a coder that are linear."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.functional import pad

from neurotranscoder.core.errors import WeightsError


def fir(
    signal: Float[Tensor, "batch rows time"],
    taps: Float[Tensor, " lags"] | Float[Tensor, "rows lags"],
    first_lag: int = 0,
) -> Float[Tensor, "batch rows time"]:
    """Filter along time: ``out[t] = sum_i taps[i] signal[t - first_lag - i]``, zero outside.

    Parameters
    ----------
    signal : tensor, shape (batch, rows, time)
        What is filtered, row by row.
    taps : tensor, shape (lags,) or (rows, lags)
        Impulse response, one value per sample, of all rows or of each.
    first_lag : int
        Lag of the first tap in samples; a negative one reads the future.

    Returns
    -------
    filtered : tensor, shape (batch, rows, time)
        As long as the signal.
    """
    n_times, n_lags = signal.shape[-1], taps.shape[-1]
    n_full = n_times + n_lags - 1
    n_fft = 1 << (n_full - 1).bit_length()
    spectrum = torch.fft.rfft(signal, n_fft) * torch.fft.rfft(taps, n_fft)
    full = torch.fft.irfft(spectrum, n_fft)[..., :n_full]
    shift = min(max(first_lag, -n_full), n_times)
    return pad(full, (shift, n_times - shift - n_full))


def parameter(values: Tensor | ndarray) -> nn.Parameter:
    """Return a copy of values as a parameter of the same precision, its rows in order.

    Products of matrices in another order differ by rounding.
    """
    return nn.Parameter(torch.tensor(np.ascontiguousarray(values)))


def _factorise(
    matrix: Float[ndarray, "rows columns"], n_components: int
) -> tuple[Float[ndarray, "rows components"], Float[ndarray, "components columns"]]:
    """Return the two factors of the best approximation of a given rank."""
    left, scales, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :n_components], (scales[:, np.newaxis] * right)[:n_components]


class LinearEegToSource(nn.Module):
    """Linear inverse of the EEG, the paper's "EEG decoder": ``source = maps weights eeg``.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Spatial maps.
    weights : array, shape (components, channels)
        How strongly each channel drives each map.
    """

    def __init__(
        self,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        weights: Float[Tensor, "components channels"] | Float[ndarray, "components channels"],
    ) -> None:
        super().__init__()
        self.maps = parameter(maps)
        self.weights = parameter(weights)

    @classmethod
    def from_matrix(
        cls, matrix: Float[ndarray, "blocks channels"], *, n_components: int | None = None
    ) -> LinearEegToSource:
        """Return the coder of a dense matrix, kept as factors of rank ``n_components``."""
        return cls(*_factorise(matrix, n_components or min(matrix.shape)))

    @property
    def matrix(self) -> Float[Tensor, "blocks channels"]:
        """The product of the factors."""
        return self.maps @ self.weights

    def forward(
        self, eeg: Float[Tensor, "batch channels time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the source that explains the EEG."""
        return self.maps @ (self.weights @ eeg)


class LinearSourceToEeg(nn.Module):
    """Leadfield, the paper's "EEG encoder": ``eeg = weights.T maps.T source``.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Spatial maps.
    weights : array, shape (components, channels)
        How each map projects to the channels.
    """

    def __init__(
        self,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        weights: Float[Tensor, "components channels"] | Float[ndarray, "components channels"],
    ) -> None:
        super().__init__()
        self.maps = parameter(maps)
        self.weights = parameter(weights)

    @classmethod
    def from_matrix(
        cls, matrix: Float[ndarray, "channels blocks"], *, n_components: int | None = None
    ) -> LinearSourceToEeg:
        """Return the coder of a dense matrix, kept as factors of rank ``n_components``."""
        return cls(*_factorise(matrix.T, n_components or min(matrix.shape)))

    @property
    def matrix(self) -> Float[Tensor, "channels blocks"]:
        """The leadfield."""
        return self.weights.T @ self.maps.T

    def forward(
        self, source: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch channels time"]:
        """Return the EEG that the source projects to."""
        return self.weights.T @ (self.maps.T @ source)


class LinearSourceToBold(nn.Module):
    """A causal haemodynamic response, the paper's "fMRI encoder".

    Parameters
    ----------
    hrf : array, shape (lags,)
        Impulse response of all blocks; ``hrf[0]`` is lag 0.
    own : array, shape (blocks, lags), optional
        How that of each block differs.
    """

    own: nn.Parameter | None

    def __init__(
        self,
        hrf: Float[Tensor, " lags"] | Float[ndarray, " lags"],
        own: Float[Tensor, "blocks lags"] | Float[ndarray, "blocks lags"] | None = None,
    ) -> None:
        super().__init__()
        self.hrf = parameter(hrf)
        self.register_parameter("own", None if own is None else parameter(own))

    def forward(
        self,
        source: Float[Tensor, "batch blocks time"],
        picked: Int[Tensor, " picked"] | None = None,
    ) -> Float[Tensor, "batch picked time"]:
        """Return ``bold[t] = sum_l hrf[l] source[t - l]``, zero before the start.

        Parameters
        ----------
        source : tensor, shape (batch, blocks, time)
            All blocks.
        picked : tensor of int, shape (picked,), optional
            Blocks whose BOLD is returned; all by default.
        """
        taps = self.hrf if self.own is None else self.hrf + self.own
        if picked is None:
            return fir(source, taps)
        return fir(source[:, picked], taps if taps.ndim == 1 else taps[picked])


class LinearBoldToSource(nn.Module):
    """A non-causal deconvolution filter, the paper's "fMRI decoder".

    Parameters
    ----------
    taps : array, shape (lags,)
        Impulse response of all blocks.
    first_lag : int
        Lag of ``taps[0]`` in frames; negative, as the source lies before its BOLD.
    own : array, shape (blocks, lags), optional
        How that of each block differs.
    """

    first_lag: Tensor
    own: nn.Parameter | None

    def __init__(
        self,
        taps: Float[Tensor, " lags"] | Float[ndarray, " lags"],
        first_lag: int,
        own: Float[Tensor, "blocks lags"] | Float[ndarray, "blocks lags"] | None = None,
    ) -> None:
        super().__init__()
        self.taps = parameter(taps)
        self.register_buffer("first_lag", torch.tensor(first_lag))
        self.register_parameter("own", None if own is None else parameter(own))

    def forward(
        self, bold: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return ``source[t] = sum_i taps[i] bold[t - first_lag - i]``, zero beyond the ends."""
        taps = self.taps if self.own is None else self.taps + self.own
        return fir(bold, taps, int(self.first_lag))


class ComponentProjection(nn.Module):
    """Keep only the part of BOLD that lies in a few spatial components, less what they share.

    It mixes blocks, so it stands before the temporal coder and not inside it.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Orthonormal spatial maps.
    mixing : array, shape (components, components), optional
        Takes noise that components share out of them; they stay as they are without.
    """

    maps: Tensor
    mixing: Tensor | None

    def __init__(
        self,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        mixing: Float[Tensor, "components components"]
        | Float[ndarray, "components components"]
        | None = None,
    ) -> None:
        super().__init__()
        values = torch.tensor(np.asarray(maps))
        error = float(
            (values.T @ values - torch.eye(values.shape[1], dtype=values.dtype)).abs().max()
        )
        if not error < 1e-3:
            raise WeightsError(
                f"the component maps are orthonormal to {error:.2g} only; they need 1e-3; "
                "orthonormalise them with `numpy.linalg.qr`"
            )
        self.register_buffer("maps", values)
        rows = None if mixing is None else torch.tensor(np.ascontiguousarray(mixing))
        self.register_buffer("mixing", rows)

    def forward(
        self, bold: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return ``maps mixing maps.T bold``."""
        components = self.maps.T @ bold
        if self.mixing is not None:
            components = self.mixing @ components
        return self.maps @ components
