"""From what is known of each requirement to passed, failed or undecided. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rateval.records.gate import ACROSS, BEYOND, Decide, Outcome, Rule
from rateval.scoring.gate.finding import Found, line_of, upwards
from rateval.stats.multiple import holm


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement on one row, with what is known."""

    rule: Rule
    bound: float
    """As in the requirement, above 0."""
    found: Found

    @property
    def met(self) -> float | None:
        """One-sided p of the test whose alternative is that it is met; None without a test."""
        beside = self.found.beside
        return None if beside is None else (beside.above if upwards(self.rule) else beside.below)

    @property
    def broken(self) -> float | None:
        """The same of its being broken."""
        beside = self.found.beside
        return None if beside is None else (beside.below if upwards(self.rule) else beside.above)


@dataclass(frozen=True, slots=True)
class Decision:
    """How one check ended."""

    outcome: Outcome
    corrected: float | None
    """p of its being broken, by Holm for all checks; None without a test."""
    why: str


def decide(checks: Sequence[Check], level: float, how: Decide) -> list[Decision]:
    """Decide each check.

    A requirement is met by its own test at 1 - ``level``, since all have to be: one that isn't met
    already keeps the gate from passing (intersection-union). It is broken by its test after Holm's
    correction for all checks, those without a test among them.
    """
    if how == "value":
        return [_by_value(check) for check in checks]
    corrected = holm([1.0 if check.broken is None else check.broken for check in checks])
    return [_by_interval(*one, level) for one in zip(checks, corrected, strict=True)]


def conclude(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of all: failed if any is, passed if all are, else undecided.

    >>> conclude(["passed", "undecided"]), conclude(["undecided", "failed"]), conclude([])
    ('undecided', 'failed', 'undecided')
    """
    if "failed" in outcomes:
        return "failed"
    return "passed" if outcomes and set(outcomes) == {"passed"} else "undecided"


def _by_value(check: Check) -> Decision:
    value = check.found.value
    if value is None:
        return Decision("undecided", None, check.found.why)
    line = line_of(check.rule, check.bound)
    if value >= line if upwards(check.rule) else value <= line:
        return Decision("passed", None, "the value keeps the bound")
    return Decision("failed", None, "the value doesn't keep the bound")


def _by_interval(check: Check, corrected: float, level: float) -> Decision:
    if check.met is None or check.broken is None:
        return Decision("undecided", None, check.found.why)
    alpha = 1 - level
    if check.met <= alpha:
        return Decision("passed", corrected, "the interval lies on the good side of the bound")
    if corrected <= alpha:
        return Decision("failed", corrected, BEYOND)
    if check.broken <= alpha:
        why = "it lies on the bad side, but not once all checks are corrected for"
        return Decision("undecided", corrected, why)
    return Decision("undecided", corrected, ACROSS)
