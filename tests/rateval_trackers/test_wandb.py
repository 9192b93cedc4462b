"""The file that `wandb sync` would send, read by W&B's own messages, says what a run is."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from rateval.api import Context
from rateval.records.run import RunRecord
from rateval.testing.trackers import make_record
from rateval_trackers.params import WandbParams
from rateval_trackers.wandb_runs import make_wandb

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read(file: Path) -> Iterator[Record]:
    """Yield the records of a log in LevelDB's format, which begins with W&B's 7 bytes."""
    data, at, parts = file.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0:
            at += left
            continue
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (FULL, LAST):
            record = Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


class Noted:
    """What is in one run's file."""

    def __init__(self, folder: Path) -> None:
        (self.folder,) = folder.glob("wandb/offline-run-*")
        (file,) = self.folder.glob("*.wandb")
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.exit_code: int | None = None
        for record in read(file):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.project = record.run.project
                self.config |= _items(record.run.config.update)
            elif kind == "summary":
                self.summary |= _items(record.summary.update)
            elif kind == "history":
                self.history.append(_items(record.history.item))
            elif kind == "exit":
                self.exit_code = record.exit.exit_code


def read_whole(folder: Path) -> Noted:
    """Return what is in the file once W&B's own process has written the last of it."""
    until = time.monotonic() + 60
    while (noted := Noted(folder)).exit_code is None and time.monotonic() < until:
        time.sleep(0.2)
    return noted


def _items(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def test_scores_and_curves_are_those_of_the_run(
    folder: Path, scores: dict[str, float], curves: dict[str, dict[int, float]]
) -> None:
    noted = Noted(folder / "runs")
    assert len(scores) > 50
    assert {name: noted.summary[name] for name in scores} == scores
    found = {
        name: {row["epoch"]: row[name] for row in noted.history if name in row} for name in curves
    }
    assert found == curves
    noise = {"epoch"} | curves.keys() | scores.keys()
    assert {
        name
        for name in noted.summary
        if name.split("/")[0] not in ("report", "_wandb", "_step", "_runtime", "_timestamp")
        and name not in noise
    } == {
        "rateval/status",
        "rateval/folder",
    }


def test_spec_status_and_page(folder: Path, spec: dict[str, Any], record: RunRecord) -> None:
    noted = Noted(folder / "runs")
    assert noted.project == "tracked"
    for name, value in spec.items():
        assert noted.config[name] == value
    assert noted.exit_code == 0
    assert noted.summary["rateval/status"] == "finished"
    assert Path(noted.summary["rateval/folder"]).name == record.path.name
    (page,) = noted.folder.rglob("*.html")
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    (row,) = (row for row in noted.history if "report/path" in row)
    assert row["report/path"].endswith(page.name)
    gathered = {"requirements.txt", "wandb-metadata.json", "conda-environment.yaml", "output.log"}
    assert not gathered & {file.name for file in noted.folder.rglob("*")}


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_how_a_run_ended_is_told(tmp_path: Path, status: Any) -> None:
    record = make_record(tmp_path, status)
    tracker = make_wandb(WandbParams(folder=tmp_path, page=False), Context())
    tracker.start(record)  # type: ignore[arg-type]  # has what a plan has
    tracker.finish(record, None)
    noted = read_whole(tmp_path)
    assert noted.exit_code == 1
    assert noted.summary["rateval/status"] == status
    assert ("rateval/failures" in noted.summary) == (status == "failed")
