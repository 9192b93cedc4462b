"""The trackers that a study names: told of its beginning and end, each apart from the others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rateval.api.tracking import Tracker
from rateval.errors import explain_error
from rateval.plan.cells import Choice
from rateval.report.html.page import write_page
from rateval.report.sentences.notes import PAGE_NAME
from rateval.workbench.build import name_plugin

if TYPE_CHECKING:
    from rateval.plan.plan import Plan
    from rateval.records.plan import PlanRecord
    from rateval.records.run import RunRecord
    from rateval.workbench.bench import Workbench


class Trackers:
    """The trackers of one run; one that fails is reported, and told nothing more.

    Raises what making one raises.
    """

    def __init__(self, plan: Plan, bench: Workbench, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._told: list[tuple[Choice, Tracker]] = [
            (choice, bench.object(choice, None)) for choice in plan.choices["tracker"]
        ]

    def start(self, plan: PlanRecord) -> None:
        """Tell each that the run begins."""
        self._told = [
            (choice, tracker)
            for choice, tracker in self._told
            if self._goes_well(choice, "start", partial(tracker.start, plan))
        ]

    def finish(self, record: RunRecord) -> None:
        """Tell each that the run ended, with its page."""
        if not self._told:
            return
        with self._page(record) as page:
            for choice, tracker in self._told:
                self._goes_well(choice, "finish", partial(tracker.finish, record, page))

    def _goes_well(self, choice: Choice, method: str, call: Callable[[], None]) -> bool:
        try:
            call()
        except (Exception, SystemExit) as error:  # a tracker must not cost anybody a run
            self._warn(
                f"this run is not tracked by the {name_plugin(choice)}: "
                f"its {method} failed with {explain_error(error)}"
            )
            return False
        return True

    @contextmanager
    def _page(self, record: RunRecord) -> Iterator[Path | None]:
        """Give the run's page: its own if it has one, else one that is gone afterwards."""
        own = record.path / PAGE_NAME
        if own.is_file() or record.status == "interrupted":
            yield own if own.is_file() else None
            return
        with tempfile.TemporaryDirectory(prefix="rateval-page-") as folder:
            page = Path(folder) / PAGE_NAME
            try:
                write_page(record, page)
            except Exception as error:  # the scores are tracked without it
                self._warn(f"trackers get no HTML report of this run: {explain_error(error)}")
            yield page if page.is_file() else None
