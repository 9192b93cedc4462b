"""Runs noted in trackio: a run of it for each run of a study."""

from __future__ import annotations

import contextvars
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import trackio

from rateval.api import Context
from rateval_trackers.flat import collect_curves, collect_scores, describe_end, flatten_spec
from rateval_trackers.naming import Names
from rateval_trackers.params import TrackioParams

if TYPE_CHECKING:
    from rateval.api import PlanRecord, RunRecord

ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL")
"""Variables by which trackio would send what it notes to somebody."""


class TrackioTracker:
    """A tracker that makes a run of trackio; it follows ``rateval.api.tracking.Tracker``.

    Everything is noted at the end: trackio knows no state of a run.
    """

    def __init__(self, params: TrackioParams) -> None:
        self._params = params

    def start(self, plan: PlanRecord) -> None:
        """Check that trackio takes the project's name."""
        self._project = self._params.project or plan.study
        trackio.SQLiteStorage.validate_project_name(self._project)

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Note scores at step 0, curves by epoch, the spec as config, the end as text, the page."""
        # In a context of its own, a run that somebody has begun in this process goes on.
        with _kept_here(), redirect_stdout(io.StringIO()):
            contextvars.copy_context().run(self._note, record, page)

    def _note(self, record: RunRecord, page: Path | None) -> None:
        config = Names()
        run = trackio.init(
            self._project,
            name=record.path.name,
            config={config(at): value for at, value in flatten_spec(record).items()},
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        names = Names()
        first: dict[str, object] = {names(at): v for at, v in collect_scores(record).items()}
        first |= {f"rateval/{name}": text for name, text in describe_end(record).items()}
        if page is not None and self._params.page:
            first["report"] = trackio.Html(str(page))
        run.log(first, step=0)
        for epoch, scores in collect_curves(record).items():
            run.log({names(at): value for at, value in scores.items()}, step=epoch)
        run.finish()


@contextmanager
def _kept_here() -> Iterator[None]:
    """Keep trackio to this computer, whatever the environment says."""
    set_aside = {name: os.environ.pop(name) for name in ELSEWHERE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(set_aside)


def make_trackio(params: TrackioParams, context: Context) -> TrackioTracker:
    """Make the tracker of trackio."""
    return TrackioTracker(params)
