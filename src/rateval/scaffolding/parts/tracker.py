"""A line for each run, in a file."""

import json
from pathlib import Path

from pydantic import Field

from rateval.api import Context, Params, PlanRecord, RunRecord
from rateval.api.tracking import Tracker


class MineTrackerParams(Params):
    """What a spec can set of mine-tracker."""

    file: str = Field(default="runs.jsonl", min_length=1, max_length=1000)
    """The file, from the current folder; lines are added."""


class MineTracker:
    """A file that says of each run how it ended and what it scored."""

    def __init__(self, file: Path) -> None:
        # What a user can mend is a RatevalError, raised here: before anything is computed.
        self._file = file

    def start(self, plan: PlanRecord) -> None:
        """Note that the run begins; called once, before ``finish``."""
        # Must take labels with any sign in them, and leave records as they are.
        # Must reach nothing outside of this computer unless its params say so.
        self._note({"study": plan.study, "status": "started", "cells": len(plan.keys)})

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Note how the run ended, by ``record.status``, and everything that came of it."""
        # Must take runs that finished, failed and were interrupted; some have no cells.
        # Must leave the page as it is; values without a denominator are None.
        scores = {
            f"{cell.key.text()}: {evidence.validator}: {score.heading}": score.value.value
            for cell in record.cells
            for evidence in cell.evidence
            for score in evidence.scores
        }
        self._note({"study": record.study, "status": record.status, "scores": scores})

    def _note(self, line: dict[str, object]) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def make(params: MineTrackerParams, context: Context) -> Tracker:
    """Make the tracker."""
    return MineTracker(Path(params.file))
