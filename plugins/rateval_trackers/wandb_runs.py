"""Runs noted in Weights & Biases: a run of it for each run of a study."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rateval.api import Context
from rateval_trackers.flat import (
    collect_curves,
    collect_scores,
    describe_end,
    flatten_spec,
    name_run,
)
from rateval_trackers.naming import Names
from rateval_trackers.params import WandbParams

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported

import wandb

if TYPE_CHECKING:
    from rateval.api import PlanRecord, RunRecord

STEP = "epoch"
"""What curves are drawn over."""


class WandbTracker:
    """A tracker that makes a run of W&B; it follows ``rateval.api.tracking.Tracker``."""

    def __init__(self, params: WandbParams) -> None:
        self._params = params

    def start(self, plan: PlanRecord) -> None:
        """Begin the run, with the spec as its config."""
        folder = self._params.folder or Path(plan.spec_resolved["run"]["output"])
        folder.mkdir(parents=True, exist_ok=True)
        names = Names()
        self._run = wandb.init(
            project=self._params.project or plan.study,
            name=name_run(plan.study, datetime.now(UTC)),
            dir=str(folder.absolute()),
            config={names(at): value for at, value in flatten_spec(plan).items()},
            # One that somebody has begun in this process goes on.
            reinit="create_new",
            settings=wandb.Settings(
                mode=self._params.mode,
                # rateval notes the machine itself; the rest of what W&B would gather is nobody's.
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                save_code=False,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Note curves as history, scores as summary, the page, and how the run ended."""
        names, run = Names(), self._run
        for epoch, scores in collect_curves(record).items():
            row = {names(at): value for at, value in scores.items()}
            for name in row:
                run.define_metric(name, step_metric=STEP)
            run.log(row | {STEP: epoch})
        if page is not None and self._params.page:
            run.log({"report": wandb.Html(str(page), inject=False)})
        summary: dict[str, object] = {names(at): v for at, v in collect_scores(record).items()}
        summary |= {f"rateval/{name}": text for name, text in describe_end(record).items()}
        run.summary.update(summary)
        run.finish(exit_code=0 if record.status == "finished" else 1)


def make_wandb(params: WandbParams, context: Context) -> WandbTracker:
    """Make the tracker of Weights & Biases."""
    return WandbTracker(params)
