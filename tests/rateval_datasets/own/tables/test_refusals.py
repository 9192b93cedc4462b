from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from rateval_datasets.own.tables.params import TableParams

TEXTS = [
    ("csv", "", "is empty; its first row names the columns"),
    ("csv", "image,label\n", "holds no row"),
    ("csv", "image,label,image\nx,y,z\n", "has several columns called image"),
    ("csv", "image,label\nx.png,mug,red\n", "t.csv:2: has 3 cells, the header 2"),
    ("csv", 'image,label\nx.png,"mug\n\n', "t.csv:2: unexpected end of data; mend that row"),
    ("csv", 'image,label\nx.png,"mug"s\n', "t.csv:2: ',' expected after '\"'"),
    ("csv", "photo,label\nx.png,mug\n", 'image = "image": no such column in'),
    ("csv", "photo,label\nx.png,mug\n", "there are photo, label"),
    ("csv", "image,label\nx.png,mug\n\ny.png,mug\nx.png,pan\n", "t.csv:5: the id x.png is that of"),
    ("csv", "image,label,id\nx.png,mug,\n", "t.csv:2: id: is empty; each photo needs an id"),
    ("csv", "image,label,split\nx.png,mug,tset\n", 't.csv:2: split_column: "tset" is none of'),
    ("csv", "image,label,box\nx.png,mug,1 2 3\n", "t.csv:2: boxes: a box has four numbers"),
    ("csv", "image,label,box\nx.png,mug,1 2 x 4\n", "not 1 2 x 4"),
    ("csv", "image,label,box\nx.png,mug,[1\n", "t.csv:2: boxes: a box has four numbers, such as"),
    ("csv", "image,label,box\nx.png,mug,9 9 3 3\n", 'is box_format = "xyxy" right?'),
    ("csv", "image,label,box\nx.png,mug,0.1 0.1 0.5 1\n", 'set box_unit = "shares"'),
    (
        "csv",
        "image,label,polygon\nx.png,mug,1 2 3 4\n",
        "polygons: an outline has fewer than three",
    ),
    ("csv", "image,label,polygon\nx.png,mug,1 2 3 4 5\n", "polygons: an outline has pairs of"),
    ("csv", "image,label,polygon\nx.png,mug,nan 2 3 4 5 6\n", "t.csv:2: polygons: an outline has"),
    ("csv", "image,label,box,boxes\nx.png,mug,,\n", "has the columns boxes, box; say which one"),
    ("csv", "image,label,mask\nx.png,mug,m.jpg\n", "t.csv:2: mask: m.jpg: JPEG doesn't keep"),
    ("csv", "image,label\nx.png,\n", "no photo has a label: no label"),
    ("csv", "image,label\ny.png,mug\n", "none of its 1 photos is there, such as"),
    ("csv", f"image,label,{'x' * 65}\nx.png,mug,1\n", "needs another name: one line of 1 to 64"),
    ("jsonl", '{"image": "x.png", "label": "mug"}\n{', "t.jsonl:2: is no JSON"),
    ("jsonl", '\n["x.png", "mug"]\n', "t.jsonl:2: is no JSON object"),
    ("jsonl", '{"image": "x.png", "image": "y"}\n', "t.jsonl:1: is no JSON: a name stands twice"),
    (
        "jsonl",
        '{"image": "x.png", "label": ["mug"]}\n',
        "label: must be text or a whole number, not",
    ),
    ("jsonl", '{"image": "x.png", "label": 1.5}\n', "t.jsonl:1: label: must be text or a whole"),
    ("jsonl", '{"image": {"bytes": ""}, "label": 1}\n', 'use = "huggingface" reads images'),
    ("jsonl", '{"image": "x.png", "label": 1, "box": {"x": 1}}\n', "boxes: a box has four numbers"),
    ("jsonl", '{"image": "x.png", "label": 1, "box": [1, null, 3, 4]}\n', "a box has four numbers"),
    ("jsonl", f"{'[' * 100_000}\n", "t.jsonl:1: is no JSON"),
    ("parquet", "PAR1", "is no readable Parquet: "),
    ("xlsx", "", "its ending is none of .csv, .tsv, .parquet"),
]


@pytest.mark.parametrize(("ending", "text", "message"), TEXTS, ids=range(len(TEXTS)))
def test_what_is_wrong_with_a_table_is_said_with_its_place(
    tmp_path: Path, tables: Any, refuse: Any, ending: str, text: str, message: str
) -> None:
    tables.photo(tmp_path / "x.png")
    path = tmp_path / f"t.{ending}"
    path.write_text(text)
    assert message in refuse(path)


def test_all_rows_at_fault_are_told_at_once(tmp_path: Path, tables: Any, refuse: Any) -> None:
    rows = [(f"{at}.png", "mug", "1 2", "tset") for at in range(4)]
    path = tables.write(tmp_path / "t.csv", ["image", "label", "box", "split"], *rows)
    why = refuse(path)
    assert "t.csv:2: split_column" in why
    assert why.endswith("; and 5 more (docs/datasets.md)")


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("latin-1", "t.csv:2: no UTF-8 text: the byte 0xe4; it may be Latin-1: save it as UTF-8"),
        ("utf-16", "t.csv:1: no UTF-8 text: the byte 0xff; it may be UTF-16: save it as UTF-8"),
    ],
)
def test_other_encodings(tmp_path: Path, refuse: Any, encoding: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,label\nx.png,Gerät\n", encoding=encoding)
    assert message in refuse(path)


def test_files_that_are_none(tmp_path: Path, tables: Any, refuse: Any) -> None:
    assert "no such file" in refuse(tmp_path / "t.csv")
    assert "is a folder; give the file of the table" in refuse(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no regular file" in refuse(tmp_path / "pipe.csv")
    path = tables.write(tmp_path / "t.csv", ["image", "label"], ["x.png", "mug"])
    assert "root = " in refuse(path, root=tmp_path / "nope")
    assert "is a file; give its folder" in refuse(path, root=path)
    assert 'mask = "msak": no such column in' in refuse(path, mask="msak")


def test_shares_that_are_pixels(tmp_path: Path, tables: Any, refuse: Any) -> None:
    path = tables.write(tmp_path / "t.csv", ["image", "label", "box"], ["x.png", "m", "1 2 30 40"])
    assert 'such as 40; set box_unit = "pixels"' in refuse(path, box_unit="shares")


def test_parquet_of_images_and_twice_the_same_column(tmp_path: Path, refuse: Any) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image": [{"bytes": b"", "path": ""}], "label": ["mug"]}), path)
    assert 't.parquet:row 1: image: must be a path; use = "huggingface"' in refuse(path)
    pq.write_table(pa.table([[1], [2]], names=["image", "image"]), path)
    assert "has several columns called image" in refuse(path)


def test_lists_are_no_groups_but_noted(tmp_path: Path, tables: Any, make: Any) -> None:
    tables.photo(tmp_path / "x.png")
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"image": "x.png", "label": "mug", "tags": ["a"], "site": "n"}))
    dataset = make(path)
    assert dataset.test.groups == {"site": ["n"]}
    assert dataset.notes == ("columns of lists are no groups: tags",)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mask": False, "mask_values": [1]}, "mask_values needs mask"),
        ({"mask": True}, "mask"),
        ({"box_unit": "percent"}, "box_unit"),
        ({}, "file"),
    ],
)
def test_params_that_contradict(params: dict[str, Any], message: str) -> None:
    given = {"file": "t.csv", **params} if params else {}
    with pytest.raises(ValidationError, match=message):
        TableParams.model_validate(given)
