"""Tidy tables: read back by other readers they hold what the record and its rows hold."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rateval.records.run import RunRecord
from rateval.report.export import images as reading
from rateval.report.export.formats import Asked, export as write
from rateval.report.export.images import Images, read_judged
from rateval.report.export.selecting import select
from rateval.report.export.values import neutralise, write_csv
from rateval.store.rows import ROWS, VERDICTS, RowWriter, rows_schema
from rateval.tasks.classification import OneOf

Export = Callable[..., tuple[int, str, str]]


def test_parquet_rows_are_the_records(run: RunRecord, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    code, _, said = export("--format", "parquet", "--what", "rows", "--output", str(path))
    assert (code, said) == (0, f"wrote  {path}\n")
    table = pq.read_table(path)
    start = 0
    for cell in run.cells:
        for evidence in cell.evidence:
            rows = run.rows(cell, evidence.validator)
            part = table.slice(start, len(rows))
            start += len(rows)
            assert set(part.column("finetuner").to_pylist()) == {cell.key.finetuner}
            assert set(part.column("validator").to_pylist()) == {evidence.validator}
            for name in rows.column_names:
                assert part.column(name).to_pylist() == rows.column(name).to_pylist(), name
            found = part.column("quadrant").to_pylist()
            assert {q: found.count(q) for q in evidence.quadrants} == evidence.quadrants
    assert start == len(table) == 240


def test_csv_rows_are_the_records(run: RunRecord, export: Export) -> None:
    cell = run.cells[1]
    code, out, said = export(
        *("--format", "csv", "--what", "rows", "--cell", "*lp*", "--validator", "relevance-mass")
    )
    assert (code, said) == (0, "")
    lines = list(csv.DictReader(io.StringIO(out)))
    rows = run.rows(cell, "relevance-mass").to_pylist()
    classes = run.datasets[0].classes
    for line, row in zip(lines, rows, strict=True):
        assert int(line["prediction"]) == row["prediction"]
        assert line["prediction_name"] == classes[row["prediction"]]
        assert line["correct"] == str(row["correct"]).lower()
        assert np.float32(line["score"]) == np.float32(row["score"])
        assert np.array_equal(
            np.float32(json.loads(line["probabilities"])), np.float32(row["probabilities"])
        )
        assert line["undefined"] == "" and line["seed"] == "0"


def test_json_is_a_list_of_objects_and_scores_are_the_records(
    run: RunRecord, export: Export
) -> None:
    lines = json.loads(export("--format", "json")[1])
    found = {(x["finetuner"], x["validator"], x["metric"]): x for x in lines}
    for cell in run.cells:
        for evidence in cell.evidence:
            for score in evidence.scores:
                line = found.pop((cell.key.finetuner, evidence.validator, score.metric))
                assert (line["value"], line["low"]) == (score.value.value, score.value.low)
                assert line["denominator"] == score.value.denominator
                assert line["change"] == (score.change and score.change.value)
                assert line["RR"] == evidence.quadrants["RR"]
    assert not found


def test_comparisons_and_transitions_are_the_records(run: RunRecord, export: Export) -> None:
    lines = json.loads(export("--format", "json", "--what", "comparisons")[1])
    one = next(x for x in lines if (x["validator"], x["metric"]) == ("relevance-mass", "pt"))
    pair = next(x for x in run.comparisons if x.validator == "relevance-mass")
    expected = pair.difference("pt")
    assert expected is not None
    assert (one["difference"], one["low"], one["p"]) == (expected.value, expected.low, expected.p)
    assert (one["finetuner"], one["against"]) == ("lp", "zs")
    lines = json.loads(export("--format", "json", "--what", "transitions")[1])
    counts = {(x["from"], x["to"]): x["images"] for x in lines if x["validator"] == pair.validator}
    assert counts == {(a, b): n for a, row in pair.transitions.items() for b, n in row.items()}
    assert sum(counts.values()) == 60


def test_nothing_to_list_is_an_empty_list(run: RunRecord, tmp_path: Path) -> None:
    bare = run.model_copy(update={"comparisons": ()})
    path = tmp_path / "none.json"
    write(select(bare), Asked("json", "comparisons", path))
    assert json.loads(path.read_text()) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_are_neutralised_and_numbers_are_not(start: str) -> None:
    schema = pa.schema({"text": pa.string(), "number": pa.float64()})
    batch = pa.RecordBatch.from_pydict({"text": [f"{start}1"], "number": [-1.5]}, schema=schema)
    text = "".join(write_csv(schema, iter([batch])))
    ((_, _), (name, number)) = csv.reader(io.StringIO(text, newline=""))
    assert (name, number) == (f"'{start}1", "-1.5")
    assert neutralise(f"a{start}") == f"a{start}"


def test_hostile_labels_stay_one_cell_of_text(hostile: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    write(select(hostile), Asked("csv", "cells", path))
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["dataset"] for line in lines} == {f"'{hostile.datasets[0].name}"}
    assert len(lines) == sum(len(e.scores) for c in hostile.cells for e in c.evidence)


def _store(folder: Path, count: int, group: int) -> tuple[Path, Path]:
    chance = np.random.default_rng(0)
    inferred, judged = folder / "infer", folder / "judge"
    ids = [f"photo-{at}" for at in range(count)]
    for place in (inferred, judged):
        place.mkdir(parents=True)
    schema = rows_schema(OneOf(10).schema)
    with RowWriter(inferred / ROWS, schema) as writer:
        for start in range(0, count, group):
            size = min(group, count - start)
            chances = chance.random(size * 10, dtype=np.float32)
            columns = {
                "index": np.arange(start, start + size),
                "id": ids[start : start + size],
                "label": pa.array([1] * size, pa.int32()),
                "prediction": pa.array([1] * size, pa.int32()),
                "correct": [True] * size,
                "probabilities": pa.FixedSizeListArray.from_arrays(chances, 10),
                "mask_area": pa.array([0.5] * size, pa.float32()),
                "relevance_max": pa.array([1.0] * size, pa.float32()),
            }
            writer.write(pa.table(columns, schema=schema))
    verdicts = {"score": chance.random(count, dtype=np.float32), "undefined": [None] * count}
    with RowWriter(judged / ROWS, VERDICTS) as writer:
        writer.write(pa.table({"id": ids, "valid": [True] * count} | verdicts, schema=VERDICTS))
    return inferred, judged


def test_rows_come_in_batches_whatever_groups_files_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE", 64)
    folders = _store(tmp_path, 1_000, 37)
    batches = list(read_judged(*folders))
    assert max(map(len, batches)) <= 64
    whole = pa.Table.from_batches(batches)
    assert whole.column("index").to_pylist() == list(range(1_000))
    scores = pq.read_table(folders[1] / ROWS).column("score").to_pylist()
    assert whole.column("score").to_pylist() == scores


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for count in (8_192, 49_152):
        folders = _store(tmp_path / str(count), count, 8_192)
        schema = next(read_judged(*folders)).schema
        tracemalloc.start()
        text = sum(len(part) for part in write_csv(schema, read_judged(*folders)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert text > 5_000_000
    assert peaks[1] < 1.3 * peaks[0]


def test_lists_of_different_lengths_become_lists_of_any(run: RunRecord) -> None:
    fixed = pa.schema({"p": pa.list_(pa.float32(), 2), "q": pa.int32()})
    other = pa.schema({"p": pa.list_(pa.float32(), 3)})
    unified = reading._unify([fixed, other])
    assert unified.field("p").type == pa.list_(pa.float32())
    assert unified.field("q").nullable
    assert Images(select(run)).schema.field("probabilities").type == pa.list_(pa.float32(), 10)
