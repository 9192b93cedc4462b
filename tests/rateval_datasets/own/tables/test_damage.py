"""Tables damaged at random: refused, skipped with a reason, or read; never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rateval.api import RatevalError, Sample, Skipped

WORDS = [b"", b"0", b"-1", b"1e999", b"nan", b"null", b"[]", b"{}", b"[[1]]", b'"', b",", b"\n"]
WORDS += [b"\xff", b"\0", b"\r", b"train", b"9" * 400, b"../../x", b'"\\ud800"', b"[" * 3000]
ROWS = [
    {
        "image": f"{at}.png",
        "label": "ab"[at % 2],
        "box": f"[[1, {at}, 9, 9]]",
        "polygon": "0 0 9 0 0 9" if at % 2 else "",
        "split": "test",
        "id": f"p{at}",
        "site": "north",
    }
    for at in range(4)
]


def write(path: Path, tables: Any) -> None:
    if path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, compression="none")
    else:
        tables.write(path, list(ROWS[0]), *[list(row.values()) for row in ROWS])


def mutate(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    end = start + dice.choice([0, 1, 2, 5, 20])
    return data[:start] + dice.choice(WORDS) + data[end:]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_damaged_tables_end_well(tmp_path: Path, tables: Any, make: Any, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    for row in ROWS:
        tables.photo(tmp_path / row["image"])
    write(path, tables)
    sound = path.read_bytes()
    ends = set()
    for seed in range(300):
        path.write_bytes(mutate(sound, random.Random(seed)))
        try:
            dataset = make(path)
            assert dataset.test.identity
            assert all(isinstance(row, Sample | Skipped) for row in tables.read(dataset.test))
            ends.add("read")
        except RatevalError as error:
            assert "\n" not in str(error)
            ends.add("refused")
    assert ends == {"read", "refused"}
