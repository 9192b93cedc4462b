"""Cases drawn by hypothesis: a few that are always the same, or as many as time allows."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.strategies import SearchStrategy

from faults.command import ROOT
from faults.verdict import FaultError

Case = Mapping[str, Any]
"""What is done, as JSON values: written down, it can be done again."""
Check = Callable[[Case], None]
"""Do a case; raise FaultError when what must hold doesn't."""
NAMES = ("specs", "datasets", "models", "store")
"""Every target."""
MINUTES, TARGET, SEED, CASE = "FUZZ_MINUTES", "FUZZ_TARGET", "FUZZ_SEED", "FUZZ_CASE"
"""Variables of the environment that make fuzz sets: minutes for all targets, the one that gets all
of them, the seed to begin with, and the case to do again."""
KEPT = Path(__file__).parents[1] / "kept.jsonl"
"""Cases that once found a fault, a line each; all of them are done every time."""
_ROUND = 50
"""Cases by one seed."""
_SHRINKING_S = 20.0
"""How long a smaller case of a fault is looked for."""


@dataclass(slots=True)
class Target:
    """What is tried, and how a case of it is drawn and done."""

    name: str
    cases: SearchStrategy[Case]
    check: Check
    done: int = 0
    """Cases so far."""

    def explore(self, examples: int) -> None:
        """Do the cases that the environment asks for, or those kept and ``examples`` more.

        Raises FaultError with every fault that was found, a small case and how to do it again.
        """
        case = asked_case()
        if case is not None:
            self.check(case)
            return
        minutes = float(os.environ.get(MINUTES) or 0)
        found = self._kept()
        if minutes:
            share = 1 if os.environ.get(TARGET) else 1 / len(NAMES)
            self._search(minutes * 60 * share, found)
        elif (fault := self._draw(examples, None, found)) is not None:
            found[fault.signature] = fault
        if found:
            raise FaultError(f"{len(found)} faults", "\n\n".join(map(str, found.values())))

    def _kept(self) -> dict[str, FaultError]:
        """Do the cases that are kept; return the faults that they still find."""
        lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
        found = {}
        for case in map(json.loads, filter(None, lines)):
            if case["target"] == self.name:
                try:
                    self.check(case)
                except FaultError as fault:
                    found[fault.signature] = _with_case(fault, case)
        return found

    def _search(self, seconds: float, found: dict[str, FaultError]) -> None:
        """Draw cases by one seed after the other until time is up; count, and tell what is new."""
        until, rounds = time.monotonic() + seconds, 0
        seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(1 << 32))
        print(f"\n{self.name}: {seconds / 60:.1f} minutes from seed {seed} on", flush=True)
        while time.monotonic() < until:
            fault = self._draw(_ROUND, seed + rounds, found, until)
            rounds += 1
            if fault is not None:
                found[fault.signature] = fault
                print(f"\n{fault}\n", flush=True)
            left = max(0.0, until - time.monotonic()) / 60
            print(
                f"{self.name}: {self.done} cases by {rounds} seeds, {len(found)} faults, "
                f"{left:.1f} minutes left",
                flush=True,
            )

    def _draw(
        self,
        examples: int,
        seed: int | None,
        known: Mapping[str, FaultError],
        until: float = float("inf"),
    ) -> FaultError | None:
        """Return the smallest new fault that ``examples`` cases find, or None."""
        long = seed is not None
        attempt = _Attempt(self, known, until)

        def test(case: Case) -> None:
            attempt(case)

        test.__name__ = test.__qualname__ = self.name  # what the database keeps it under
        drawn = settings(
            max_examples=examples,
            deadline=None,
            derandomize=not long,
            database=DirectoryBasedExampleDatabase(ROOT / ".hypothesis") if long else None,
            report_multiple_bugs=False,
            phases=[Phase.reuse, Phase.generate, Phase.shrink] if long else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(self.cases)(test))
        try:
            (drawn if seed is None else hypothesis.seed(seed)(drawn))()
        except FaultError:
            return attempt.fault
        return None


def asked_case() -> Case | None:
    """Return the one case that the environment asks for, or None."""
    text = os.environ.get(CASE)
    return json.loads(text) if text else None


def asked_target() -> str | None:
    """Return the one target that the environment asks for, or None for all."""
    case = asked_case()
    return os.environ.get(TARGET) or (None if case is None else str(case["target"]))


class _Attempt:
    """One search for a fault: it remembers the smallest case so far."""

    def __init__(self, target: Target, known: Mapping[str, FaultError], until: float) -> None:
        self._target, self._known, self._until = target, known, until
        self._case: Case = {}
        self.fault: FaultError | None = None

    def __call__(self, case: Case) -> None:
        case = {"target": self._target.name, **case}
        if self.fault is not None and case == self._case:
            raise self.fault
        if time.monotonic() > self._until:
            return
        self._target.done += 1
        try:
            self._target.check(case)
        except FaultError as fault:
            if fault.signature in self._known:
                return
            if self.fault is None:
                self._until = time.monotonic() + _SHRINKING_S
            self._case, self.fault = case, _with_case(fault, case)
            raise


def _with_case(fault: FaultError, case: Case) -> FaultError:
    fault.args = (f"{fault}\nagain: make fuzz CASE='{json.dumps(case)}'",)
    return fault
