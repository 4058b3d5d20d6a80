import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat

from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.layouts.mat5 import matrices_in, read_matrix

KINDS = ["f8", "f4", "i1", "i2", "i4", "i8", "u1", "u2", "u4"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_matrices_are_those_that_scipy_wrote(tmp_path, rng, kind, packed):
    values = (100 * rng.random((3, 700))).astype(kind)
    path = tmp_path / "file.mat"
    savemat(path, {"first": values[:, :5], "x": values}, do_compression=packed)
    first, second = matrices_in(path)
    assert [(one.name, one.n_rows, one.n_columns) for one in (first, second)] == [
        ("first", 3, 5),
        ("x", 3, 700),
    ]
    assert_array_equal(read_matrix(path, first), values[:, :5])
    assert_array_equal(read_matrix(path, second), values)


def test_what_is_no_real_matrix_is_passed_over(tmp_path):
    content = {
        "text": "abc",
        "cell": np.array([[1], [2, 3]], dtype=object),
        "cube": np.ones((2, 2, 2)),
        "complex": np.ones((2, 2)) * 1j,
        "struct": {"a": 1.0},
        "x": np.ones((2, 4)),
    }
    savemat(tmp_path / "file.mat", content, do_compression=True)
    assert [matrix.name for matrix in matrices_in(tmp_path / "file.mat")] == ["x"]


def test_a_file_of_version_7_3_is_refused_with_what_to_do(tmp_path):
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "file.mat").write_bytes(head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(StudyError, match=r"a file of version 7\.3 has to be saved again with -v7"):
        matrices_in(tmp_path / "file.mat")


def test_values_that_unpack_to_more_than_they_may_are_not_unpacked(tmp_path):
    path = tmp_path / "bomb.mat"
    savemat(path, {"x": np.zeros((2, 10_000_000), dtype=np.int8)}, do_compression=True)
    whole = path.read_bytes()
    content = bytearray(zlib.decompress(whole[136:]))
    at = content.index((10_000_000).to_bytes(4, "little"))
    content[at : at + 4] = (2**30).to_bytes(4, "little")
    packed = zlib.compress(bytes(content))
    path.write_bytes(whole[:132] + len(packed).to_bytes(4, "little") + packed)
    [matrix] = matrices_in(path)
    with pytest.raises(StudyError, match="2 x 1073741824 values are too many"):
        read_matrix(path, matrix)


def test_one_flipped_bit_in_packed_values_is_noticed(tmp_path, rng):
    path = tmp_path / "file.mat"
    savemat(path, {"x": rng.random((5, 40))}, do_compression=True)
    damaged = bytearray(path.read_bytes())
    damaged[-40] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(StudyError, match="need a whole MATLAB file"):
        read_matrix(path, matrices_in(path)[0])


def test_packed_values_without_their_checksum_are_refused(tmp_path, rng):
    path = tmp_path / "file.mat"
    savemat(path, {"x": rng.random((5, 40))}, do_compression=True)
    whole = path.read_bytes()
    size = len(whole) - 136 - 4
    path.write_bytes(whole[:132] + size.to_bytes(4, "little") + whole[136:-4])
    with pytest.raises(StudyError, match="packed values are cut"):
        read_matrix(path, matrices_in(path)[0])


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_is_read_or_refused_and_never_ends_the_process(tmp_path, rng, packed):
    path = tmp_path / "file.mat"
    savemat(path, {"x": rng.random((5, 40))}, do_compression=packed)
    good = path.read_bytes()
    refused = 0
    for trial in range(300):
        damaged = bytearray(good)
        damaged[rng.integers(len(good) if trial % 2 else 200)] = rng.integers(256)
        path.write_bytes(bytes(damaged[: rng.integers(len(good))] if trial % 3 == 0 else damaged))
        try:
            for matrix in matrices_in(path):
                read_matrix(path, matrix)
        except StudyError:
            refused += 1
    assert refused > 60  # at least the 100 that are cut, most of them
