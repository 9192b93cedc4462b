"""What is valid by each threshold, and by chance, from stored maps, masks and verdicts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rateval.api.protocols import Validator
from rateval.api.training import Monitor
from rateval.records.facts import BoxesFacts, MeanFacts, PairsFacts, ThresholdsFacts
from rateval.stats.pairs import worth_of_pairs
from rateval.store import rows as tables
from rateval.store.tables.curves import write_curves
from rateval.store.tables.samples import has_samples
from rateval.workbench.verdicts.boxes import InBoxes, judge_in_boxes
from rateval.workbench.verdicts.chance import (
    Judged,
    Masks,
    Priors,
    draw_pairs,
    judge_pairs,
    make_centre,
    make_uniform,
)
from rateval.workbench.verdicts.outcomes import read_sample_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 1000
"""Equal steps from threshold 0 to 1."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A validator, and what is known of its rule from outside."""

    validator: Validator
    identity: str
    """Of all that determines it."""
    threshold: float | None
    """The param of that name; None where it has none."""


def thresholds(
    ruling: Ruling,
    inferred: Path,
    judged: Path,
    priors: Priors,
    batch_size: int,
    device: str,
    monitor: Monitor,
    folder: Path,
    *,
    boxes: bool = False,
) -> ThresholdsFacts:
    """Write counts by threshold into ``folder``, where there is one; return what chance gives.

    With ``boxes``, that of random boxes, too. Raises PluginError when the validator returns
    something else than its protocol promises.
    """
    own, correct, known, ids = _read(inferred, judged)
    at = np.flatnonzero(known)
    pairs = _draw_others(inferred, at, ids)
    drawn = np.array(list(dict.fromkeys(pairs[:, 0].tolist())), dtype=np.int64)
    drawn = drawn if len(drawn) else at  # one image alone has no other
    # Equal maps one after the other, which a validator may prepare once.
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    monitor.begin(len(pairs) + 2 * len(drawn))
    relevance, masks = tables.read_relevance(inferred), Masks(inferred, drawn)
    in_boxes = None
    if boxes:
        judged_in = judge_in_boxes(ruling.validator, ids, inferred, at, batch_size, device)
        in_boxes = _count_in_boxes(judged_in, correct)
    how = (ruling.validator, masks)
    found = {"others": judge_pairs(*how, pairs[:, 0], relevance[pairs[:, 1]], batch_size, device)}
    monitor.advance(len(pairs))
    grid = (relevance.shape[1], relevance.shape[2])
    for name, prior in (("uniform", make_uniform(grid)), ("centre", make_centre(grid, masks.view))):
        found[name] = priors.judge(*how, ruling.identity, drawn, prior, batch_size, device)
        monitor.advance(len(drawn))
    rule = find_rule(ruling.threshold, [own, *found.values()])
    if isinstance(rule, Rule):
        by = np.unique(np.append(np.arange(STEPS + 1) / STEPS, rule.threshold))
        write_curves(folder, by, _count_by(rule, by, own, correct, known, found))
    return ThresholdsFacts(
        others=_count(found["others"], worth_of_pairs(found["others"].valid, *pairs.T)),
        uniform=_count(found["uniform"], len(drawn)),
        centre=_count(found["centre"], len(drawn)),
        boxes=in_boxes,
        mean_score=_average(own.score[own.defined].astype(np.float64)),
        rule=rule.asks if isinstance(rule, Rule) else None,
        no_curves=None if isinstance(rule, Rule) else rule,
    )


def _draw_others(inferred: Path, known: NDArray[np.int64], ids: Sequence[str]) -> NDArray[np.int64]:
    """Return pairs of rows at ``known`` positions that are of different images, (M, 2)."""
    pairs = known[draw_pairs([ids[place] for place in known])]
    if not has_samples(inferred):
        return pairs
    sample = read_sample_positions(inferred)  # another phrase is no other image
    apart: NDArray[np.int64] = pairs[sample[pairs[:, 0]] != sample[pairs[:, 1]]]
    return apart


def _count_in_boxes(found: InBoxes, correct: NDArray[np.bool_]) -> BoxesFacts:
    """Count the maps that are valid in boxes anywhere, of all images and of those (N,) correct."""
    return BoxesFacts(
        every=_count(*found.among(np.ones_like(correct))),
        right=_count(*found.among(correct)),
        per_image=found.per_image,
    )


