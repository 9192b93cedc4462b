"""What every tracker promises."""

from __future__ import annotations

import copy
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from rateval.api.tracking import Tracker
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.about.trainings import CurveRecord, EpochRecord
from rateval.records.key import ClassifierKey, Key
from rateval.records.plan import PlanRecord
from rateval.records.run import RunRecord
from rateval.records.scores.cell import (
    CellRecord,
    ScoreRecord,
    StoredEvidenceRecord,
)
from rateval.records.scores.estimate import estimate_share
from rateval.records.step import FailureRecord
from rateval.testing.failure import part, require, require_members

_LABEL = "é · β/ж | <i>, 100 % …"
"""A label as a spec may have it; trackers' names allow less."""
_PAGE = "<!doctype html><p>é</p>\n"
_HERE = EnvironmentRecord(
    python="3",
    platform="here",
    processor="",
    cores=1,
    threads=1,
    device="cpu",
    distributions={},
    git=None,
)
_LOCAL = ("127.0.0.1", "::1", "localhost")


def check_tracker(tracker: Tracker) -> None:
    """Check that a tracker takes runs as they come, and reaches nothing but this computer.

    It is told of three runs, one after the other: finished with a page, failed, and interrupted
    before anything was there. Labels hold what a spec may hold. Only what this process itself
    reaches is seen. Raises ConformanceError at the first broken promise.
    """
    require_members(tracker, Tracker)
    for status in ("finished", "failed", "interrupted"):
        with tempfile.TemporaryDirectory(prefix="rateval-tracker-") as name, part("Tracker"):
            _tell(tracker, Path(name), status)


def _tell(
    tracker: Tracker, folder: Path, status: Literal["finished", "failed", "interrupted"]
) -> None:
    record = make_record(folder, status)
    plan = PlanRecord(
        study=record.study,
        protocol="matched",
        differences=(),
        spec_resolved=copy.deepcopy(record.spec_resolved),
        seeds=record.seeds,
        keys=record.planned,
    )
    page = folder / "page.html" if status == "finished" else None
    if page is not None:
        page.write_text(_PAGE, encoding="utf-8")
    before = plan.model_dump(), record.model_dump(), Path.cwd()
    with _hearing() as reached:
        _call("start", lambda: tracker.start(plan))
        _call("finish", lambda: tracker.finish(record, page))
    after = plan.model_dump(), record.model_dump(), Path.cwd()
    require(before == after, "Tracker", "leave records and the current folder as they are", "other")
    require(not reached, "Tracker", "reach nothing outside of this computer", reached)
    kept = page is None or (page.is_file() and page.read_text(encoding="utf-8") == _PAGE)
    require(kept, "Tracker.finish", "leave the page as it is", "another")


def _call(method: str, call: Any) -> None:
    try:
        returned = call()
    except Exception as error:
        raise_as = f"{type(error).__name__}: {error}"
        require(False, f"Tracker.{method}", "take what a run tells it", raise_as)
    require(returned is None, f"Tracker.{method}", "return None", repr(returned))


@contextmanager
def _hearing() -> Iterator[list[str]]:
    """Give a list of the addresses beyond this computer that the process tries to reach."""
    reached: list[str] = []
    connect = socket.socket.connect

    def hear(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOCAL:
            reached.append(f"{address[0]}:{address[1]}")
            raise OSError(f"{address[0]} is not to be reached here")
        connect(self, address)

    with patch.object(socket.socket, "connect", hear):
        yield reached


def make_record(folder: Path, status: Literal["finished", "failed", "interrupted"]) -> RunRecord:
    """Make the record of a small run whose labels hold odd signs, saved into a folder."""
    key = Key(dataset=_LABEL, model=_LABEL, finetuner="ft", shift="../fog", attribution="a" * 80)
    failure = FailureRecord(stage="infer", label=_LABEL, error="E: |\n<b>", cells=(key,))
    record = RunRecord(
        study="tracked",
        status=status,
        error="RatevalError: as asked" if status == "failed" else None,
        started="2026-01-02T03:04:05+00:00",
        seconds=1.5,
        spec_name="tracked.toml",
        spec_given="",
        spec_resolved={
            "study": {"name": "tracked", "seeds": None},
            "model": [{"name": _LABEL, "params": {"prompt": [_LABEL] * 400, "empty": ""}}],
            "tracker": [],
            "run": {"output": str(folder), "limit": None, "reuse": True},
        },
        seeds=(0,),
        limit=None,
        environment=_HERE,
        datasets=(),
        planned=(key,),
        stages=(),
        cells=() if status == "interrupted" else (_make_cell(key),),
        trainings=() if status == "interrupted" else (_make_curve(key),),
        failures=(failure,) if status == "failed" else (),
    )
    record.save(folder / "tracked-20260102-030405")
    return record


def _make_curve(key: Key) -> CurveRecord:
    """Make the curve of two epochs, one of whose metrics is undefined."""
    held_out = {_LABEL: None, "pt": 0.5}
    epochs = tuple(
        EpochRecord(number=n, loss=1 / n, accuracy=None, lr=1e-3, held_out=held_out) for n in (1, 2)
    )
    trained = ClassifierKey(dataset=key.dataset, model=key.model, finetuner=key.finetuner)
    return CurveRecord(classifier="c", key=trained, epochs=epochs, told={})


def _make_cell(key: Key) -> CellRecord:
    """Make a cell with a score that is defined and one that isn't."""
    scores = tuple(
        ScoreRecord(metric=metric, heading=metric, value=estimate_share(n, of))
        for metric, n, of in (("pt", 1, 4), (_LABEL, 0, 0))
    )
    evidence = StoredEvidenceRecord(
        validator=_LABEL,
        quadrants={"RR": 1, "RW": 3, "WR": 0, "WW": 0},
        undefined={},
        scores=scores,
        identity="e",
    )
    return CellRecord(
        key=key,
        count=4,
        trained=True,
        identity="i",
        classifier="c",
        skipped=(),
        skipped_in_training=(),
        evidence=(evidence,),
    )
