"""Metrics and validators that two runs have in common, from what their records say of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rateval.api.component import EDITS, MAPS_AND_EDITS
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.plan.choosing import choose
from rateval.records.run import RunRecord
from rateval.registry.registry import Registry
from rateval.spec.tables import Entry

Part = Mapping[str, Any]
"""What ``spec_resolved`` says of one component."""


@dataclass(frozen=True, slots=True)
class SharedMetric:
    """A metric that both runs count alike, and by which it can be counted again."""

    label: str
    """In our spec."""
    theirs: str
    """In theirs."""
    choice: Choice


@dataclass(frozen=True, slots=True)
class SharedMetrics:
    """The metrics of both runs, and why each other one is none."""

    metrics: tuple[SharedMetric, ...]
    left_out: Mapping[str, str]
    """Label to reason."""


def share_metrics(
    ours: RunRecord, theirs: RunRecord, registry: Registry, validator: str
) -> SharedMetrics:
    """Return the metrics that both runs count alike by a validator of ours.

    Alike are those of one component, version and params, whatever their labels. One whose plugin
    isn't here is left out, and one from a file: no file is run because a record names it.
    """
    found: list[SharedMetric] = []
    left_out: dict[str, str] = {}
    by_edits = _needs(find_part(ours, "evidence", validator)) == EDITS
    edited = ours.spec_resolved.get("counterfactual") == theirs.spec_resolved.get("counterfactual")
    for entry in ours.spec_resolved.get("metric", ()):
        label, needs = entry["name"], _needs(entry)
        if by_edits and needs == MAPS_AND_EDITS:
            continue  # it has nothing to count there, in either run
        other = _find_alike("metric", entry, theirs)
        if other is None:
            left_out[label] = "the other run has none of the same component, version and params"
        elif needs and not edited:
            left_out[label] = "it counts answers to edits, which the runs made differently"
        else:
            try:
                choice = _choose(entry, registry)
            except RatevalError as error:
                left_out[label] = str(error)
            else:
                found.append(SharedMetric(label, other["name"], choice))
    return SharedMetrics(tuple(found), left_out)


def share_validator(ours: RunRecord, theirs: RunRecord, validator: str) -> str:
    """Return the label of the other run's validator that judges as ours does.

    Raises RatevalError, with the reason, where there is none.
    """
    entry = find_part(ours, "evidence", validator)
    if _needs(entry) == EDITS and (
        ours.spec_resolved.get("counterfactual") != theirs.spec_resolved.get("counterfactual")
    ):
        raise RatevalError(
            f'the validator "{validator}" judges answers to edits, which the runs made '
            "differently; run one of them again with the other's [counterfactual]"
        )
    other = _find_alike("evidence", entry, theirs)
    if other is None:
        params = entry["params"]
        component = entry.get("component", "verdicts read from files")
        told = ", ".join(f"{key} = {value!r}" for key, value in params.items()) or "no params"
        raise RatevalError(
            f'the validator "{validator}" ({component}; {told}): the other run judges by '
            "none of the same component, version and params; run one of them again with it: "
            "nothing but judging is computed anew"
        )
    label: str = other["name"]
    return label


def find_part(record: RunRecord, table: str, label: str) -> Part:
    """Return what a record says of a component. Raises RatevalError when it knows none."""
    entries = record.spec_resolved.get(table, ())
    found: Part | None = next((entry for entry in entries if entry["name"] == label), None)
    if found is None:
        there = ", ".join(record.labels(table)) or "none"
        raise RatevalError(
            f'{record.place}: its spec has no [[{table}]] "{label}"; it has {there}; name one of '
            "these"
        )
    return found


def _find_alike(table: str, entry: Part, record: RunRecord) -> Part | None:
    """Return the component that is the same in another run, best under the same label."""
    alike: list[Part] = [
        other
        for other in record.spec_resolved.get(table, ())
        if _identify(other) == _identify(entry)
    ]
    named = (other for other in alike if other["name"] == entry["name"])
    return next(named, alike[0] if alike else None)


def _identify(entry: Part) -> list[object]:
    """Return what determines a component; of a file that is the digest of its bytes as well."""
    made_by = entry["distribution"].rpartition(" ")[2] if "file" in entry else None
    return [*(entry.get(key) for key in ("component", "version", "params", "digest")), made_by]


def _needs(entry: Part) -> str:
    return str(entry.get("needs", ""))


def _choose(entry: Part, registry: Registry) -> Choice:
    if "file" in entry:
        raise RatevalError(
            f"it is a function in {entry['file']}, and no file is run because a record names it"
        )
    if "component" not in entry:  # of files that an older version imported
        raise RatevalError("the record doesn't say what it is; import the files again")
    given = {key: value for key, value in entry["params"].items() if value is not None}
    asked = Entry.model_validate({"use": entry["component"], "name": entry["name"]} | given)
    return choose("metric", asked, registry, "run.json")
