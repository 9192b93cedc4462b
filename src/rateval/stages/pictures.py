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
from rateval.store.tables.samples import has_samples
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
    picked = pick([unit.id for unit in units], partitions, count)
    at = sorted(range(len(picked.places)), key=picked.places.__getitem__)
    drawn = [units[picked.places[i]] for i in at]
    monitor.begin(len(drawn))
    rows: list[list[dict[str, Any]]] = [[] for _ in looks]
    seeing = [(unit.position, unit.label) for unit in drawn]
    for place, unit, seen in zip(at, drawn, see_all(test, looks, seeing), strict=True):
        known = {"id": unit.id, "index": unit.number, "stratum": picked.strata[place]}
        if seen.name != unit.sample:
            raise RatevalError(
                f'the test images are not those that were predicted: "{unit.sample}" is now '
                f'"{seen.name}"; run again with --fresh'
            )
        for row, shown in zip(rows, seen.shown, strict=True):
            row.append(known | shown)
        monitor.advance(1)
    _require_some(rows[0])
    views = tuple(_write(folder, number, look, rows[number]) for number, look in enumerate(looks))
    return _describe(picked, len(units), count, views)


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that was predicted."""

    number: int
    """Of its row."""
    id: str
    sample: str
    """Id of its sample, which is its own but for units of which a sample has several."""
    position: int
    """Of its sample."""
    label: int | None
    """Its class where its sample has units of several; else None."""


def divide(verdicts: Sequence[Verdicts]) -> tuple[list[Unit], list[Partition]]:
    """Return the units by their samples, and how each cell's quadrants and transitions part them.

    Units count that any cell predicted; of those that a cell lacks, it says nothing.
    """
    known: dict[int, Unit] = {}
    found: dict[Result, tuple[NDArray[np.int64], NDArray[np.int8]]] = {}
    for result in {r: None for one in verdicts for r in (one.of, one.against) if r is not None}:
        own = _list_units(result.inferred)
        known.update((unit.number, unit) for unit in own)
        found[result] = np.array([unit.number for unit in own]), _states(result)
    known = dict(sorted(known.items()))
    order = np.fromiter(known, dtype=np.int64, count=len(known))
    states = {}
    for result, (numbers, of_units) in found.items():
        states[result] = np.full(len(known), -1, dtype=np.int8)
        states[result][np.searchsorted(order, numbers)] = of_units
    partitions = []
    for one in verdicts:
        after = states[one.of]
        partitions.append(Partition(tuple(f"{one.name}: {state}" for state in STATES), after))
        if one.against is not None:
            before = states[one.against]
            both = np.where((before < 0) | (after < 0), -1, before * len(STATES) + after)
            names = tuple(f"{one.name}: {old} → {new}" for old in STATES for new in STATES)
            partitions.append(Partition(names, both.astype(np.int8)))
    return list(known.values()), partitions


def _list_units(inferred: Path) -> list[Unit]:
    more = [tables.SAMPLE, tables.POSITION, "label"] if has_samples(inferred) else []
    columns = tables.read_rows(inferred, ["index", "id", *more]).to_pydict()
    numbers, ids = columns["index"], columns["id"]
    samples, positions = columns.get(tables.SAMPLE, ids), columns.get(tables.POSITION, numbers)
    labels = columns.get("label", [None] * len(ids))
    return [Unit(*one) for one in zip(numbers, ids, samples, positions, labels, strict=True)]


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
