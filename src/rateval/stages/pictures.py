"""Pictures of test images, drawn by what the methods of a study made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rateval.api.training import Monitor
from rateval.data.strata import Partition, Picked, pick
from rateval.errors import RatevalError
from rateval.records.about.pictures import StratumRecord
from rateval.records.facts import PicturesFacts, ViewFacts
from rateval.store import rows as tables
from rateval.store.tables.pictures import SCHEMA, write_pictures
from rateval.workbench.pictures import Images, Look, see_all
from rateval.workbench.verdicts.outcomes import read_outcomes

STATES = ("RR", "RW", "WR", "WW", "RU", "WU")
"""What an image can be to a method: prediction first, evidence second, U where it is unknown."""


@dataclass(frozen=True, slots=True)
class Result:
    """Where predictions and verdicts on them are stored."""

    inferred: Path
    judged: Path


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of one cell and validator, which images are drawn by."""

    name: str
    """Begins the names of its strata."""
    of: Result
    against: Result | None
    """Those of zero-shot; None where it is zero-shot itself, or there is none."""


def pictures(
    test: Images,
    looks: Sequence[Look],
    verdicts: Sequence[Verdicts],
    count: int,
    monitor: Monitor,
    folder: Path,
) -> PicturesFacts:
    """Write pictures of up to ``count`` images into a file per view; return what was drawn.

    Raises RatevalError when not one of them can be read, or the images are others than those that
    were predicted.
    """
    units, partitions = divide(verdicts)
    picked = pick(list(units.values()), partitions, count)
    positions = list(units)
    at = sorted(range(len(picked.places)), key=picked.places.__getitem__)
    drawn = [positions[picked.places[i]] for i in at]
    monitor.begin(len(drawn))
    rows: list[list[dict[str, Any]]] = [[] for _ in looks]
    for place, seen in zip(at, see_all(test, looks, drawn), strict=True):
        position = positions[picked.places[place]]
        known = {
            "id": units[position],
            "index": position,
            "stratum": picked.strata[place],
        }
        if seen.name != units[position]:
            raise RatevalError(
                f'the test images are not those that were predicted: "{units[position]}" is now '
                f'"{seen.name}"; run again with --fresh'
            )
        for row, shown in zip(rows, seen.shown, strict=True):
            row.append(known | shown)
        monitor.advance(1)
    _require_some(rows[0])
    views = tuple(_write(folder, number, look, rows[number]) for number, look in enumerate(looks))
    return _describe(picked, len(units), count, views)


def divide(verdicts: Sequence[Verdicts]) -> tuple[dict[int, str], list[Partition]]:
    """Return the images, position to id, and how each cell's quadrants and transitions part them.

    Images count that any cell predicted; of those that a cell lacks, it says nothing.
    """
    units: dict[int, str] = {}
    found: dict[Result, tuple[NDArray[np.int64], NDArray[np.int8]]] = {}
    for result in {r: None for one in verdicts for r in (one.of, one.against) if r is not None}:
        rows = tables.read_rows(result.inferred, ["index", "id"])
        positions: NDArray[np.int64] = rows.column("index").to_numpy()
        units.update(zip(positions.tolist(), rows.column("id").to_pylist(), strict=True))
        found[result] = positions, _states(result)
    units = dict(sorted(units.items()))
    order = np.fromiter(units, dtype=np.int64, count=len(units))
    states = {}
    for result, (positions, own) in found.items():
        states[result] = np.full(len(units), -1, dtype=np.int8)
        states[result][np.searchsorted(order, positions)] = own
    partitions = []
    for one in verdicts:
        after = states[one.of]
        partitions.append(Partition(tuple(f"{one.name}: {state}" for state in STATES), after))
        if one.against is not None:
            before = states[one.against]
            both = np.where((before < 0) | (after < 0), -1, before * len(STATES) + after)
            names = tuple(f"{one.name}: {old} → {new}" for old in STATES for new in STATES)
            partitions.append(Partition(names, both.astype(np.int8)))
    return units, partitions


def _states(result: Result) -> NDArray[np.int8]:
    """Return the place among ``STATES`` of each image, (N,)."""
    outcomes = read_outcomes(result.inferred, result.judged)
    wrong = ~outcomes.correct
    found = np.where(outcomes.known, 2 * wrong + ~outcomes.valid, 4 + wrong)
    return found.astype(np.int8)


def _require_some(rows: Sequence[Mapping[str, Any]]) -> None:
    lost = [row for row in rows if row.get("undefined")]
    if rows and len(lost) == len(rows):
        raise RatevalError(
            f"no picture can be made: none of {len(rows):,} test images can be read now, the first "
            f"one ({lost[0]['id']}) because: {lost[0]['undefined']}; put the data back where they "
            "were"
        )


def _write(folder: Path, number: int, look: Look, rows: Sequence[Mapping[str, Any]]) -> ViewFacts:
    file = "pictures.parquet" if number == 0 else f"pictures-{number + 1}.parquet"
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA.names}
    write_pictures(folder / file, pa.Table.from_pydict(columns, SCHEMA))
    return ViewFacts(
        file=file,
        models=look.models,
        height=look.size[0],
        width=look.size[1],
        undefined=dict(Counter(row["undefined"] for row in rows if row.get("undefined"))),
    )


def _describe(picked: Picked, of: int, asked: int, views: tuple[ViewFacts, ...]) -> PicturesFacts:
    return PicturesFacts(
        count=len(picked.places),
        of=of,
        asked=asked,
        strata={
            name: StratumRecord(chosen=picked.chosen[name], there=there)
            for name, there in picked.there.items()
        },
        views=views,
    )
