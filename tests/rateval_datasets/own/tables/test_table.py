from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rateval.api import Sample

TRIANGLE = [10, 5, 40.5, 5, 10, 35.5]
BOX = [10, 5, 31, 20]
ROWS: list[dict[str, Any]] = [
    {"image": "a.png", "label": "007", "mask": "m.png", "site": "Süd", "year": 2020},
    {"image": "b.png", "label": "mug", "box": BOX, "year": 2021, "split": "Training"},
    {"image": "c.png", "label": "mug", "polygon": TRIANGLE, "split": "test", "caption": "A mug."},
    {"image": "d.png", "label": "mug", "site": "north", "split": "test"},
]


def save(folder: Path, form: str, rows: list[dict[str, Any]], tables: Any) -> Path:
    """Save rows in a form, and the photos that they name."""
    for row in rows:
        tables.photo(folder / row["image"])
    tables.mask(folder / "m.png")
    path = folder / f"photos.{form}"
    names = list(dict.fromkeys(name for row in rows for name in row))
    if form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    elif form == "parquet":
        pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)
    else:
        cells = [["" if row.get(name) is None else row[name] for name in names] for row in rows]
        tables.write(path, names, *cells, delimiter="\t" if form == "tsv" else ",")
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_all_forms_say_the_same(tmp_path: Path, tables: Any, make: Any, form: str) -> None:
    rows = [{**row, "split": "test"} for row in ROWS]
    dataset = make(save(tmp_path, form, rows, tables))
    assert dataset.classes == ("007", "mug")
    assert dataset.test.ids == ["a.png", "b.png", "c.png", "d.png"]
    assert list(dataset.test.labels) == [0, 1, 1, 1]
    assert dataset.test.groups == {
        "site": ["Süd", None, None, "north"],
        "year": ["2020", "2021", None, None],
    }
    found = tables.read(dataset.test)
    expected = [tables.box_mask(), tables.box_mask(), tables.triangle_mask(), None]
    for one, drawn in zip(found, expected, strict=True):
        assert isinstance(one, Sample)
        np.testing.assert_array_equal(one.mask, drawn)
    assert [one.caption for one in found] == [None, None, "A mug.", None]


def test_splits_of_a_column(tmp_path: Path, tables: Any, make: Any) -> None:
    dataset = make(save(tmp_path, "csv", ROWS, tables))
    assert dataset.train.ids == ["b.png"]
    assert dataset.test.ids == ["c.png", "d.png"]
    assert dict(dataset.unused) == {"in no split": 1}
    divided = make(tmp_path / "photos.csv", split_column=False, split={"test": 0.5})
    assert sorted([*divided.test.ids, *divided.train.ids]) == ["a.png", "b.png", "c.png", "d.png"]
    assert "split" in divided.test.groups


def test_names_of_splits_of_ones_own_need_a_choice(
    tmp_path: Path, tables: Any, make: Any, refuse: Any
) -> None:
    rows = [(f"{at}.png", "ab"[at % 2], f"fold{at % 3}") for at in range(6)]
    path = tables.write(tmp_path / "t.csv", ["image", "label", "split"], *rows)
    why = refuse(path)
    assert 't.csv:2: split_column: "fold0" is none of "train", "val", "test"' in why
    assert "t.csv:4:" in why
    assert "and 3 more" in why
    assert make(path, test_split="fold1").test.ids == ["1.png", "4.png"]


def test_a_group_is_never_torn_apart(tmp_path: Path, tables: Any, make: Any) -> None:
    rows = [(f"{at}.png", "ab"[at % 2], f"p{at // 4}") for at in range(40)]
    path = tables.write(tmp_path / "t.csv", ["image", "label", "patient"], *rows)
    dataset = make(path, split={"test": 0.3}, group_by="patient")
    tested, trained = (set(split.groups["patient"]) for split in (dataset.test, dataset.train))
    assert len(tested) == 3
    assert not tested & trained


def test_a_lone_split_for_training_is_divided(
    tmp_path: Path, tables: Any, make: Any, refuse: Any
) -> None:
    rows = [(f"{at}.png", "ab"[at % 2], "train") for at in range(10)]
    path = tables.write(tmp_path / "t.csv", ["image", "label", "split"], *rows)
    assert "there is no split to test on, only train" in refuse(path)
    dataset = make(path, split={"test": 0.2}, train_split="train")
    assert [len(dataset.test), len(dataset.train)] == [2, 8]


def test_columns_have_names_of_ones_own(tmp_path: Path, tables: Any, make: Any) -> None:
    header = ["photo", "kind", "where", "image", "box"]
    path = tables.write(tmp_path / "t.csv", header, ["x.png", "mug", "10 5 21 15", "n", "n"])
    tables.photo(tmp_path / "x.png")
    dataset = make(path, image="photo", label="kind", boxes="where", box_format="xywh")
    assert dataset.test.groups == {"image": ["n"], "box": ["n"]}
    np.testing.assert_array_equal(tables.one(dataset.test).mask, tables.box_mask())


@pytest.mark.parametrize(
    "cell",
    [
        *("[10, 5, 31, 20]", "[[10,5,31,20]]", "10 5 31 20", "10, 5, 31, 20", " 10  5 31 20; "),
        "10 5 31 12; 10 10 31 20",
        "[[10, 5, 20, 20], [20, 5, 31, 20]]",
    ],
)
def test_boxes_of_text(tmp_path: Path, tables: Any, make: Any, cell: str) -> None:
    path = tables.write(tmp_path / "t.csv", ["image", "label", "boxes"], ["x.png", "mug", cell])
    np.testing.assert_array_equal(tables.one(make(path).test).mask, tables.box_mask())


