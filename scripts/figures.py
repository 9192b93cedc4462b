"""Condense a run to the figures that documents quote from it, as ``docs/figures/STUDY.json``.

    python scripts/figures.py runs/quickstart-20260101-120000
    python scripts/figures.py runs/methods-20260101-120000 --beside ft
    python scripts/figures.py runs/pretrainings-20260101-120000 --add   # beside other models

The file has, for each test, explainer, validator and method, every metric as [value, low, high],
and its change against zero-shot on the same images; with ``--beside`` against other methods, too.
Over several seeds these are the means. Shares are between 0 and 1, to five decimals; an end that
is not known is null. ``scripts/tables.py`` prints tables of it, ``scripts/claims.py`` compares what
documents say with it. Nothing of the machine and nothing of the moment is in it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rateval.records.key import Key
    from rateval.records.run import RunRecord
    from rateval.records.scores.cell import EvidenceRecord, ResultRecord
    from rateval.records.scores.counterfactual import CounterfactualRecord

FOLDER = Path(__file__).resolve().parents[1] / "docs/figures"
ZERO_SHOT = "zs"

Triple = tuple[float | None, float | None, float | None]
"""A value and the ends of its interval."""
Place = tuple[str, str, str, str, str]
"""Test, model, method, explainer and validator."""


@dataclass(frozen=True)
class Row:
    """What one validator says of one method on one test, as one explainer shows it."""

    test: str
    model: str
    method: str
    attribution: str
    validator: str
    values: Mapping[str, Triple]
    changes: Mapping[str, Mapping[str, Triple]] = field(default_factory=dict)
    """By the method that it is compared with."""

    @property
    def place(self) -> Place:
        """What tells it from all other rows of its study."""
        return self.test, self.model, self.method, self.attribution, self.validator


@dataclass(frozen=True)
class Figures:
    """What documents quote of one study."""

    study: str
    seeds: Sequence[int]
    level: float
    rows: Sequence[Row]

    def find(self, place: Place) -> Row:
        """Return a row. Raises KeyError, naming those of its test, when there is none."""
        for row in self.rows:
            if row.place == place:
                return row
        there = sorted(row.place for row in self.rows if row.test == place[0])
        raise KeyError(f"{self.study}: no row {place}; there are {there}")

    def listed(self, name: str) -> list[str]:
        """Return the values of one of a row's names, such as ``method``, in their order."""
        return list(dict.fromkeys(getattr(row, name) for row in self.rows))


def rounded(*numbers: float | None) -> Triple:
    """Round a value and the ends of its interval for the file.

    >>> rounded(1 / 3, None, None)
    (0.33333, None, None)
    """
    value, low, high = (None if x is None else round(x, 5) + 0.0 for x in numbers)
    return value, low, high


def turned(change: Triple) -> Triple:
    """Return the change seen from the other side.

    >>> turned((0.1, -0.1, 0.3))
    (-0.1, -0.3, 0.1)
    """
    value, low, high = (None if x is None else 0.0 - x for x in change)
    return value, high, low


def condense(record: RunRecord, beside: Iterable[str]) -> Figures:
    """Take what documents quote from a run's record."""
    differences, answers = read_differences(record), read_answers(record)
    baselines = (ZERO_SHOT, *beside)
    rows = [
        make_row(result, evidence, differences, baselines, answers)
        for result in record.results
        for evidence in result.evidence
    ]
    return Figures(record.study, record.seeds, record.level, rows)


def name_test(key: Key) -> str:
    """Return what a cell was tested on: its dataset, and its shift where it has one."""
    return ", ".join(filter(None, (key.dataset, key.shift.text if key.shift else "")))


def make_row(
    result: ResultRecord,
    evidence: EvidenceRecord,
    differences: Mapping[tuple[Place, str], dict[str, Triple]],
    baselines: Iterable[str],
    answers: Mapping[Place, dict[str, Triple]],
) -> Row:
    """Make the row of one method by one validator."""
    key = result.key
    place = (name_test(key), key.model, key.finetuner, key.attribution, evidence.validator)
    changes = {b: differences[place, b] for b in baselines if (place, b) in differences}
    estimates = {score.metric: score.value for score in evidence.scores}
    if evidence.association is not None:
        estimates["valid evidence"] = evidence.association.valid
        estimates["right minus wrong"] = evidence.association.difference
    values = {
        name: rounded(found.value, found.low, found.high) for name, found in estimates.items()
    }
    return Row(*place, values | answers.get((*place[:4], ""), {}), changes)


