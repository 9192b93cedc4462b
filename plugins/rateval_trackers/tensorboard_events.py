"""Runs noted as events of TensorBoard: a folder for each run of a study."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

from rateval.api import Context
from rateval_trackers.flat import Plain, collect_curves, collect_scores, describe_end, flatten_spec
from rateval_trackers.naming import Names
from rateval_trackers.params import TensorboardParams

if TYPE_CHECKING:
    from rateval.api import PlanRecord, RunRecord

REPORT_NAME = "report.html"
"""The page beside the events, as TensorBoard shows no pages."""


class TensorboardTracker:
    """A tracker that writes events; it follows ``rateval.api.tracking.Tracker``.

    They are written at the end: TensorBoard knows no state of a run.
    """

    def __init__(self, params: TensorboardParams) -> None:
        self._params = params

    def start(self, plan: PlanRecord) -> None:
        """Make the folder that this run's folder goes into."""
        runs = Path(plan.spec_resolved["run"]["output"])
        self._folder = self._params.folder or runs / "tensorboard"
        self._folder.mkdir(parents=True, exist_ok=True)

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Write scores at step 0, curves by epoch, spec and status as text, and the page."""
        folder = self._folder / record.path.name
        names = Names()
        with SummaryWriter(str(folder)) as writer:
            for step, scores in ({0: collect_scores(record)} | collect_curves(record)).items():
                for at, value in scores.items():
                    writer.add_scalar(names(at), value, step, new_style=True, double_precision=True)
            writer.add_text("rateval/end", _to_table(describe_end(record)))
            spec = {"/".join(at): value for at, value in flatten_spec(record).items()}
            writer.add_text("rateval/spec", _to_table(spec))
        if page is not None and self._params.page:
            shutil.copyfile(page, folder / REPORT_NAME)


def _to_table(rows: dict[str, str] | dict[str, Plain]) -> str:
    """Return rows in Markdown, in which nothing of them is markup."""
    lines = [f"| {_quote(name)} | {_quote(str(value))} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _quote(text: str) -> str:
    r"""Return text as code that ends neither the cell nor the line.

    >>> _quote("a|b\n<i>"), _quote("`")
    ('`a/b <i>`', "`'`")
    """
    return f"`{' '.join(text.replace('|', '/').replace('`', chr(39)).split())}`"


def make_tensorboard(params: TensorboardParams, context: Context) -> TensorboardTracker:
    """Make the tracker of TensorBoard."""
    return TensorboardTracker(params)
