"""Records as the flat names and numbers that trackers take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from rateval_trackers.naming import Parts

if TYPE_CHECKING:
    from rateval.api import Estimate, Key, PlanRecord, RunRecord

Plain: TypeAlias = str | int | float | bool
Scores = dict[Parts, float]


def flatten_spec(plan: PlanRecord | RunRecord) -> dict[Parts, Plain]:
    """Return the resolved spec, each value by the way to it: ``model``, label, ``params``, key.

    Entries of a table stand under their labels. Lists are JSON, and so is null.
    """
    return dict(_flatten((), plan.spec_resolved))


def _flatten(at: Parts, value: Any) -> Iterator[tuple[Parts, Plain]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flatten((*at, str(key)), inner)
    elif _is_table(value):
        for entry in value:
            rest = {key: inner for key, inner in entry.items() if key != "name"}
            yield from _flatten((*at, str(entry["name"])), rest)
    elif isinstance(value, str | int | float | bool):
        yield at, value
    else:
        yield at, json.dumps(value, ensure_ascii=False)


def _is_table(value: Any) -> bool:
    entries = value if isinstance(value, list | tuple) else ()
    return bool(entries) and all(isinstance(one, Mapping) and "name" in one for one in entries)


def collect_scores(record: RunRecord) -> Scores:
    """Return every score with its interval and count; what is undefined has a count alone.

    A number's parts are dataset, ``model·method, shift``, attribution, validator, metric; its
    interval's ends and its count stand below it as ``low``, ``high``, ``count``, and the difference
    from zero-shot as ``change``. With several seeds these are over the seeds, and each seed's own
    stand below ``seed N``.
    """
    several = len(record.seeds) > 1
    results = list(record.results)
    if several:
        results += [cell for cell in record.cells if cell.key.seed is not None]
    scores: Scores = {}
    for result in results:
        at = place(result.key, several=several)
        for evidence in result.evidence:
            below = (*at, evidence.validator)
            for score in evidence.scores:
                scores |= _spread((*below, score.metric), score.value)
                scores |= _spread((*below, score.metric, "change"), score.change)
            scores |= _spread((*below, "mean score"), evidence.mean_score)
            scores |= {(*below, name): float(n) for name, n in evidence.quadrants.items()}
        if result.calibration is not None:
            scores |= _spread((*at, "calibration error"), result.calibration.error)
            scores |= _spread((*at, "confidence AUROC"), result.calibration.ability)
    return scores


def place(key: Key, *, several: bool) -> Parts:
    """Return where the numbers of a cell belong."""
    method = f"{key.model}·{key.finetuner}" + (f", {key.shift}" if key.shift else "")
    seed = () if key.seed is None or not several else (f"seed {key.seed}",)
    return (key.dataset, method, key.attribution, *seed)


def _spread(at: Parts, estimate: Estimate | None) -> Scores:
    if estimate is None:
        return {}
    ends = {at: estimate.value, (*at, "low"): estimate.low, (*at, "high"): estimate.high}
    return {name: value for name, value in ends.items() if value is not None} | {
        (*at, "count"): float(estimate.count)
    }


def collect_curves(record: RunRecord) -> dict[int, Scores]:
    """Return what was noted of each epoch of every training, by the epoch's number.

    A number's parts are ``training``, dataset, ``model·method``, ``seed N`` with several seeds,
    and ``loss``, ``accuracy``, ``lr``, or ``held out`` and a metric; undefined ones are left out.
    """
    several = len(record.seeds) > 1
    found: dict[int, Scores] = {}
    for curve in record.trainings:
        key = curve.key
        seed = () if key.seed is None or not several else (f"seed {key.seed}",)
        at = ("training", key.dataset, f"{key.model}·{key.finetuner}", *seed)
        for epoch in curve.epochs:
            numbers = {"loss": epoch.loss, "accuracy": epoch.accuracy, "lr": epoch.lr}
            row = found.setdefault(epoch.number, {})
            row |= {(*at, name): float(n) for name, n in numbers.items() if n is not None}
            row |= {
                (*at, "held out", metric): float(value)
                for metric, value in epoch.held_out.items()
                if value is not None
            }
    return dict(sorted(found.items()))


def describe_end(record: RunRecord) -> dict[str, str]:
    """Return how a run ended, in words: its status, its folder, and what failed, if anything."""
    failures = [f"{failure.stage} {failure.label}: {failure.error}" for failure in record.failures]
    said = {
        "status": record.status,
        "folder": str(record.path),
        "error": record.error or "",
        "failures": "\n".join(failures),
    }
    return {name: text for name, text in said.items() if text}


def name_run(study: str, started: datetime) -> str:
    """Return a name as that of the run's folder, for when there is none yet.

    >>> name_run("birds", datetime(2026, 1, 2, 3, 4, 5))
    'birds-20260102-030405'
    """
    return f"{study}-{started:%Y%m%d-%H%M%S}"
