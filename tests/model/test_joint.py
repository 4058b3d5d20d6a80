import numpy as np
import torch
from torch.testing import assert_close

from neurotranscoder.model.joint import JointEegToSource, OwnShare


def test_regions_whose_eeg_is_about_others_follow_bold(rng):
    maps = np.linalg.qr(rng.standard_normal((9, 3)))[0]
    coder = JointEegToSource(
        maps, rng.standard_normal((3, 4)), OwnShare(np.array([1.0, 0.0, 0.25]), 2.0)
    ).double()
    from_eeg, from_bold = torch.tensor(rng.standard_normal((2, 1, 3, 50)))
    spread = torch.tensor(maps)
    found = coder.joint(
        torch.zeros(1, 4, 50, dtype=torch.float64), spread @ from_eeg, spread @ from_bold
    )
    both = from_eeg + from_bold
    wanted = [both[0, 0], 2 * from_bold[0, 1], 0.25 * both[0, 2] + 0.75 * 2 * from_bold[0, 2]]
    assert_close((spread.T @ found)[0], torch.stack(wanted), atol=1e-6, rtol=1e-6)
    assert_close(coder(torch.ones(1, 4, 2).double())[0], coder.matrix @ torch.ones(4, 2).double())


def test_what_bold_gives_beyond_the_maps_is_kept_in_the_scale_of_the_rest(rng):
    maps = np.linalg.qr(rng.standard_normal((9, 3)))[0]
    coder = JointEegToSource(
        maps, rng.standard_normal((3, 4)), OwnShare(np.zeros(3), 2.0)
    ).double()
    nothing = torch.zeros(1, 4, 50, dtype=torch.float64)
    from_bold = torch.tensor(rng.standard_normal((1, 9, 50)))
    found = coder.joint(nothing, torch.zeros_like(from_bold), from_bold)
    assert_close(found + coder.beyond(from_bold), 2 * from_bold)
