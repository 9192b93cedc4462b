"""The sentences on explainers that differ in the number that they explain."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.records.run import RunRecord

_MEANINGS = {
    "raw": "maps of the class's logit, as published: what speaks for all classes alike counts, too",
    "margin": "maps of the class's logit minus the mean of all classes: what tells it from others",
}
"""Value of an attribution's param ``score`` to what its maps show."""


def explain_targets(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what each explainer's maps are of, where a study has maps of different numbers."""
    found: dict[str, list[str]] = {}
    for entry in record.spec_resolved.get("attribution", ()):
        score = entry.get("params", {}).get("score")
        if score in _MEANINGS:
            found.setdefault(score, []).append(entry["name"])
    if len(found) > 1:
        yield from ((name, _MEANINGS[score]) for score, names in found.items() for name in names)
