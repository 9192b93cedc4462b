"""MAT-files, against files that scipy wrote (tests/golden/README.md says what they hold)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from rateval_datasets.mat5 import Value, read_mat

MAT5 = Path(__file__).parent.parent / "golden" / "mat5"


def kind(name: str) -> Value:
    return read_mat(MAT5 / "kinds.mat", (name,))[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int8", np.array([[-3, 4]], dtype=np.int8)),
        ("uint64", np.array([[2**63 + 1]], dtype=np.uint64)),
        ("single", np.array([[0.5], [-1.25]], dtype=np.float32)),
        ("double", np.arange(6.0).reshape(2, 3)),
        ("cube", np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
        ("empty", np.zeros((0, 3))),
    ],
)
def test_numbers(name: str, expected: Value) -> None:
    found = kind(name)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected, strict=True)


def test_texts() -> None:
    assert kind("text").tolist() == ["größer"]
    assert kind("rows").tolist() == ["ab ", "cde"]
    assert kind("blank").tolist() == [""]


def test_cells() -> None:
    number, text, inner = kind("cell").reshape(-1)
    assert number.tolist() == [[1.5]]
    assert text.tolist() == ["x"]
    assert inner[0, 0].tolist() == ["inner"]


@pytest.mark.parametrize("name", ["struct", "complex"])
def test_what_is_not_read_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="neither real numbers, text nor cells"):
        kind(name)


def test_compressed_or_not_and_several_variables() -> None:
    outline = read_mat(MAT5 / "outline.mat", ("obj_contour", "box_coord"))
    assert outline["box_coord"].tolist() == [[3, 20, 5, 30]]
    assert outline["obj_contour"][:, 1].tolist() == [14.25, 1.0]
    star = read_mat(MAT5 / "star.mat", ("obj_contour", "box_coord"))
    assert star["box_coord"].tolist() == [[10, 40, 20, 60]]
    assert star["obj_contour"].shape == (2, 5)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValueError, match="no variable 'labels'"):
        read_mat(MAT5 / "star.mat", ("labels",))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(200))
    with pytest.raises(ValueError, match="not a little-endian MAT-file of level 5"):
        read_mat(tmp_path / "x.mat", ("a",))


@given(
    name=st.sampled_from(["outline", "star", "train_list", "test_list", "kinds"]),
    data=st.data(),
)
def test_damage_is_a_value_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = bytearray((MAT5 / f"{name}.mat").read_bytes())
    at = data.draw(st.integers(128, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(128, len(content))) :]
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}.mat"
    path.write_bytes(content)
    for variable in ("obj_contour", "file_list", "cell"):
        try:
            read_mat(path, (variable,))
        except ValueError as error:
            assert str(error)
