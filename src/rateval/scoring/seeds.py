"""Results over the seeds of a study: what differs in the seed only, as one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Protocol

from rateval.records.scores.cell import (
    AssociationRecord,
    BoundsRecord,
    CellRecord,
    EvidenceRecord,
    ScoreRecord,
)
from rateval.records.scores.classes import AreaRecord, ClassesRecord
from rateval.records.scores.estimate import Estimate, Over, spread
from rateval.records.scores.explainers import AreasRecord, FaithfulnessRecord, RandomisationRecord
from rateval.records.scores.grouping import group_by
from rateval.records.scores.groups import GroupRecord, SliceRecord
from rateval.records.scores.seeds import SeedsRecord
from rateval.scoring.answers.blind import without_image_over_seeds
from rateval.scoring.answers.captions import captions_over_seeds
from rateval.scoring.calibration import calibrate_seeds, split_seeds
from rateval.scoring.thresholds.chance import chance_over_seeds
from rateval.stats.seeds import Mean
from rateval.stats.student import two_sided_t


class SharedImages(Protocol):
    """What is known of scores over seeds image by image; None where seeds alone can tell."""

    over: Over
    """What these means are over."""

    def mean(self, cells: Sequence[CellRecord], validator: str, metric: str) -> Mean | None:
        """Return the mean of a score of cells that differ in their seed only."""
        ...

    def mean_change(self, cells: Sequence[CellRecord], validator: str, metric: str) -> Mean | None:
        """Return the mean of their changes against zero-shot by the same seed."""
        ...

    def slices(
        self, cells: Sequence[CellRecord], validator: str, metric: str
    ) -> tuple[ClassesRecord | None, tuple[AreaRecord, ...]]:
        """Return a score by class and by area; nothing below two seeds that have it."""
        ...

    def associate(self, cells: Sequence[CellRecord], validator: str) -> AssociationRecord | None:
        """Return whether valid evidence goes with correct predictions."""
        ...


def summarise_seeds(
    cells: Sequence[CellRecord], shared: SharedImages | None = None, level: float = 0.95
) -> Iterator[SeedsRecord]:
    """Yield a record for each set of cells that differ in their seed only.

    A cell that lacks a validator's verdicts or a score has no value for its seed. Intervals are
    over seeds and images where ``shared`` knows of both, else over seeds.
    """
    for group in group_by(cells, lambda cell: cell.key.seedless):
        validators = _in_order([found.validator for found in cell.evidence] for cell in group)
        yield SeedsRecord(
            key=group[0].key.seedless,
            seeds=tuple(cell.key.seed for cell in group if cell.key.seed is not None),
            count=mean(cell.count for cell in group),
            evidence=tuple(_evidence(validator, group, shared, level) for validator in validators),
            faithfulness=_areas([cell.faithfulness for cell in group if cell.faithfulness]),
            calibration=calibrate_seeds([c.calibration for c in group if c.calibration], level),
            without_image=without_image_over_seeds(
                [cell.without_image for cell in group if cell.without_image], level
            ),
            captions=captions_over_seeds([c.captions for c in group if c.captions], level),
        )


def _in_order(several: Iterable[Sequence[str]]) -> list[str]:
    """Return all labels, the longest sequence first: what one seed lacks, another has."""
    longest = sorted(several, key=len, reverse=True)
    return list(dict.fromkeys(label for labels in longest for label in labels))


def _evidence(
    validator: str, cells: Sequence[CellRecord], shared: SharedImages | None, level: float
) -> EvidenceRecord:
    repeated = [cell.by(validator) for cell in cells]
    there = [found for found in repeated if found is not None]
    undefined = sum((Counter(found.undefined) for found in there), Counter[str]())
    metrics = _in_order([score.metric for score in found.scores] for found in there)
    return EvidenceRecord(
        validator=validator,
        quadrants={
            state: mean(found.quadrants.get(state, 0) for found in there)
            for state in _in_order(list(found.quadrants) for found in there)
        },
        undefined=dict(undefined),
        scores=tuple(
            _score(
                [None if found is None else found.score(metric) for found in repeated],
                _Means(
                    None if shared is None else shared.mean(cells, validator, metric),
                    None if shared is None else shared.mean_change(cells, validator, metric),
                    "seeds" if shared is None else shared.over,
                    level,
                ),
                (None, ()) if shared is None else shared.slices(cells, validator, metric),
            )
            for metric in metrics
        ),
        association=None if shared is None else shared.associate(cells, validator),
        **chance_over_seeds(repeated, level),
        confidence=split_seeds([f.confidence for f in there if f.confidence], level),
    )


@dataclass(frozen=True, slots=True)
class _Means:
    """Means of one metric over seeds that share their images; None where seeds alone can tell."""

    value: Mean | None
    change: Mean | None
    over: Over
    level: float


def _score(
    repeated: Sequence[ScoreRecord | None],
    means: _Means,
    slices: tuple[ClassesRecord | None, tuple[AreaRecord, ...]],
) -> ScoreRecord:
    first, *others = [score for score in repeated if score is not None]
    classes, areas = slices if others else (first.classes, first.areas)
    values = [None if score is None else score.value for score in repeated]
    changes = [None if score is None else score.change for score in repeated]
    value = _over_seeds(values, means.value, means)
    change = _over_seeds(changes, means.change, means)
    if all(score.value.numerator is not None for score in (first, *others)):  # it is a share
        value, change = value.cut(0), change.cut(-1)
    if means.change is not None:
        p = two_sided_t(means.change.value / means.change.error, means.change.freedom)
        change = change.model_copy(update={"p": p})
    return ScoreRecord(
        metric=first.metric,
        heading=first.heading,
        value=value,
        change=change if change.count else None,
        bounds=_bounds([score.bounds for score in repeated if score is not None]),
        groups=tuple(_groups(repeated, means.level)),
        classes=classes,
        areas=areas,
    )


def _over_seeds(repeated: Sequence[Estimate | None], mean: Mean | None, means: _Means) -> Estimate:
    """Return an estimate over seeds with the interval that fits it.

    One seed, and seeds that all give 0 or all give 1, say nothing of other seeds: the interval is
    that of the images of one of them.
    """
    found = spread([None if one is None else one.value for one in repeated], means.level)
    if mean is not None:
        return found.model_copy(update={"low": mean.low, "high": mean.high, "over": means.over})
    there = [one for one in repeated if one is not None and one.value is not None]
    if there and (len(there) == 1 or (not found.sd and found.value in (0, 1))):
        one = there[0]
        update = {"low": one.low, "high": one.high, "over": one.over, "p": one.p, "few": one.few}
        return found.model_copy(update=update)
    return found


def _bounds(repeated: Sequence[BoundsRecord | None]) -> BoundsRecord | None:
    there = [bounds for bounds in repeated if bounds is not None]
    if not there or len(there) < len(repeated):  # by some seed all is known, and nothing to bound
        return None
    columns = {name: [getattr(b, name) for b in there] for name in BoundsRecord.model_fields}
    return BoundsRecord(
        **{name: None if None in values else mean(values) for name, values in columns.items()}
    )


def _groups(repeated: Sequence[ScoreRecord | None], level: float) -> Iterator[GroupRecord]:
    """Yield each group over the seeds; a seed whose images lack a value has no score for it."""
    by_seed = [
        {} if one is None else {found.name: found for found in one.groups} for one in repeated
    ]
    for name in _in_order(list(groups) for groups in by_seed):
        found = [groups.get(name) for groups in by_seed]
        there = [group for group in found if group is not None]
        counted = all(group.slices or not group.distinct for group in there)
        yield GroupRecord(
            name=name,
            distinct=max(group.distinct for group in there),
            slices=tuple(_slices(found, level)) if counted else (),
        )


def _slices(repeated: Sequence[GroupRecord | None], level: float) -> Iterator[SliceRecord]:
    by_seed = [
        {} if group is None else {part.value: part for part in group.slices} for group in repeated
    ]
    values = dict.fromkeys(value for parts in by_seed for value in parts)
    for value in sorted(values, key=lambda value: (value is None, value)):
        found = [parts.get(value) for parts in by_seed]
        yield SliceRecord(
            value=value,
            count=mean(part.count for part in found if part is not None),
            score=_over_seeds_alone(
                [None if part is None else part.score for part in found], level
            ),
        )


def _over_seeds_alone(repeated: Sequence[Estimate | None], level: float) -> Estimate:
    found = spread([None if one is None else one.value for one in repeated], level)
    share = all(one.numerator is not None for one in repeated if one is not None)
    return found.cut(0) if share else found


def _areas(repeated: Sequence[FaithfulnessRecord]) -> AreasRecord | None:
    if not repeated:
        return None
    return AreasRecord(
        deletion=spread([found.deletion for found in repeated]).value,
        insertion=spread([found.insertion for found in repeated]).value,
        chance=spread([found.chance for found in repeated]).value,
        deletion_gain=_gain([found.deletion_gain for found in repeated]),
        insertion_gain=_gain([found.insertion_gain for found in repeated]),
        randomisation=_randomisation([f.randomisation for f in repeated if f.randomisation]),
    )


def _gain(repeated: Sequence[Estimate | None]) -> Estimate | None:
    defined = [gain for gain in repeated if gain is not None]
    if len(defined) < 2:  # one alone says at least what its images say
        return defined[0] if defined else None
    return spread([None if gain is None else gain.value for gain in repeated])


def _randomisation(repeated: Sequence[RandomisationRecord]) -> RandomisationRecord | None:
    if not repeated:
        return None
    return RandomisationRecord(
        correlation=spread([found.correlation for found in repeated]).value,
        count=sum(found.count for found in repeated),
    )
