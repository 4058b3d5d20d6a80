"""How images of a simulated study lie in each subject's own space, as a scanner has them."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, model_validator

from neurotranscoder.core.settings import Settings

_STEEPEST = 0.2  # mean displacement over its smoothness; steeper random fields may fold space


class NativeSettings(Settings):
    """How heads lie in the scanner and differ from MNI, and what images show of them.

    EPI have as many voxels, of the same size, as `head` says, around the centre of the scanner.
    """

    t1_size: float = Field(default=1.0, ge=1, le=4)
    """Edge of the voxels of T1 images, in mm."""
    shift: float = Field(default=5.0, ge=0, le=30)
    """Greatest shift of a head from the centre of the scanner along each axis, in mm."""
    turn: float = Field(default=5.0, ge=0, le=30)
    """Greatest rotation of a head about each axis, in degrees."""
    warp: NonNegativeFloat = 3.0
    """Mean displacement of a subject's anatomy from MNI, in mm; 0 is the template's (its size
    follows `subjects`)."""
    smoothness: float = Field(default=30.0, ge=10, le=100)
    """Width (FWHM) of the Gaussian that smooths the displacement, in mm."""
    white: NonNegativeFloat = 0.8
    """Brightness of white matter in the EPI, relative to grey matter."""
    fluid: NonNegativeFloat = 1.6
    """The same of fluid."""
    scalp: NonNegativeFloat = 0.3
    """The same of skin and muscle, whose fat is suppressed; bone is dark."""
    t1_bias: float = Field(default=0.12, ge=0, le=1)
    """Standard deviation of the logarithm of a smooth factor of the T1 image, as of coils."""
    t1_noise: float = Field(default=2.5, ge=0, le=50)
    """Noise of the T1 image, in % of the brightest tissue."""

    @model_validator(mode="after")
    def _does_not_fold(self) -> NativeSettings:
        """Refuse displacements that fold space."""
        if self.warp > _STEEPEST * self.smoothness:
            raise ValueError(
                f"a warp of {self.warp:g} mm that is smooth over {self.smoothness:g} mm may fold "
                f"space; need at most {_STEEPEST * self.smoothness:g} mm; make it smaller, or "
                "smoothness larger"
            )
        return self
