"""The suite of trackers finds what breaks a promise."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from rateval.testing import ConformanceError, check_tracker


class Good:
    """A tracker that notes nothing."""

    def start(self, plan: Any) -> None:
        self.study = plan.study

    def finish(self, record: Any, page: Path | None) -> None:
        self.status = record.status


class Returns(Good):
    def start(self, plan: Any) -> None:
        return plan  # type: ignore[no-any-return]


class Raises(Good):
    def finish(self, record: Any, page: Path | None) -> None:
        float(record.cells[0].evidence[0].scores[1].value.value)


class Changes(Good):
    def start(self, plan: Any) -> None:
        plan.spec_resolved["study"]["name"] = "mine"


class Moves(Good):
    def finish(self, record: Any, page: Path | None) -> None:
        os.chdir(record.path)


class Takes(Good):
    def finish(self, record: Any, page: Path | None) -> None:
        if page is not None:
            page.unlink()


class Reaches(Good):
    def start(self, plan: Any) -> None:
        with contextlib.suppress(OSError):
            socket.create_connection(("203.0.113.1", 443), timeout=0.1)


class Lacks:
    def start(self, plan: Any) -> None:
        pass


def test_one_that_keeps_them_all_passes() -> None:
    tracker = Good()
    check_tracker(tracker)
    assert tracker.status == "interrupted"


@pytest.mark.parametrize(
    ("tracker", "says"),
    [
        (Returns(), "Tracker.start must return None"),
        (Raises(), "Tracker.finish must take what a run tells it; got TypeError"),
        (Changes(), "leave records and the current folder as they are"),
        (Moves(), "leave records and the current folder as they are"),
        (Takes(), "Tracker.finish must leave the page as it is"),
        (Reaches(), r"reach nothing outside of this computer; got \['203.0.113.1:443'\]"),
        (Lacks(), "no finish"),
    ],
)
def test_a_broken_promise_is_named(
    tracker: Any, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConformanceError, match=says):
        check_tracker(tracker)
