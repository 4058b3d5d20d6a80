"""What is done to the images of a study before anything is learnt from them."""

from __future__ import annotations

from typing import Literal

from neurotranscoder.core.settings import Settings
from neurotranscoder.preprocess.bold import PreprocessSettings


class ImageSettings(Settings):
    """Whether images are brought to MNI, and how."""

    space: Literal["auto", "stored", "mni"] = "auto"
    """'mni': motion, T1 image, MNI and confounds, which needs a T1 image of each subject;
    'stored': they stay as they are; 'auto': 'mni' where each subject has a T1 image and no
    derivative is named as ``study.images``."""
    bold: PreprocessSettings = PreprocessSettings()
    """How a run is brought there."""
