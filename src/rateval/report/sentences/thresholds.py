"""The sentences on chance, and on thresholds by which methods change places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.chance import ChanceRecord, CrossingsRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.grouping import group_by
from rateval.report.rows import Block
from rateval.wording import plural

ROWS_SHOWN = 12
"""Rows of a table whose chance is told, and changes of places; ``run.json`` holds all of them."""


def explain_chance(block: Block) -> Iterator[str]:
    """Yield one sentence on what chance makes valid by the validator of a table."""
    rows = [
        (row.key, row.evidence.chance)
        for row in block.rows
        if row.evidence is not None and row.evidence.chance is not None
    ]
    known = [(key, chance) for key, chance in rows if chance.others.value is not None]
    if not known:
        return
    units = plural(block.unit)
    if len(known) == 1:
        told = f"masks call {_share(known[0][1].others)} of other {units}' maps valid"
    else:
        named = [f"{_share(chance.others)} by {_name(key, block)}" for key, chance in known]
        left = len(named) - ROWS_SHOWN
        more = [f"and {left} more rows in run.json"] if left > 0 else []
        listed = ", ".join(named[:ROWS_SHOWN] + more)
        told = f"of other {units}' maps, masks call valid {listed}"
    yield f"chance: {told}; {_tell_priors(known)}"
    yield from _explain_boxes(known, block)


def _explain_boxes(known: list[tuple[Key, ChanceRecord]], block: Block) -> Iterator[str]:
    """Yield what of each row's own maps random boxes call valid; nothing where none were asked."""
    found = [(key, chance.boxes) for key, chance in known if chance.boxes is not None]
    if not found:
        return
    told = []
    for key, boxes in found[:ROWS_SHOWN]:
        whose = f"by {_name(key, block)} " if len(found) > 1 else ""
        right = "" if boxes.right.value is None else f", {_share(boxes.right)} of right answers'"
        told.append(f"{whose}{_share(boxes.every)} of the maps{right}")
    left = len(found) - ROWS_SHOWN
    more = [f"and {left} more rows in run.json"] if left > 0 else []
    yield "random boxes call valid " + "; ".join(told + more)


def _tell_priors(known: list[tuple[Key, ChanceRecord]]) -> str:
    """Return what maps of no model come to: once where it is the same for all rows."""
    alike = group_by(known, lambda one: _priors(one[1]))
    texts = []
    for same in alike:
        models = dict.fromkeys(key.model for key, _ in same)
        whose = f" ({', '.join(models)})" if len(alike) > 1 else ""
        texts.append(_priors(same[0][1]) + whose)
    return "; ".join(texts)


def _priors(chance: ChanceRecord) -> str:
    none = chance.uniform_undefined and not chance.uniform.value
    without = " (it has no score)" if none else ""
    return (
        f"a uniform map {_percent(chance.uniform)}{without}, the centre {_percent(chance.centre)}"
    )


def _share(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return _percent(found)
    ends = f"{100 * found.low:.1f} to {100 * found.high:.1f}".replace("-", "−")
    return f"{_percent(found)} ({ends})"


def _percent(found: Estimate) -> str:
    return f"{100 * (found.value or 0):.1f} %"


def explain_chance_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield over what chance is counted."""
    unit = record.unit()
    if any(evidence.chance for result in record.results for evidence in result.evidence):
        yield (
            "chance",
            f"how often a mask calls a map valid that is not of its {unit}; PT should be well "
            f"above it. Three such maps: of the cell's other {plural(unit)}, over up to 2,000 "
            "pairs; a uniform one, the same everywhere; the centre, a round bump in the middle, "
            "whose deviation is a quarter of the view",
        )
    chances = [evidence.chance for result in record.results for evidence in result.evidence]
    if any(chance and chance.boxes for chance in chances):
        yield (
            "random boxes",
            "how often a cell's own map is valid in a box of the mask's area, placed anywhere; for "
            "right answers this is PT by chance",
        )


Clear = Mapping[tuple[Key, str], Sequence[CrossingsRecord]]
"""Row and label of a validator to what crosses zero-shot clearly."""


def find_clear(record: RunRecord) -> Clear:
    """Return where each row changes places with a zero-shot one clearly."""
    untrained = {cell.key.seedless for cell in record.cells if not cell.trained}
    found: dict[tuple[Key, str], list[CrossingsRecord]] = {}
    for pair in record.crossings:
        if pair.against.seedless in untrained and any(turn.clear for turn in pair.shown):
            found.setdefault((pair.method, pair.validator), []).append(pair)
    return found


def explain_crossings(block: Block, clear: Clear) -> Iterator[str]:
    """Yield a sentence on where rows change places with zero-shot clearly; none where none do."""
    told: dict[str, None] = {}
    for pair in (p for row in block.rows for p in clear.get((row.key, block.validator), ())):
        ours, theirs = _name(pair.method, block), _name(pair.against, block)
        for turn in (turn for turn in pair.shown if turn.clear):
            before, after = ("below", "above") if turn.rises else ("above", "below")
            # What crosses several times between two clear orders changes places once.
            told[
                f"{turn.metric} of {ours} is clearly {before} that of {theirs} at "
                f"{turn.clear_below:g}, {after} it at {turn.clear_above:g}"
            ] = None
    if told:
        left = len(told) - ROWS_SHOWN
        more = [f"and {left} more in run.json"] if left > 0 else []
        yield "order by threshold: " + "; ".join([*list(told)[:ROWS_SHOWN], *more])


def _name(key: Key, block: Block) -> str:
    """Return a row's name below its table: the method's where all rows are of one model."""
    alone = len({row.key.model for row in block.rows}) == 1
    return key.finetuner + (f", {key.shift.text}" if key.shift else "") if alone else key.row