def _average(scores: NDArray[np.float64]) -> MeanFacts:
    count = len(scores)
    return MeanFacts(
        value=float(scores.mean()) if count else None,
        sd=float(scores.std(ddof=1)) if count > 1 else None,
        count=count,
    )


def _read(
    inferred: Path, judged: Path
) -> tuple[Judged, NDArray[np.bool_], NDArray[np.bool_], list[str]]:
    """Return the verdicts, which predictions are correct, of which evidence is known, and ids."""
    rows = tables.read_rows(inferred, ["id", "correct", "mask_area"])
    verdicts = tables.read_rows(judged, ["id", "score", "valid"])
    assert rows.column("id").equals(verdicts.column("id"))  # both are written in one order
    score = verdicts.column("score")
    own = Judged(
        score.fill_null(0.0).to_numpy(),
        verdicts.column("valid").to_numpy(),
        score.is_valid().to_numpy(),
    )
    known = rows.column("mask_area").is_valid().to_numpy()  # 0 for an empty mask
    return own, rows.column("correct").to_numpy(), known, rows.column("id").to_pylist()


def _count(judged: Judged, worth: float) -> PairsFacts:
    return PairsFacts(
        numerator=int(judged.valid.sum()),
        denominator=len(judged.valid),
        worth=float(worth),
        undefined=judged.undefined,
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """How scores become verdicts; both are compared in float32, in which scores are stored.

    >>> scores, thresholds = np.array([0.5, 1.0], dtype=np.float32), np.array([0.5, 0.75])
    >>> Rule("at least", 0.5).count(scores, thresholds).tolist()
    [2, 1]
    >>> Rule("above", 0.5).count(scores, thresholds).tolist()
    [1, 1]
    """

    asks: Literal["at least", "above"]
    threshold: float

    def holds(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which of the scores (N,) are valid by the validator's own threshold."""
        own = np.float32(self.threshold)
        return scores >= own if self.asks == "at least" else scores > own

    def count(
        self, scores: NDArray[np.float32], thresholds: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return how many of the scores (N,) are valid by each threshold, (T,)."""
        side: Literal["left", "right"] = "left" if self.asks == "at least" else "right"
        below = np.searchsorted(np.sort(scores), thresholds.astype(np.float32), side=side)
        return (len(scores) - below).astype(np.int64)


def find_rule(threshold: float | None, judged: Sequence[Judged]) -> Rule | str:
    """Return how scores become verdicts by a threshold, as verdicts tell, or why they don't.

    >>> scores = np.array([0.25, 0.5], dtype=np.float32)
    >>> found = Judged(scores, np.array([False, True]), np.array([True, True]))
    >>> find_rule(0.5, [found])
    Rule(asks='at least', threshold=0.5)
    >>> find_rule(0.75, [found])
    'its verdicts do not follow from its scores and its threshold of 0.75'
    """
    if threshold is None:
        return 'it has no param "threshold"'
    if not 0 <= threshold <= 1:
        return f"its threshold of {threshold:g} is not between 0 and 1"
    defined = np.concatenate([one.defined for one in judged])
    score = np.concatenate([one.score for one in judged])[defined]
    valid = np.concatenate([one.valid for one in judged])[defined]
    if (score > 1).any():
        return "it gives scores above 1"
    for rule in (Rule("at least", threshold), Rule("above", threshold)):
        if np.array_equal(rule.holds(score), valid):
            return rule
    return f"its verdicts do not follow from its scores and its threshold of {threshold:g}"


def _count_by(
    rule: Rule,
    by: NDArray[np.float64],
    own: Judged,
    correct: NDArray[np.bool_],
    known: NDArray[np.bool_],
    beside: Mapping[str, Judged],
) -> dict[str, tuple[NDArray[np.int64], int]]:
    """Return what is valid by each threshold, and of how many, by name."""
    counts = {
        name: (rule.count(own.score[own.defined & known & among], by), int((known & among).sum()))
        for name, among in (("correct", correct), ("wrong", ~correct))
    }
    return counts | {
        name: (rule.count(judged.score[judged.defined], by), len(judged.score))
        for name, judged in beside.items()
    }
