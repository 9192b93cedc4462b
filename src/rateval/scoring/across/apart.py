"""In what two runs were asked for, or made, otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rateval.records.compare import ApartRecord
from rateval.records.run import RunRecord

_NOT_OF_RESULTS = ("run", "report", "executor", "tracker")
"""Tables of a spec that change no result."""

_OF_PLACE = ("file", "distribution")
"""Keys of a component that say where it is, not what."""


def find_apart(number: int, candidate: RunRecord, baseline: RunRecord) -> Iterator[ApartRecord]:
    """Yield what differs from the baseline: in the resolved spec, limit and environment.

    Of components, those that both have under one label; others are told by their cells.
    """
    ours, theirs = (_flatten(record) for record in (candidate, baseline))
    for where in dict.fromkeys((*theirs, *ours)):
        both = where in ours and where in theirs
        if ours.get(where) != theirs.get(where) and (both or not _is_of_component(where)):
            yield ApartRecord(
                run=number,
                where=" ".join(where),
                baseline=theirs.get(where),
                candidate=ours.get(where),
            )


def _is_of_component(where: tuple[str, ...]) -> bool:
    return where[0].startswith("[[")


def _flatten(record: RunRecord) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for table, content in record.spec_resolved.items():
        if table in _NOT_OF_RESULTS:
            continue
        if isinstance(content, Mapping):
            names = {key: value for key, value in content.items() if key != "name"}
            found |= {(f"[{table}]", key): value for key, value in names.items()}
        else:
            for entry in content:
                place = f"[[{table}]]", entry["name"]
                found |= {(*place, key): value for key, value in _values(entry)}
    found["protocol",] = record.protocol
    found["limit",] = record.limit
    environment = record.environment
    found |= {("environment", key): getattr(environment, key) for key in ("python", "device")}
    found |= {("version of", key): value for key, value in environment.distributions.items()}
    return found


def _values(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        if key == "params":
            yield from value.items()
        elif key not in ("name", "kind", *_OF_PLACE):
            yield key, value
