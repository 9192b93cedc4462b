"""A run's PT and IR beside the published ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rateval.plan.published_values import (
    Identified,
    identify_dataset,
    identify_method,
    identify_model,
    load_published_values,
)
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.published import Compared, PublishedComparison, Verdict

_METRICS = {"pt": "PT", "ir": "IR"}
"""Component to the published name."""
_PLACES = (
    ("dataset", "dataset", identify_dataset),
    ("model", "model", identify_model),
    ("finetune", "finetuner", identify_method),
)
"""Table of the spec, part of a key, and what tells which published one an entry is."""
Place = tuple[str, str, str, str]
"""Metric, method, model and dataset, by their published names."""


def compare_published(record: RunRecord) -> PublishedComparison:
    """Put a run beside the published values: by component and checkpoint, never by label.

    Rows that several of a run could stand for are unmatched, all of them.
    """
    matching = _Matching(record)
    rows = matching.by_place()
    compared: list[Compared] = []
    known = load_published_values()
    for published in known:
        place = (published.metric, published.method, published.model, published.dataset)
        found = rows.get(place, [])
        if len(found) == 1:
            key, validator, metric = found[0]
            ours = matching.value(key, validator, metric)
            verdict = judge(published.percent / 100, ours, limited=matching.is_limited(key))
            compared.append(Compared(published, key.text(), ours, verdict))
        for key, validator, metric in found if len(found) > 1 else ():
            several = f"{len(found)} of its rows are {' '.join(place)}: which of them is open"
            label = f"{key.text()} · {key.attribution} · {validator} · {metric}"
            matching.unmatched.setdefault(label, several)
    told = dict.fromkeys(matching.told)
    return PublishedComparison(
        tuple(compared), tuple(matching.unmatched.items()), tuple(told), len(known) - len(compared)
    )


def judge(published: float, ours: Estimate | None, *, limited: bool) -> Verdict:
    """Return whether a published share lies inside of a run's 95 % interval, ends included.

    >>> value = Estimate(value=0.5, low=0.4, high=0.6, over="images", count=96)
    >>> judge(0.6, value, limited=False), judge(0.61, value, limited=False)
    ('agrees', 'differs')
    >>> judge(0.6, value, limited=True), judge(0.6, None, limited=False)
    ('limited', 'not there')
    """
    if ours is None:
        return "not there"
    if ours.value is None:
        return "undefined"
    if limited:
        return "limited"
    if ours.low is None or ours.high is None:
        return "no interval"
    return "agrees" if ours.low <= published <= ours.high else "differs"


class _Matching:
    """What of a run stands for what was published; the rest is kept with why not."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._entries = {
            table: {entry["name"]: entry for entry in record.spec_resolved.get(table, ())}
            for table in ("dataset", "model", "finetune", "attribution", "evidence", "metric")
        }
        self._results = {result.key: result for result in record.results}
        self.unmatched: dict[str, str] = {}
        self.told: list[str] = []

    def by_place(self) -> dict[Place, list[tuple[Key, str, str]]]:
        """Return row, validator and metric of each value that was published."""
        found: dict[Place, list[tuple[Key, str, str]]] = {}
        for key in self.rows():
            place = self.place(key)
            if place is None:
                continue
            for validator, metric, name in self.scores(key):
                found.setdefault((name, *place), []).append((key, validator, metric))
        return found

    def rows(self) -> list[Key]:
        """Return the run's rows: cells, or those that differ in their seed only as one."""
        several = len(self._record.seeds) > 1
        planned = (*self._record.planned, *(cell.key for cell in self._record.cells))
        return list(dict.fromkeys(key.seedless if several else key for key in planned))

    def place(self, key: Key) -> tuple[str, str, str] | None:
        """Return method, model and dataset by their published names; None where it has none."""
        if key.shift is not None:
            self.unmatched.setdefault(key.text(), "the paper's tables have no shift")
            return None
        found: dict[str, str] = {}
        for table, part, identify in _PLACES:
            label = getattr(key, part)
            identified: Identified = identify(self._entry(table, label))
            if identified.name is None:
                self.unmatched.setdefault(f"{part} {label}", identified.why)
                return None
            if identified.why:
                self.told.append(f"{part} {label}: {identified.why}")
            found[part] = identified.name
        if self._component("attribution", key.attribution) != "generic-attention":
            why = "the paper explains by generic-attention alone"
            self.unmatched.setdefault(f"attribution {key.attribution}", why)
            return None
        return found["finetuner"], found["model"], found["dataset"]

    def scores(self, key: Key) -> Iterator[tuple[str, str, str]]:
        """Yield labels of validator and metric, and the metric's published name."""
        for validator, entry in self._entries["evidence"].items():
            threshold = entry.get("params", {}).get("threshold")
            if entry.get("component") != "relevance-mass" or threshold != 0.5:
                why = "the paper judges by relevance-mass at a threshold of 0.5 alone"
                self.unmatched.setdefault(f"evidence {validator}", why)
                continue
            for metric in self._entries["metric"]:
                name = _METRICS.get(self._component("metric", metric))
                if name is not None:
                    yield validator, metric, name

    def value(self, key: Key, validator: str, metric: str) -> Estimate | None:
        """Return a value of the run; None where it is not there."""
        result = self._results.get(key)
        evidence = None if result is None else result.by(validator)
        score = None if evidence is None else evidence.score(metric)
        return None if score is None else score.value

    def is_limited(self, key: Key) -> bool:
        """Return whether training or test of a row's dataset was narrowed."""
        if self._record.limit is not None:
            return True
        data = [one for one in self._record.datasets if one.name == key.dataset]
        return any(one.test_of is not None or one.train_of is not None for one in data)

    def _entry(self, table: str, label: str) -> Mapping[str, Any]:
        entry: Mapping[str, Any] = self._entries[table].get(label, {})
        return entry

    def _component(self, table: str, label: str) -> str:
        return str(self._entry(table, label).get("component"))
