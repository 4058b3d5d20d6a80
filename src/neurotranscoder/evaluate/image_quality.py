"""Predicted BOLD as images: structural similarity and peak signal-to-noise ratio of volumes.

Images are fluctuations: each block of the measured and of the predicted run without its own mean
over the scored volumes. With the mean image in it every prediction, the mean itself included,
has a similarity near 1; and methods that predict BOLD around its mean would need to be given it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import ndimage

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.train.regression import centred

_SIGMA, _RADIUS = 1.5, 5  # of the window, in blocks (Wang 2004: 11 wide)
_K1, _K2 = 0.01, 0.03
_WHOLE = slice(None)


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """Means over volumes.

    Parameters
    ----------
    ssim : float
        Structural similarity, 1 for equal images.
    psnr : float
        Peak signal-to-noise ratio, in dB; infinite for equal images.
    """

    ssim: float
    psnr: float


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The Gaussian window of structural similarity, cut off at the border of the blocks.

    Parameters
    ----------
    blocks : BlockMap
        Where there is an image.
    weight : array, shape (blocks, 1)
        What of the window around each block lies in blocks.
    """

    blocks: BlockMap
    weight: Float[ndarray, "blocks 1"]

    @classmethod
    def of(cls, blocks: BlockMap) -> Windows:
        """Return the windows of a map of blocks."""
        return cls(blocks, _windowed(np.ones((blocks.n_blocks, 1)), blocks))

    def mean(self, values: Float[ndarray, "blocks images"]) -> Float[ndarray, "blocks images"]:
        """Return the weighted mean around each block."""
        return np.asarray(_windowed(values, self.blocks) / self.weight)


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images on blocks, and their local means and variances.

    Parameters
    ----------
    values, means, variances : array, shape (blocks, images)
        Each block, and its surroundings under the window.
    windows : Windows
        Where the blocks are.
    """

    values: Float[ndarray, "blocks images"]
    means: Float[ndarray, "blocks images"]
    variances: Float[ndarray, "blocks images"]
    windows: Windows

    @classmethod
    def of(cls, values: Float[ndarray, "blocks images"], windows: Windows) -> Images:
        """Look at the surroundings of each block."""
        means = windows.mean(values)
        return cls(values, means, windows.mean(values**2) - means**2, windows)


def image_quality(
    predicted: Float[ndarray, "blocks volumes"],
    measured: Float[ndarray, "blocks volumes"],
    blocks: BlockMap,
) -> tuple[ImageQuality, ImageQuality]:
    """Compare fluctuations as images, volume by volume.

    The range of values (L of Wang et al. 2004; the peak of the ratio) is that of each measured
    volume: largest less smallest fluctuation, the same for every method.

    Parameters
    ----------
    predicted, measured : array, shape (blocks, volumes)
        BOLD at its volumes, with or without its mean.
    blocks : BlockMap
        Where the blocks are; outside of them there is no image.

    Returns
    -------
    quality, of_mean : ImageQuality
        Of the prediction, and of the mean image in its place (no fluctuations at all).
    """
    windows = Windows.of(blocks)
    truth = Images.of(centred(measured, _WHOLE), windows)
    ranges = np.ptp(truth.values, axis=0)
    ranges = np.where(ranges > 0, ranges, 1.0)
    zeros = np.zeros_like(measured)
    return (
        _quality(Images.of(centred(predicted, _WHOLE), windows), truth, ranges),
        _quality(Images(zeros, zeros, zeros, windows), truth, ranges),
    )


def structural_similarity(
    first: Images, second: Images, ranges: Float[ndarray, " images"]
) -> Float[ndarray, " images"]:
    """Return the mean structural similarity (SSIM) of pairs of three-dimensional images.

    Wang, Bovik, Sheikh and Simoncelli (2004), with its Gaussian window (1.5 blocks) and constants
    (.01, .03). The window is rescaled to unit sum at the border of the blocks.

    Parameters
    ----------
    first, second : Images
        On the same blocks.
    ranges : array, shape (images,)
        L, the range of values of each pair.
    """
    c1, c2 = (_K1 * ranges) ** 2, (_K2 * ranges) ** 2
    products = first.means * second.means
    covariance = first.windows.mean(first.values * second.values) - products
    luminance = (2 * products + c1) / (first.means**2 + second.means**2 + c1)
    structure = (2 * covariance + c2) / (first.variances + second.variances + c2)
    return np.asarray(np.mean(luminance * structure, axis=0))


def _quality(predicted: Images, truth: Images, ranges: Float[ndarray, " images"]) -> ImageQuality:
    """Return the means over images of both measures."""
    errors = np.mean((predicted.values - truth.values) ** 2, axis=0)
    with np.errstate(divide="ignore"):
        ratios = 10 * np.log10(ranges**2 / errors)
    similarity = structural_similarity(predicted, truth, ranges)
    return ImageQuality(float(similarity.mean()), float(ratios.mean()))


def _windowed(
    values: Float[ndarray, "blocks images"], blocks: BlockMap
) -> Float[ndarray, "blocks images"]:
    """Return sums under the window around each block, zeros where there is no block."""
    images = blocks.unmask(values)
    for axis in range(3):
        images = ndimage.gaussian_filter1d(
            images, _SIGMA, axis=axis, mode="constant", radius=_RADIUS
        )
    return np.asarray(images[blocks.mask])
