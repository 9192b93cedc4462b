"""How units go from quadrant to quadrant, and the list of those that changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from rateval.records.compare import ChangedRecord, CompareRecord, PairRecord
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.tables import scrolling
from rateval.report.terminal.compared import list_states, name_in_full, tell_moved, write_units

MATRICES_SHOWN = 24
"""Pairs whose transitions are drawn; ``--json`` has those of all."""
LISTED = 5000
"""Units that changed that a page lists, of all pairs together; ``--changed`` writes all."""

Data = dict[str, Any]


def transition_tables(record: CompareRecord) -> Iterator[Html]:
    """Yield a table for each pair of which units moved, each count a button to its units."""
    moving = [(at, pair) for at, pair in enumerate(record.pairs) if pair.moved]
    if not moving:
        yield tag("p", "No unit changed its quadrant.")
        return
    yield tag(
        "p",
        "Units by the baseline's quadrant (rows) and the candidate's (columns). R and W: right and "
        "wrong; the second letter: by the evidence or elsewhere, U where that is unknown. A number "
        "off the diagonal leads to its units.",
        class_="how",
    )
    tables = [_matrix(record, at, pair) for at, pair in moving[:MATRICES_SHOWN]]
    yield tag("div", *tables, class_="matrices")
    left = len(moving) - MATRICES_SHOWN
    if left > 0:
        yield tag("p", f"and those of {left} more pairs, with --json", class_="left-out")
    still = len(record.pairs) - len(moving)
    if still:
        yield tag("p", f"Of {still} more, no unit changed its quadrant.", class_="left-out")


def _matrix(record: CompareRecord, place: int, pair: PairRecord) -> Html:
    states = list_states(pair)
    heads = (tag("th", state, scope="col", class_="number") for state in states)
    rows = [
        tag(
            "tr",
            tag("th", before, scope="row"),
            *(_count(place, pair, before, after) for after in states),
        )
        for before in states
    ]
    mean = f", mean over {len(pair.seeds)} seeds" if len(pair.seeds) > 1 else ""
    about = f"{name_in_full(record, pair)}: {tell_moved(pair)}{mean}"
    made = tag(
        "table",
        tag("caption", about),
        tag("thead", tag("tr", tag("td", ""), *heads)),
        tag("tbody", *rows),
        class_="matrix",
    )
    return scrolling(made, about)


def _count(place: int, pair: PairRecord, before: str, after: str) -> Html:
    count = pair.transitions.get(before, {}).get(after, 0)
    heat = ceil(10 * count / pair.count) if pair.count else 0
    shown: Child = write_units(count)
    if count and before != after:
        asked = json.dumps({"pair": place, "transition": f"{before}>{after}"})
        says = f"{write_units(count)} units from {before} to {after}"
        shown = tag(
            "button", shown, type="button", class_="door", data_changed=asked, aria_label=says
        )
    return tag("td", shown, class_=f"number h{heat}{' stayed' if before == after else ''}")


def changed_data(record: CompareRecord, doors: Sequence[Mapping[str, Data]]) -> Data:
    """Return the units that changed as JSON values, as far as there is room.

    Each row has the pair's place, the seed, id, class, both quadrants, both predictions, whether
    the gallery has its picture, and what was asked where something was. ``doors`` has for each pair
    what opens the gallery there, by seed, with the ids that it has.
    """
    pairs, rows = [], []
    room, waiting = LISTED, sum(1 for pair in record.pairs if pair.changed)
    for at, pair in enumerate(record.pairs):
        share = -(-room // waiting) if pair.changed else 0
        listed = pair.changed[:share]
        waiting, room = waiting - bool(pair.changed), room - len(listed)
        opening: Mapping[str, Data] = doors[at] if doors else {}
        pairs.append(
            {
                "name": name_in_full(record, pair),
                "total": round(pair.moved * len(pair.seeds)),
                "seeded": len(pair.seeds) > 1,
                "doors": {seed: found["filter"] for seed, found in opening.items()},
            }
        )
        rows += [
            [
                at,
                unit.seed,
                unit.id,
                unit.label,
                unit.baseline,
                unit.candidate,
                unit.baseline_prediction,
                unit.candidate_prediction,
                int(_is_pictured(unit, opening)),
                *([unit.question] if unit.question else []),
            ]
            for unit in listed
        ]
    return {"pairs": pairs, "rows": rows}


def _is_pictured(unit: ChangedRecord, opening: Mapping[str, Data]) -> bool:
    found = opening.get("" if unit.seed is None else str(unit.seed))
    return found is not None and unit.id in found["ids"]
