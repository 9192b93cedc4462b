"""Words for what a gate decided, the same on a terminal, in Markdown and in JUnit's XML."""

from __future__ import annotations

from rateval.records.gate import CheckRecord, GateRecord, Outcome

MARKS: dict[Outcome, str] = {"passed": "✓", "failed": "✗", "undecided": "?"}
"""Sign of an outcome."""

_SIGNS = {
    "at_least": "≥",
    "at_most": "≤",
    "drop_at_most": "drop ≤",
    "rise_at_most": "rise ≤",
    "rise_at_least": "rise ≥",
}


def write_rule(check: CheckRecord) -> str:
    """Return what is asked for, without the metric's name: ``≥ 80 %, worst class``."""
    points = "point" if check.bound == 0.01 else "points"
    unit = points if is_change(check) else "%"
    worst = f", worst {check.worst}" if check.worst else ""
    return f"{_SIGNS[check.rule]} {100 * check.bound:g} {unit}{worst}"


def is_change(check: CheckRecord) -> bool:
    """Return whether the value is a difference."""
    return check.rule in ("drop_at_most", "rise_at_most", "rise_at_least")


def write_value(check: CheckRecord) -> str:
    """Return the value in percent, a difference in points; a dash for an undefined one."""
    if check.value is None:
        return "–"
    return _write(check.value, signed=is_change(check))


def write_interval(check: CheckRecord) -> str:
    """Return the limits; nothing where there are none."""
    if check.low is None or check.high is None:
        return ""
    signed = is_change(check)
    return f"{_write(check.low, signed=signed)} to {_write(check.high, signed=signed)}"


def write_reason(check: CheckRecord) -> str:
    """Return why it ended so, without names of anybody's own."""
    return check.why + (":" if check.told and check.why.endswith("has") else "")


def write_needed(check: CheckRecord) -> str:
    """Return what would decide; nothing where that isn't asked or can't be told."""
    if check.images is not None:
        return f"{check.images:,} images"
    if check.times is not None:
        times = format(check.times, ".1f" if check.times < 10 else ",.0f")
        return f"{times} × seeds and images"
    return ""


def sum_up(record: GateRecord) -> str:
    """Return the outcome in one line."""
    parts = [f"{record.count(outcome)} {outcome}" for outcome in MARKS if record.count(outcome)]
    return f"{record.outcome}: {', '.join(parts)} of {len(record.checks)}"


def explain(record: GateRecord) -> str:
    """Return how it was decided, in one sentence."""
    if record.decide == "value":
        return "Decided by bare values, which at the bound are right as often as a coin."
    level = f"{100 * record.level:g} %"
    return (
        f"Each limit holds at {level} by itself. Passed: all lie on the good side. Failed: one "
        "lies on the bad side, corrected by Holm for all. Else undecided."
    )


def _write(share: float, *, signed: bool) -> str:
    return format(100 * share, "+.1f" if signed else ".1f").replace("-", "−")
