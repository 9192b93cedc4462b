"""Put together what differs in the seed only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from statistics import mean, stdev
from typing import TypeVar

from rateval.records.cell import CellRecord, EvidenceRecord
from rateval.records.explainers import (
    AreasRecord,
    FaithfulnessRecord,
    GainRecord,
    RandomisationRecord,
)
from rateval.records.seeds import (
    SeedsEvidenceRecord,
    SeedsRecord,
    SeedsScoreRecord,
    SpreadRecord,
)
from rateval.stats.student import t_interval

T = TypeVar("T")


def group_by(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Group by a key, in the order in which keys first appear.

    >>> group_by([1, 2, 3, 4], lambda number: number % 2)
    [[1, 3], [2, 4]]
    """
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def summarise_seeds(cells: Sequence[CellRecord]) -> Iterator[SeedsRecord]:
    """Yield a record for each set of cells that differ in their seed only."""
    for group in group_by(cells, _without_seed):
        first = group[0]
        yield SeedsRecord(
            dataset=first.dataset,
            model=first.model,
            finetuner=first.finetuner,
            shift=first.shift,
            attribution=first.attribution,
            seeds=tuple(cell.seed for cell in group if cell.seed is not None),
            count=mean(cell.count for cell in group),
            evidence=tuple(
                _evidence(repeated)
                for repeated in zip(*(cell.evidence for cell in group), strict=True)
            ),
            faithfulness=_areas([cell.faithfulness for cell in group if cell.faithfulness]),
        )


def spread(values: Sequence[float | None]) -> SpreadRecord:
    """Describe how a number differs between seeds.

    >>> found = spread([0.25, None, 0.75])
    >>> found.count, found.mean, found.minimum, found.maximum
    (2, 0.5, 0.25, 0.75)
    """
    defined = [value for value in values if value is not None]
    low, high = t_interval(defined)
    return SpreadRecord(
        values=tuple(values),
        count=len(defined),
        mean=mean(defined) if defined else None,
        sd=stdev(defined) if len(defined) > 1 else None,
        minimum=min(defined, default=None),
        maximum=max(defined, default=None),
        low=low,
        high=high,
    )


def _without_seed(cell: CellRecord) -> Hashable:
    return cell.dataset, cell.model, cell.finetuner, cell.shift, cell.attribution


def _evidence(repeated: Sequence[EvidenceRecord]) -> SeedsEvidenceRecord:
    first = repeated[0]
    return SeedsEvidenceRecord(
        validator=first.validator,
        quadrants={name: mean(e.quadrants[name] for e in repeated) for name in first.quadrants},
        scores=tuple(
            SeedsScoreRecord(
                metric=scores[0].metric,
                heading=scores[0].heading,
                value=spread([score.value for score in scores]),
                change=spread([score.change for score in scores]),
            )
            for scores in zip(*(evidence.scores for evidence in repeated), strict=True)
        ),
    )


def _areas(repeated: Sequence[FaithfulnessRecord]) -> AreasRecord | None:
    if not repeated:
        return None
    return AreasRecord(
        deletion=spread([found.deletion for found in repeated]).mean,
        insertion=spread([found.insertion for found in repeated]).mean,
        chance=spread([found.chance for found in repeated]).mean,
        deletion_gain=_gain([found.deletion_gain for found in repeated]),
        insertion_gain=_gain([found.insertion_gain for found in repeated]),
        randomisation=_randomisation([f.randomisation for f in repeated if f.randomisation]),
    )


def _gain(repeated: Sequence[GainRecord | None]) -> GainRecord | None:
    defined = [gain for gain in repeated if gain is not None]
    if len(defined) < 2:
        return defined[0] if defined else None
    values = [gain.value for gain in defined]
    low, high = t_interval(values)
    return GainRecord(value=mean(values), low=low, high=high)


def _randomisation(repeated: Sequence[RandomisationRecord]) -> RandomisationRecord | None:
    if not repeated:
        return None
    return RandomisationRecord(
        correlation=spread([found.correlation for found in repeated]).mean,
        count=sum(found.count for found in repeated),
    )
