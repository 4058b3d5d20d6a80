from numpy.testing import assert_allclose

from neurotranscoder.reconstruct.fuse import fuse


def test_sum_is_the_papers_sum(rng):
    first, second = rng.standard_normal((2, 3, 40))
    assert_allclose(fuse(first, second), first + second)


def test_zscored_fusion_does_not_depend_on_the_scale_of_either_estimate(rng):
    first, second = rng.standard_normal((2, 3, 40))
    expected = first / first.std() + second / second.std()
    assert_allclose(fuse(7 * first, 0.1 * second, fusion="zscored"), expected)
