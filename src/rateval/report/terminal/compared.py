"""Words on runs that are compared, as the terminal and the page say them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from rateval.records.compare import (
    ApartRecord,
    ComparedRunRecord,
    CompareRecord,
    MetricPairRecord,
    PairRecord,
)
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.sentences.changes import write_change
from rateval.report.terminal.layout import QUADRANTS
from rateval.wording import list_some


def write_units(count: float) -> str:
    """Return a number of units; one decimal of a mean over seeds that is no whole number.

    >>> write_units(1234567), write_units(78.3333)
    ('1,234,567', '78.3')
    """
    return f"{count:,.0f}" if count == int(count) else f"{count:,.1f}"


def tell_moved(pair: PairRecord) -> str:
    """Return how many units of a pair changed."""
    return f"{write_units(pair.moved)} of {write_units(pair.count)} units changed"


def name_run(record: CompareRecord, place: int) -> str:
    """Return what a run is called here: the baseline, or a candidate, by number of several."""
    if place == 0:
        return "baseline"
    return f"candidate {place}" if len(record.runs) > 2 else "candidate"


def tell_status(run: ComparedRunRecord) -> str:
    """Return how a run ended, and what that means for its cells unless it finished."""
    return run.status if run.status == "finished" else f"{run.status}: some cells may be missing"


def group_pairs(record: CompareRecord) -> list[list[PairRecord]]:
    """Return the pairs of each table: those of one dataset, explainer and validator."""
    return group_by(
        record.pairs, lambda pair: (pair.candidate.dataset, pair.attribution, pair.validator)
    )


def judged_by(pair: PairRecord) -> str:
    """Return the explainer, where there is one, and the validator of a pair."""
    return " · ".join(filter(None, (pair.attribution, pair.validator)))


def name_pair(record: CompareRecord, pair: PairRecord) -> str:
    """Return what tells a pair from the others of its table: methods, and the run of several."""
    one, other = pair.baseline, pair.candidate
    same = (one.method, one.shift) == (other.method, other.shift)
    name = other.row if same else f"{one.row} → {other.row}"
    if one.attribution != other.attribution and pair.attribution is not None:
        name += f", {one.attribution} → {other.attribution}"
    return name if len(record.runs) == 2 else f"{name} ({pair.run})"


def explain_pairs(record: CompareRecord, pairs: Sequence[PairRecord]) -> Iterator[str]:
    """Yield what is to be known of pairs beside their numbers."""
    for pair in pairs:
        name = name_pair(record, pair)
        unshown = tell_unshown(pair)
        notes = (*([unshown] if unshown else []), *explain_care(pair), *tell_findings(pair))
        yield from (f"{name}: {note}" for note in notes)


def tell_unshown(pair: PairRecord) -> str:
    """Return the differences whose intervals hold 0; empty where there is none."""
    return "; ".join(
        f"{metric.heading} {write_change(as_estimate(metric))}"
        for metric in pair.metrics
        if metric.difference and metric.difference.low is not None
        if not metric.difference.excludes_0
    )


def explain_care(pair: PairRecord) -> Iterator[str]:
    """Yield what has to be read with care: units and seeds of one side alone, views, left out."""
    if pair.only_baseline or pair.only_candidate:
        counted = "they count in scores and Δ, not in transitions"
        yield (
            f"{write_units(pair.only_baseline)} units are in the baseline only, "
            f"{write_units(pair.only_candidate)} in the candidate only; "
            f"{counted if pair.own_units else 'they are in no number here'}"
        )
    if len(pair.seeds) > 1 or pair.seeds[0][0] != pair.seeds[0][1]:
        seeds = list_some(f"{other} → {one}" for one, other in pair.seeds)
        yield f"by seed, baseline → candidate: {seeds}"
    for whose, left in zip(("candidate", "baseline"), pair.unpaired, strict=True):
        if left:
            yield f"seeds of the {whose} alone: {list_some(map(str, left))}"
    if pair.other_view:
        yield (
            f"the views differ, {pair.other_view}: PT and IR compare models with their "
            "views, not models alone"
        )
    yield from (f"{label} left out: {why}" for label, why in pair.left_out.items())


def tell_findings(pair: PairRecord) -> Iterator[str]:
    """Yield what the tests of a pair bear, margins among them."""
    for found in pair.findings:
        of = "" if found.margin is None else f" of {100 * found.margin:g} points or more"
        about = "" if found.margin is None else f" in {list_some(found.metrics)}"
        yield f"{found.claim}{of}{about}"


def name_in_full(record: CompareRecord, pair: PairRecord) -> str:
    """Return the name of a pair with its data, explainer and validator."""
    return f"{name_pair(record, pair)} on {pair.candidate.dataset} · {judged_by(pair)}"


def list_states(pair: PairRecord) -> list[str]:
    """Return the quadrants, and of RU and WU those that any unit has by either run."""
    there = {*pair.transitions, *(state for row in pair.transitions.values() for state in row)}
    return [*QUADRANTS, *(state for state in ("RU", "WU") if state in there)]


def as_estimate(metric: MetricPairRecord) -> Estimate:
    """Return the difference of a metric that has one, as an estimate."""
    found = metric.difference
    assert found is not None
    return Estimate(
        value=found.value, low=found.low, high=found.high, over=found.over, count=0, p=found.p
    )


def write_p(found: DifferenceRecord, *, corrected: bool = False) -> str:
    """Return p of a difference; empty where too few units differ to say one."""
    p = found.p_corrected if corrected else found.p
    if p is None or found.few:
        return ""
    return "<.001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def shorten_alone(alone: str) -> str:
    """Return the name of a cell without a partner, of its run the folder's name alone."""
    path, _, label = alone.rpartition(": ")
    return f"{PurePath(path).name}: {label}"


def write_side(apart: ApartRecord, value: object) -> str:
    """Return what one run has where both differ.

    >>> found = ApartRecord(run=1, where="version of timm", baseline=None, candidate="1.0")
    >>> write_side(found, found.baseline), write_side(found, found.candidate)
    ('not loaded', '1.0')
    """
    if value is not None:
        return str(value)
    # A run that reused everything loads no library of models; it is there all the same.
    return "not loaded" if apart.where.startswith("version of ") else "nothing"


def explain_signs(record: CompareRecord, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield the signs of the tables with what they mean; ``where`` p is shown."""
    paired = "sample by sample" if any(pair.own_units for pair in record.pairs) else "unit by unit"
    yield (
        "Δ",
        f"candidate minus baseline in points, {paired}; ↑ ↓ where the "
        f"{100 * record.level:g} % interval leaves out 0",
    )
    over = {
        metric.difference.over for p in record.pairs for metric in p.metrics if metric.difference
    }
    if "seeds and images" in over or "seeds and clusters" in over:
        yield "seeds", "values are means; intervals speak of other seeds and of units like these"
    yield "p (Holm)", f"corrected for all pairs and metrics of one table{where}"
