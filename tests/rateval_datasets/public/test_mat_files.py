"""MAT-files: what is read, and what is refused before scipy sees it.

tests/golden/README.md says what the files hold that are read here.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.io import savemat

from rateval_datasets.public.mat_files import Value, read_mat, read_numbers

MAT5 = Path(__file__).parents[2] / "golden" / "mat5"


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


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
CELL, CHAR, SPARSE, DOUBLE, FUNCTION, OPAQUE = 1, 4, 5, 6, 16, 17


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(
    kind: int, shape: tuple[int, ...], *parts: bytes, name: bytes = b"", flags: int = 0
) -> bytes:
    head = element(6, struct.pack("<II", kind | flags, 0))
    head += element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name)
    return element(14, head + b"".join(parts))


ONE = element(9, struct.pack("<d", 1.0))


def refusal(tmp_path: Path, content: bytes) -> str:
    (tmp_path / "made.mat").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_mat(tmp_path / "made.mat", ("a",))
    assert type(caught.value) is ValueError
    return str(caught.value)


def test_what_is_made_here_is_read(tmp_path: Path) -> None:
    """So that the refusals below are not for another reason."""
    inner = matrix(
        CELL, (1, 2), matrix(DOUBLE, (1, 1), ONE), matrix(DOUBLE, (0, 0), element(9, b""))
    )
    text = matrix(CHAR, (1, 2), element(16, b"xy"))
    content = matrix(CELL, (3, 1), inner, text, element(14, b""), name=b"a")
    for stored in (content, element(15, zlib.compress(content))):
        (tmp_path / "made.mat").write_bytes(HEADER + stored)
        cell, letters, nothing = read_mat(tmp_path / "made.mat", ("a",))["a"].reshape(-1)
        assert cell[0, 0].tolist() == [[1.0]]
        assert letters.tolist() == ["xy"]
        assert nothing.size == 0


@pytest.mark.parametrize("kind", [2, 3, SPARSE, FUNCTION, OPAQUE, 0, 200])
def test_objects_structures_and_functions_are_refused_also_in_cells(
    tmp_path: Path, kind: int
) -> None:
    alone = matrix(kind, (1, 1), ONE, name=b"a")
    within = matrix(CELL, (1, 1), matrix(kind, (1, 1), ONE), name=b"a")
    for content in (alone, within):
        assert "neither real numbers, text nor cells" in refusal(tmp_path, HEADER + content)


@pytest.mark.parametrize("levels", [17, 5_000, 100_000])
def test_cells_within_cells_without_end_are_refused(tmp_path: Path, levels: int) -> None:
    heads, size = [], len(matrix(DOUBLE, (1, 1), ONE))
    for level in range(levels):
        whole = matrix(CELL, (1, 1), name=b"a" if level == levels - 1 else b"")
        heads.append(struct.pack("<II", 14, len(whole) - 8 + size) + whole[8:])
        size += len(whole)
    content = b"".join([*reversed(heads), matrix(DOUBLE, (1, 1), ONE)])
    assert refusal(tmp_path, HEADER + content) == (
        "the variable 'a' has cells more than 16 levels deep"
    )


@pytest.mark.parametrize(
    "content",
    [
        matrix(CHAR, (1, 2**31 - 1), element(16, b""), name=b"a"),
        matrix(CHAR, (1, 2**31 - 1), element(16, b"x"), name=b"a"),
        matrix(CHAR, (46_341, 46_341), element(4, b"x" * 8), name=b"a"),
        matrix(CELL, (2**31 - 1, 2**31 - 1), name=b"a"),
        matrix(CELL, (1, 2), matrix(DOUBLE, (1, 1), ONE), name=b"a"),
        matrix(CELL, (1, 1), ONE, name=b"a"),
        matrix(DOUBLE, (2**31 - 1, 2**31 - 1), ONE, name=b"a"),
        matrix(DOUBLE, (-1, -1), ONE, name=b"a"),
        matrix(DOUBLE, (1, 1), ONE, ONE, name=b"a"),
        matrix(DOUBLE, (1, 1), name=b"a"),
        matrix(DOUBLE, (1, 1), element(1000, bytes(8)), name=b"a"),
        matrix(DOUBLE, (1, 1), element(16, bytes(8)), name=b"a"),
        matrix(CHAR, (1, 1), element(9, bytes(8)), name=b"a"),
        element(14, element(5, bytes(8)) + element(5, bytes(8)) + element(1, b"a")),
        element(14, element(6, bytes(8)) + element(6, bytes(8)) + element(1, b"a")),
    ],
)
def test_what_is_not_of_its_shape_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, HEADER + content).startswith("damaged MAT-file: the variable 'a' ")


def test_what_holds_other_numbers_than_its_shape_is_refused(tmp_path: Path) -> None:
    content = matrix(DOUBLE, (1, 3), ONE, name=b"a")
    assert "reshape" in refusal(tmp_path, HEADER + content)


def test_a_variable_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rateval_datasets.public.mat_files._LARGEST", 1000)
    content = zlib.compress(matrix(DOUBLE, (1, 200), element(9, bytes(1600)), name=b"a"))
    message = "a compressed variable has more than 1000 bytes"
    assert refusal(tmp_path, HEADER + element(15, content)) == message


@pytest.mark.parametrize("content", [b"", b"x", HEADER[:-2] + b"MI", b"MATLAB 7.3 MAT-file" * 20])
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content) == "not a little-endian MAT-file of level 5"


@pytest.mark.parametrize("value", ["12", np.array([[1.5], ["x"]], dtype=object)])
def test_what_is_no_number_is_named_where_numbers_are_asked(tmp_path: Path, value: Any) -> None:
    savemat(tmp_path / "made.mat", {"a": value})
    with pytest.raises(ValueError, match=r"^the variable 'a' holds no numbers$"):
        read_numbers(tmp_path / "made.mat", ("a",))


@given(st.data())
def test_a_damaged_tag_is_a_value_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Uncompressed, every byte of a tag reaches what reads it."""
    buffer = io.BytesIO()
    cell = np.array([[1.5], ["letters"], [np.arange(3, dtype=np.int16)]], dtype=object)
    savemat(buffer, {"a": cell, "b": np.eye(2)})
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(128, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged-tag.mat"
    path.write_bytes(content)
    try:
        read_mat(path, ("a",))
    except ValueError as error:
        assert str(error)
