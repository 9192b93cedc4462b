"""Tables of how images change quadrants between two methods that a reader chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.report.html.figures import name_test
from rateval.report.html.markup import Html, tag
from rateval.report.rows import Block, name_rows
from rateval.report.terminal.layout import QUADRANTS
from rateval.wording import plural

PAIRS_SHOWN = 4000
"""Pairs of methods that a page has, those with zero-shot first."""


def transition_data(record: RunRecord, blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Return for each block its rows, and the counts of each pair of them, as JSON values.

    ``pairs`` has the places of both rows, the one that is compared with first, and the 16 counts
    from RR to RR, from RR to RW and so on.
    """
    untrained = {cell.key.seedless for cell in record.cells if not cell.trained}
    ordered = sorted(
        record.comparisons, key=lambda one: one.against.seedless not in untrained
    )  # stable: what follows is in the order of the record
    by_validator: dict[str, list[ComparisonRecord]] = {}
    for one in ordered:
        by_validator.setdefault(one.validator, []).append(one)
    room, found = PAIRS_SHOWN, []
    for block in blocks:
        names = name_rows(block)
        places = {row.key: at for at, row in enumerate(block.rows)}
        pairs = [
            [places[one.against], places[one.method], _counts(one.transitions)]
            for one in by_validator.get(block.validator, ())
            if one.against in places and one.method in places
        ]
        pairs, room = pairs[: max(room, 0)], room - len(pairs)
        found.append(
            {
                "validator": block.validator,
                "units": [block.unit, plural(block.unit)],
                "rows": [
                    {"name": names[row.key], "cell": record.label(row.key), "test": name_test(row)}
                    for row in block.rows
                ],
                "pairs": pairs,
            }
        )
    return found


def _counts(transitions: Mapping[str, Mapping[str, float]]) -> list[float]:
    return [transitions.get(one, {}).get(other, 0) for one in QUADRANTS for other in QUADRANTS]


def transition_place(place: int) -> Html:
    """Return where the table of the block in this place is made, once it is chosen."""
    return tag("div", class_="transitions", data_transitions=place)
