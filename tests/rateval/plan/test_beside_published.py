"""A run beside the published values, on records made by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from rateval.console import Console
from rateval.plan.beside_published import compare_published
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import estimate_share
from rateval.report.terminal.published import render_published

ENVIRONMENT = EnvironmentRecord(
    python="3.11.0",
    platform="Linux",
    processor="some",
    cores=2,
    threads=2,
    device="cpu",
    distributions={},
    git=None,
)


def named(name: str, component: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "component": component, "params": params}


def spec(**tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "dataset": [named("birds", "cub200")],
        "model": [named("big", "clip", architecture="ViT-B-32", pretrained="openai")],
        "finetune": [named("plain", "zs"), named("head", "lp")],
        "attribution": [named("gaa", "generic-attention")],
        "evidence": [named("mass", "relevance-mass", threshold=0.5)],
        "metric": [named("a", "accuracy"), named("p", "pt"), named("i", "ir")],
        **tables,
    }


def cell(method: str, *scores: tuple[str, int, int], **key: Any) -> CellRecord:
    """Return a cell whose scores are shares: (label of the metric, of, among)."""
    labels = {"dataset": "birds", "model": "big", "finetuner": method, "attribution": "gaa"}
    records = tuple(
        ScoreRecord(metric=name, heading=name, value=estimate_share(one, among))
        for name, one, among in scores
    )
    evidence = StoredEvidenceRecord(
        validator="mass", quadrants={}, undefined={}, scores=records, identity="x"
    )
    return CellRecord(
        key=Key(**(labels | key)),
        trained=method != "plain",
        identity="x",
        classifier="y",
        count=100,
        skipped=(),
        skipped_in_training=(),
        evidence=(evidence,),
    )


def run(*cells: CellRecord, resolved: dict[str, Any] | None = None, **more: Any) -> RunRecord:
    values: dict[str, Any] = {
        "study": "mine",
        "protocol": "aaai25",
        "status": "finished",
        "error": None,
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "spec_name": "mine.toml",
        "spec_given": "",
        "spec_resolved": resolved or spec(),
        "seeds": (0,),
        "limit": None,
        "environment": ENVIRONMENT,
        "datasets": (),
        "stages": (),
        "cells": cells,
        "planned": tuple(one.key for one in cells),
    }
    made = RunRecord(**(values | more))
    made._path = Path("runs/mine")
    return made


# Published for CUB and CLIP ViT-B/32: PT 30.57 and IR 56.80 of zs.
PLAIN = cell("plain", ("a", 40, 100), ("p", 300, 1000), ("i", 900, 1000))


def test_inside_of_the_interval_agrees() -> None:
    found = compare_published(run(PLAIN, cell("head", ("p", 0, 0))))
    verdicts = {(c.published.method, c.published.metric): c.verdict for c in found.compared}
    assert verdicts == {
        ("zs", "PT"): "agrees",
        ("zs", "IR"): "differs",
        ("lp", "PT"): "undefined",
        ("lp", "IR"): "not there",
    }
    assert found.absent == 124
    assert not found.unmatched


def test_a_limit_leaves_no_verdict() -> None:
    found = compare_published(run(PLAIN, limit=50))
    assert {one.verdict for one in found.compared} == {"limited"}


def test_what_could_be_two_rows_is_unmatched() -> None:
    two = spec(finetune=[named("plain", "zs"), named("slow", "lp"), named("fast", "lp")])
    cells = (PLAIN, cell("slow", ("p", 3, 9)), cell("fast", ("p", 2, 9)))
    found = compare_published(run(*cells, resolved=two))
    assert {one.published.method for one in found.compared} == {"zs"}
    assert len(found.unmatched) == 4
    assert (
        "2 of its rows are PT lp clip-b32 cub200"
        in dict(found.unmatched)["big · slow on birds · gaa · mass · p"]
    )


@pytest.mark.parametrize(
    ("tables", "name"),
    [
        ({"model": [named("big", "clip", architecture="ViT-B-32", pretrained="m.pt")]}, "model"),
        ({"dataset": [named("birds", "folder")]}, "dataset"),
        ({"attribution": [named("gaa", "legrad")]}, "attribution"),
        ({"evidence": [named("mass", "relevance-mass", threshold=0.4)]}, "evidence"),
    ],
)
def test_another_component_or_checkpoint_is_unmatched(tables: Any, name: str) -> None:
    found = compare_published(run(PLAIN, resolved=spec(**tables)))
    assert not found.compared
    assert [row.split()[0] for row, _ in found.unmatched] == [name]
    assert found.absent == 128


def test_a_shift_is_unmatched() -> None:
    shifted = cell("plain", ("p", 300, 1000), shift="fog")
    found = compare_published(run(shifted))
    assert not found.compared
    assert "no shift" in found.unmatched[0][1]


def test_what_is_printed_fits_80_columns() -> None:
    record = run(PLAIN, cell("head", ("p", 0, 0)), protocol="matched")
    stream = io.StringIO()
    directions = {"PT": (8, 48), "IR": (48, 48)}
    shown = render_published(record, compare_published(record), directions)
    Console(file=stream, width=80).print(shown)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "zs PT 30.6 30.0 27.2 to 32.9 agrees" in text
    assert "1 of 2 values that can be compared agree" in text
    assert "PT falls in 40 of 48 pairs" in text
    assert "this run is by the protocol matched" in text
