import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.physics.hrf import HrfShape, double_gamma_hrf
from neurotranscoder.physics.hrf_fit import fit_hrf_shape

TIMES = np.arange(0, 32.05, 0.1)


def test_a_member_of_the_family_is_found_again_whatever_its_unit():
    true = HrfShape(peak_delay=5.2, undershoot_delay=13.0, peak_dispersion=0.8, ratio=0.3)
    found = fit_hrf_shape(TIMES, 170 * double_gamma_hrf(TIMES, true))
    for name in ("peak_delay", "undershoot_delay", "peak_dispersion", "ratio"):
        assert_allclose(getattr(found.shape, name), getattr(true, name), rtol=1e-3)
    assert found.r > 0.99999


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_a_response_that_falls_or_is_not_finite_is_refused(wrong):
    with pytest.raises(GridError, match="need finite samples and a positive area"):
        fit_hrf_shape(TIMES, wrong * double_gamma_hrf(TIMES))


def test_family_fits_the_measured_canonical_response(real_data):
    table = real_data / "empirical_hrf" / "revised_canonical_3bf_across3ROIs.csv"
    measured = np.loadtxt(table, delimiter=",", skiprows=1)[0]
    times = np.arange(len(measured)) / 10
    found = fit_hrf_shape(times, measured)
    # it is earlier and narrower than SPM's, whose r is .80: the dispersion is .41 s
    assert found.r >= 0.98
    peak = times[double_gamma_hrf(times, found.shape).argmax()]
    assert_allclose(peak, times[measured.argmax()], atol=0.15)