def read_differences(record: RunRecord) -> dict[tuple[Place, str], dict[str, Triple]]:
    """Return the paired changes of each row against each other method, by metric."""
    found: dict[tuple[Place, str], dict[str, Triple]] = {}
    for pair in record.comparisons:
        method, other = pair.method, pair.against
        if len(record.seeds) > 1 and {method.seed, other.seed} != {None}:
            continue  # one seed of several
        if method.model != other.model:
            continue
        test = name_test(method)
        change = {d.metric: rounded(d.value, d.low, d.high) for d in pair.differences}
        there = (method.attribution, pair.validator)
        found[(test, method.model, method.finetuner, *there), other.finetuner] = change
        back = {metric: turned(triple) for metric, triple in change.items()}
        found[(test, method.model, other.finetuner, *there), method.finetuner] = back
    return found


def read_answers(record: RunRecord) -> dict[Place, dict[str, Triple]]:
    """Return how often right answers stay with the object alone, and without it.

    Means over the seeds, without intervals; by places without a validator.
    """
    found: dict[Place, list[CounterfactualRecord]] = {}
    for cell in record.cells:
        if (answers := cell.counterfactual) is not None:
            key = cell.key
            place = (name_test(key), key.model, key.finetuner, key.attribution, "")
            found.setdefault(place, []).append(answers)
    shares = {}
    for place, of_seeds in found.items():
        on = [answers.kept_on_object for answers in of_seeds]
        without = [answers.kept_without_object for answers in of_seeds]
        known = (("kept on object", on), ("kept without object", without))
        shares[place] = {
            name: rounded(fmean(x for x in values if x is not None), None, None)
            for name, values in known
            if None not in values
        }
    return shares


def write(figures: Figures, path: Path) -> None:
    """Write a file with a line for each row."""
    head = {"study": figures.study, "seeds": list(figures.seeds), "level": figures.level}
    rows = [
        {
            "test": row.test,
            "model": row.model,
            "method": row.method,
            "attribution": row.attribution,
            "validator": row.validator,
            "values": row.values,
            "changes": row.changes,
        }
        for row in figures.rows
    ]
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    parts.append(f'"rows": [\n{text}\n]')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def read(study: str, folder: Path = FOLDER) -> Figures:
    """Read the figures of a study. Raises OSError when there are none."""
    content = json.loads((folder / f"{study}.json").read_text(encoding="utf-8"))
    rows = [
        Row(
            **{name: value for name, value in row.items() if name not in ("values", "changes")},
            values=_triples(row["values"]),
            changes={other: _triples(change) for other, change in row["changes"].items()},
        )
        for row in content["rows"]
    ]
    return Figures(content["study"], content["seeds"], content["level"], rows)


def add(figures: Figures, before: Figures) -> Figures:
    """Put the rows of a run beside those that a study has of other models, by name."""
    if (*figures.seeds, figures.level) != (*before.seeds, before.level):
        raise SystemExit(f"{figures.study}: its rows are of other seeds, or of another level")
    own = set(figures.listed("model"))
    rows = [row for row in before.rows if row.model not in own]
    return replace(figures, rows=sorted([*rows, *figures.rows], key=lambda row: row.model))


def _triples(found: Mapping[str, Sequence[float | None]]) -> dict[str, Triple]:
    return {metric: (numbers[0], numbers[1], numbers[2]) for metric, numbers in found.items()}


def main() -> None:
    """Write the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--beside", nargs="*", default=[], help="methods to compare with, too")
    parser.add_argument("--add", action="store_true", help="keep the rows of other models")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder to write")
    options = parser.parse_args()
    import rateval

    record = rateval.load(options.run)
    if record.status != "finished":
        raise SystemExit(f"{options.run}: is {record.status}; figures are those of a finished run")
    figures = condense(record, options.beside)
    if options.add:
        figures = add(figures, read(figures.study, options.to))
    write(figures, options.to / f"{figures.study}.json")
    print(options.to / f"{figures.study}.json")


if __name__ == "__main__":
    main()