@pytest.mark.parametrize(
    "cell",
    [
        *("10 5 40.5 5 10 35.5", "[10, 5, 40.5, 5, 10, 35.5]", "[[10, 5, 40.5, 5, 10, 35.5]]"),
        *("[[10, 5], [40.5, 5], [10, 35.5]]", "[[[10, 5], [40.5, 5], [10, 35.5]]]"),
        "10 5 40.5 5 10 35.5; 11 6 12 6 12 7",
    ],
)
def test_outlines_of_text(tmp_path: Path, tables: Any, make: Any, cell: str) -> None:
    path = tables.write(tmp_path / "t.csv", ["image", "label", "polygons"], ["x.png", "mug", cell])
    np.testing.assert_array_equal(tables.one(make(path).test).mask, tables.triangle_mask())


def test_shares_are_of_the_photo_as_it_is_shown(tmp_path: Path, tables: Any, make: Any) -> None:
    rows, columns = tables.size
    shares = [10 / rows, 5 / columns, 31 / rows, 20 / columns]
    tables.photo(tmp_path / "x.png", orientation=6)
    path = tables.write(tmp_path / "t.csv", ["image", "label", "box"], ["x.png", "mug", shares])
    one = tables.one(make(path, box_unit="shares").test)
    assert one.image.size == (rows, columns)
    expected = np.zeros((columns, rows), dtype=np.bool_)
    expected[5:20, 10:31] = True
    np.testing.assert_array_equal(one.mask, expected)


def test_the_finest_evidence_of_a_row_counts(tmp_path: Path, tables: Any, make: Any) -> None:
    tables.mask(tmp_path / "m.png")
    path = tables.write(
        tmp_path / "t.csv",
        ["image", "label", "mask", "polygon", "box"],
        ["a.png", "mug", "m.png", "0 0 9 0 0 9", "0 0 9 9"],
        ["b.png", "mug", "", "10 5 40.5 5 10 35.5", "0 0 9 9"],
    )
    first, second = tables.read(make(path).test)
    np.testing.assert_array_equal(first.mask, tables.box_mask())
    np.testing.assert_array_equal(second.mask, tables.triangle_mask())
    nothing = make(path, mask=False, polygons=False, boxes=False)
    assert not nothing.has_masks


def test_values_of_masks(tmp_path: Path, tables: Any, make: Any) -> None:
    tables.mask(tmp_path / "m.png")
    path = tables.write(tmp_path / "t.csv", ["image", "label", "mask"], ["a.png", "mug", "m.png"])
    assert tables.one(make(path, mask_values=[3]).test).mask.sum() == tables.box_mask().sum()
    assert tables.one(make(path, mask_values=[1]).test).mask.sum() == 0


def test_paths_begin_in_root_and_may_be_those_of_windows(
    tmp_path: Path, tables: Any, make: Any
) -> None:
    tables.photo(tmp_path / "photos" / "a" / "x.png")
    path = tmp_path / "lists" / "t.csv"
    tables.write(path, ["image", "label", "id"], [".\\a\\x.png", "mug", "17"])
    (tmp_path / "lists" / ".\\a\\x.png").unlink()
    dataset = make(path, root=tmp_path / "photos")
    assert tables.one(dataset.test).id == "17"
    assert tables.one(make(path, root=tmp_path / "photos", id=False).test).id == "a/x.png"


def test_semicolons_marks_at_the_beginning_and_columns_without_a_name(
    tmp_path: Path, tables: Any, make: Any
) -> None:
    tables.photo(tmp_path / "x.png")
    path = tmp_path / "t.csv"
    path.write_bytes(
        '\ufeff\r\n;image;label;note\r\n0;x.png;mug;"one\r\ntwo; ""three"""\r\n'.encode()
    )
    assert make(path).test.groups == {"note": ['one\r\ntwo; "three"']}


def test_what_is_missing_or_broken_is_skipped(tmp_path: Path, tables: Any, make: Any) -> None:
    header = ["image", "label", "mask"]
    rows = [
        *(["a.png", "mug", ""], ["gone.png", "mug", ""], ["b.png", "", ""], ["", "mug", ""]),
        *(["c.png", "mug", "none.png"], ["https://example.org/a.png", "mug", ""]),
    ]
    path = tables.write(tmp_path / "t.csv", header, *rows)
    (tmp_path / "gone.png").unlink()
    test = make(path).test
    assert tables.one(test).mask is None
    reasons = [tables.reason(test, at) for at in range(1, 6)]
    assert reasons[0].startswith("unreadable image: FileNotFoundError")
    assert reasons[1:3] == ["no label", "no image"]
    assert reasons[3].startswith("unreadable evidence: FileNotFoundError")
    assert "not on this computer's disk" in reasons[4]
    assert test.ids[3] == "t.csv:5"


def test_identity_is_that_of_the_content(tmp_path: Path, tables: Any, make: Any) -> None:
    one, two = (save(tmp_path / name, "csv", ROWS, tables) for name in "ab")
    assert make(one).test.identity == make(two).test.identity
    other = [{**row, "polygon": [9, *TRIANGLE[1:]] if "polygon" in row else None} for row in ROWS]
    changed = save(tmp_path / "c", "csv", other, tables)
    assert make(one).test.identity != make(changed).test.identity
