"""Where a run is noted besides its own record: what a tracker offers, and what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rateval.records.plan import PlanRecord
    from rateval.records.run import RunRecord


class Tracker(Protocol):
    """A place that notes one run, such as an experiment tracker.

    It is made before anything is computed, so its factory raises RatevalError for what a user can
    mend; it reaches nothing outside of this computer unless its params say so. What its methods
    raise is reported, and costs nobody a run. Both are called from one thread.
    """

    def start(self, plan: PlanRecord) -> None:
        """Note that the run begins; called once, before ``finish``."""
        ...

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Note how the run ended, by ``record.status``, and everything that came of it.

        Called once, and not when ``start`` raised. ``page`` is the run's HTML report, a file that
        may be gone afterwards; None where the run was interrupted, or has no page.
        """
        ...
