import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.io.weights import has_tensors, load_tensors, save_tensors

TENSORS = {"weight": np.arange(6.0, dtype=np.float32).reshape(2, 3), "step": np.array(7)}


def test_tensors_come_back_with_their_shapes_types_and_metadata(tmp_path):
    assert not has_tensors(tmp_path, "last")
    save_tensors(tmp_path, "last", TENSORS, {"seed": 1})
    tensors, metadata = load_tensors(tmp_path, "last")
    assert has_tensors(tmp_path, "last")
    assert metadata == {"seed": 1}
    for name, value in TENSORS.items():
        assert_array_equal(tensors[name], value, strict=True)


def test_a_transposed_view_comes_back_as_it_looks(tmp_path):
    save_tensors(tmp_path, "last", {"w": TENSORS["weight"].T}, {})
    assert_array_equal(load_tensors(tmp_path, "last")[0]["w"], TENSORS["weight"].T)


def test_equal_content_gives_equal_bytes_whatever_its_order(tmp_path):
    save_tensors(tmp_path / "a", "x", TENSORS, {})
    save_tensors(tmp_path / "b", "x", dict(reversed(TENSORS.items())), {})
    a, b = (sorted((tmp_path / side).iterdir()) for side in "ab")
    assert [p.name for p in a] == [p.name for p in b]
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]


def test_overwriting_keeps_one_file_and_spares_other_names(tmp_path):
    save_tensors(tmp_path, "last-best", TENSORS, {})
    save_tensors(tmp_path, "last", TENSORS, {})
    save_tensors(tmp_path, "last", {"weight": np.zeros(2)}, {})
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    load_tensors(tmp_path, "last-best")
    assert_array_equal(load_tensors(tmp_path, "last")[0]["weight"], np.zeros(2))


def test_a_kill_before_the_pointer_moves_leaves_the_old_tensors_in_force(tmp_path, monkeypatch):
    save_tensors(tmp_path, "last", TENSORS, {})
    monkeypatch.setattr("neurotranscoder.io.weights.write_json", _killed)
    with pytest.raises(KeyboardInterrupt, match="killed"):
        save_tensors(tmp_path, "last", {"weight": np.zeros(2)}, {})
    assert_array_equal(load_tensors(tmp_path, "last")[0]["weight"], TENSORS["weight"])


def _killed(*_):
    raise KeyboardInterrupt("killed")


def test_every_flipped_bit_of_either_file_is_detected_or_harmless(tmp_path, rng):
    save_tensors(tmp_path, "last", TENSORS, {"seed": 1})
    for path in list(tmp_path.iterdir()):
        good = path.read_bytes()
        for position in rng.choice(8 * len(good), size=min(300, 8 * len(good)), replace=False):
            bad = bytearray(good)
            bad[position // 8] ^= 1 << (position % 8)
            path.write_bytes(bytes(bad))
            try:
                tensors, metadata = load_tensors(tmp_path, "last")
            except WeightsError:
                continue
            assert metadata == {"seed": 1}  # the bit was white space
            assert_array_equal(tensors["weight"], TENSORS["weight"])
        path.write_bytes(good)


def test_damaged_missing_and_foreign_weights_say_what_to_do(tmp_path):
    with pytest.raises(WeightsError, match="train again"):
        load_tensors(tmp_path, "last")
    save_tensors(tmp_path, "last", TENSORS, {})
    (tensor_file,) = tmp_path.glob("*.safetensors")
    content = bytearray(tensor_file.read_bytes())
    content[-1] ^= 1
    tensor_file.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="damaged, its SHA-256"):
        load_tensors(tmp_path, "last")
    tensor_file.unlink()
    with pytest.raises(WeightsError, match=r"cannot be read .* restore it"):
        load_tensors(tmp_path, "last")
    (tmp_path / "last.json").write_text('{"file": "../../secret", "sha256": "0", "metadata": {}}')
    with pytest.raises(WeightsError, match=r"points at '\.\./\.\./secret'"):
        load_tensors(tmp_path, "last")
    with pytest.raises(WeightsError, match="need letters"):
        save_tensors(tmp_path, "../up", TENSORS, {})
