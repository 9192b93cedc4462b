"""A run held against requirements, from its record and what it stored; without a model or data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.errors import Problem, RatevalError, SpecError
from rateval.records.gate import CheckRecord, GateRecord
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.registry.registry import Registry
from rateval.scoring.gate.choosing import Baseline, Target, check_labels, find_targets
from rateval.scoring.gate.deciding import Check, Decision, conclude, decide
from rateval.scoring.gate.finding import Found
from rateval.scoring.gate.measuring import Measured, Measurer
from rateval.spec.gate import Gate, Requirement
from rateval.store.remote.urls import is_url
from rateval.wording import list_some, suggest


@dataclass(frozen=True, slots=True)
class _Row:
    """A requirement on one row of the run, or on none."""

    at: int
    asked: Requirement
    target: Target | None
    measured: Measured


def judge_run(record: RunRecord, gate: Gate, registry: Registry) -> GateRecord:
    """Hold a run against requirements; metrics are counted by the components of ``registry``.

    What is missing, undefined, failed or gone leaves its requirement undecided. Raises SpecError
    for labels that the run doesn't have, and RatevalError for a baseline that can't be read.
    """
    check_labels(record, gate)
    baseline = _find_baseline(record, gate)
    measurer = Measurer(record, baseline, registry)
    rows = [
        row
        for at, asked in enumerate(gate.require)
        for row in _find_rows(at, asked, record, measurer, baseline)
    ]
    checks = [Check(row.asked.rule, row.asked.bound, row.measured.found) for row in rows]
    decisions = decide(checks, record.level, gate.decide)
    return GateRecord(
        outcome=conclude([decision.outcome for decision in decisions]),
        study=record.study,
        run=record.place,
        against=gate.against,
        decide=gate.decide,
        level=record.level,
        checks=tuple(
            _record(row, check, decision, record)
            for row, check, decision in zip(rows, checks, decisions, strict=True)
        ),
    )


def _find_rows(
    at: int, asked: Requirement, record: RunRecord, measurer: Measurer, baseline: Baseline | None
) -> Iterator[_Row]:
    own = baseline.method if baseline is not None and baseline.own else None
    alone = measurer.counts_predictions(asked)
    targets = find_targets(record, asked, own, alone=alone)
    if not targets:
        why = "no cell of the run is asked for; there is none but the baseline's, or none fits"
        yield _Row(at, asked, None, Measured(Found(why=why)))
    for target in targets:
        yield _Row(at, asked, target, measurer.measure(target, asked))


def _record(row: _Row, check: Check, decision: Decision, record: RunRecord) -> CheckRecord:
    found, asked, target = row.measured.found, row.asked, row.target
    beside, open_ = found.beside, decision.outcome == "undecided"
    # Student's limits of few seeds go beyond what a share, or a difference of two, can be.
    least = 0.0 if asked.rule in ("at_least", "at_most") else -1.0
    return CheckRecord(
        requirement=row.at,
        metric=asked.metric,
        rule=asked.rule,
        bound=asked.bound,
        worst=asked.worst,
        key=None if target is None else target.key,
        cell=_name_asked(asked) if target is None else target.name(record),
        against=row.measured.against,
        validator=row.measured.validator,
        outcome=decision.outcome,
        value=found.value,
        low=None if beside is None else max(least, beside.low),
        high=None if beside is None else min(1.0, beside.high),
        over=None if beside is None else found.over,
        count=found.count,
        p_met=check.met,
        p_broken=check.broken,
        p_broken_corrected=decision.corrected,
        at=found.at,
        why="; ".join(filter(None, (decision.why, *row.measured.notes))),
        told=found.told,
        images=found.images if open_ else None,
        times=found.times if open_ else None,
    )


def _name_asked(asked: Requirement) -> str:
    keys = ("model", "method", "dataset", "shift", "attribution")
    given = [f"{key} {getattr(asked, key)}" for key in keys if getattr(asked, key) is not None]
    return ", ".join(given) or "any cell"


def _find_baseline(record: RunRecord, gate: Gate) -> Baseline | None:
    """Return what differences are taken against: a method of the run goes before a folder."""
    against = gate.against
    if against is None or not any(one.compares for one in gate.require):
        return None
    methods = record.labels("finetune")
    if against in methods:
        if gate.against_method is not None:
            told = f'against = "{against}" is a method of the run itself; leave this out'
            where = f'the gate: against_method = "{gate.against_method}"'
            raise SpecError([Problem(where, told)])
        return Baseline(record, True, against, gate.different_view)
    folder = against if is_url(against) else Path(against).expanduser()
    if isinstance(folder, Path) and not folder.exists():
        raise RatevalError(
            f'against = "{against}": is no method of the run and no folder; '
            f"{suggest(against, methods)}, or give the folder of a run that has {FILE_NAME}"
        )
    other = load(folder)
    _require_method(other, gate.against_method)
    return Baseline(other, False, gate.against_method, gate.different_view)


def _require_method(other: RunRecord, method: str | None) -> None:
    known: Sequence[str] = other.labels("finetune")
    if method is not None and method not in known:
        told = f"the baseline {other.place} has no such method; it has {list_some(known)}"
        raise SpecError([Problem(f'the gate: against_method = "{method}"', told)])
