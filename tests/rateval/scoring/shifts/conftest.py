"""Made-up studies with shifts: what stages would have stored, without a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rateval.records.key import Key
from rateval.records.scores.shifts import OrderRecord, ShiftsRecord
from rateval.records.shift import ShiftKey
from rateval.scoring.comparing import Comparer
from rateval.scoring.images import Images
from rateval.scoring.judged import Judged
from rateval.scoring.shifts.shifts import record_shifts

HEADINGS = {"accuracy": "accuracy", "pt": "PT", "ir": "IR"}


@dataclass
class Seen:
    """What one cell saw of its images: (N,) bool each, and where they lie in the split."""

    correct: np.ndarray[Any, Any]
    valid: np.ndarray[Any, Any]
    positions: np.ndarray[Any, Any] | None = None
    cluster: np.ndarray[Any, Any] | None = None

    def images(self) -> Images:
        states = (self.correct + 2 * self.valid + 4).astype(np.uint8)
        tables = []
        for metric in HEADINGS:
            table = np.zeros((32, 2))
            for state in range(4, 8):
                right, sound = state & 1, state >> 1 & 1
                below = {"accuracy": 1, "pt": right, "ir": sound}[metric]
                above = right if metric == "accuracy" else right and sound
                table[state] = above, below
            tables.append(table)
        count = len(states)
        where = np.arange(count) if self.positions is None else self.positions
        nothing = np.zeros(count, dtype=np.int64)
        return Images(
            where, states, tuple(tables), nothing, nothing.astype(np.float64), self.cluster
        )


Name = tuple[str, ShiftKey | None, int | None]


@dataclass
class Study:
    """Cells by method, shift and seed; ``zs`` is untrained."""

    cells: Mapping[Name, Seen]
    groups: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    level: float = 0.95
    correction: str = "holm"
    tests: Mapping[int | None, str] = field(default_factory=dict)
    """Seed to the test split that it has, where they differ."""

    def record(self) -> tuple[tuple[ShiftsRecord, ...], tuple[OrderRecord, ...]]:
        read: dict[int, Images] = {}
        judged = []
        for name, seen in self.cells.items():
            done = self._judge(name)
            read[id(done)] = seen.images()
            judged.append(done)
        comparer = Comparer.__new__(Comparer)
        comparer.plan = cast("Any", self._plan())
        comparer.level = self.level
        comparer.images = cast(
            "Any",
            SimpleNamespace(
                read=lambda done, validator: read[id(done)],
                test=lambda done: self.tests.get(done.cell.key.seed, "t"),
            ),
        )
        return record_shifts(comparer, judged)

    def _judge(self, name: Name) -> Judged:
        method, shift, seed = name
        key = Key(
            dataset="birds", model="clip", finetuner=method, shift=shift, attribution="a", seed=seed
        )
        zeros = {"numerator": 0, "denominator": 0}
        scores = tuple(
            SimpleNamespace(facts={"heading": heading, **zeros, "groups": []})
            for heading in HEADINGS.values()
        )
        done = SimpleNamespace(
            cell=SimpleNamespace(key=key, seed=seed),
            finetuned=SimpleNamespace(
                facts={"trained": method != "zs", "skipped": [], "curve": [], "told": {}}
            ),
            scores=(scores,),
        )
        return cast("Judged", done)

    def _plan(self) -> SimpleNamespace:
        shifts = dict.fromkeys(shift for _, shift, _ in self.cells if shift is not None)
        choices = [
            SimpleNamespace(shift=shift, group=self.groups.get(shift.type or ""))
            for shift in shifts
        ]
        return SimpleNamespace(
            choices={"shift": choices},
            validators=[SimpleNamespace(label="judge")],
            metrics=[SimpleNamespace(label=label) for label in HEADINGS],
            seeds=self.seeds,
            spec=SimpleNamespace(
                statistics=SimpleNamespace(level=self.level, correction=self.correction)
            ),
        )


def key_of(kind: str, severity: int | None = None) -> ShiftKey:
    return ShiftKey(family="corruption", type=kind, severity=severity)


def draw(right: float, sound: float, units: int = 400, seed: int = 0, salt: int = 0) -> Seen:
    """Return images that are hard in the same way for all cells of a seed."""
    shared = np.random.default_rng(seed).random((2, units))
    own = np.random.default_rng((seed, salt, 7)).random((2, units))
    mixed = np.where(own < 0.2, own * 5, shared)
    return Seen(mixed[0] < right, mixed[1] < sound)


def grid(
    falls: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    clean: Mapping[str, tuple[float, float]],
    **more: Any,
) -> dict[Name, Seen]:
    """Return cells of methods: clean shares, and by type those of each severity from 1 on."""
    cells: dict[Name, Seen] = {}
    for method, (right, sound) in clean.items():
        cells[method, None, None] = draw(right, sound, salt=len(cells), **more)
        for kind, severities in falls[method].items():
            for severity, (one, other) in enumerate(severities, 1):
                name = method, key_of(kind, severity), None
                cells[name] = draw(one, other, salt=len(cells), **more)
    return cells


@pytest.fixture
def made_up() -> SimpleNamespace:
    """What makes studies up: ``Study``, ``Seen``, ``key_of``, ``draw`` and ``grid``."""
    return SimpleNamespace(Study=Study, Seen=Seen, key_of=key_of, draw=draw, grid=grid)
