"""Relevance maps written part by part are the file that safetensors writes of all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import safetensors.numpy

from rateval.store import rows as tables
from rateval.store.relevance import RELEVANCE, RelevanceWriter, read_shape


def maps(count: int, rows: int = 3, cols: int = 2) -> np.ndarray:
    return np.random.default_rng(count).random((count, rows, cols)).astype(np.float16)


def write(folder: Path, *parts: np.ndarray) -> bytes:
    folder.mkdir()
    count = sum(map(len, parts))
    with RelevanceWriter(folder, (count, *parts[0].shape[1:])) as writer:
        for part in parts:
            writer.write(part)
    return (folder / RELEVANCE).read_bytes()


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("grid", [(1, 1), (3, 2), (24, 24)])
def test_the_bytes_are_those_of_safetensors(
    tmp_path: Path, size: int, grid: tuple[int, int]
) -> None:
    whole = maps(17, *grid)
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert write(tmp_path / "parts", *parts) == safetensors.numpy.save({"relevance": whole})
    assert read_shape(tmp_path / "parts") == (17, *grid)
    assert np.array_equal(tables.read_relevance(tmp_path / "parts"), whole)


def test_maps_that_do_not_lie_in_one_piece_are_written_as_they_are(tmp_path: Path) -> None:
    whole = maps(4, 3, 3)
    turned = whole.transpose(0, 2, 1)
    expected = safetensors.numpy.save({"relevance": np.ascontiguousarray(turned)})
    assert write(tmp_path / "turned", turned) == expected


def test_no_map_may_be_missing(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="missing"),
        RelevanceWriter(tmp_path, (3, 3, 2)) as writer,
    ):
        writer.write(maps(2))


@pytest.mark.parametrize("size", [2, 5, 11])
def test_joined_parts_are_the_whole(tmp_path: Path, size: int) -> None:
    whole = maps(11)
    parts = []
    for at in range(0, len(whole), size):
        part = tmp_path / str(at)
        part.mkdir()
        here = whole[at : at + size]
        tables.write_relevance(part, here)
        masks = tables.pack_masks(here > 0.5, (True,) * len(here))
        schema = tables.masks_schema(3, 2)
        rows = {"id": [str(at + place) for place in range(len(here))], "mask": masks}
        for name in (tables.ROWS, tables.MASKS):
            with tables.RowWriter(part / name, schema) as writer:
                writer.write(pa.RecordBatch.from_pydict(rows, schema=schema))
        parts.append(part)
    joined = tmp_path / "joined"
    joined.mkdir()
    tables.concatenate(parts, joined)
    assert (joined / RELEVANCE).read_bytes() == safetensors.numpy.save({"relevance": whole})
    found = [(ids, masks) for ids, masks, _ in tables.read_masks(joined, 100)]
    assert [name for ids, _ in found for name in ids] == [str(at) for at in range(11)]
    assert np.array_equal(np.concatenate([masks for _, masks in found]), whole > 0.5)
