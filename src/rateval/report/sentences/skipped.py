"""The sentences on samples that were left out: once for each dataset, the worst reasons first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.run import RunRecord
from rateval.records.scores.cell import SkippedRecord
from rateval.records.scores.grouping import group_by
from rateval.wording import list_some, write_count

REASONS_SHOWN = 4
"""Reasons that are printed for each split; ``run.json`` holds all samples with theirs."""


def explain_skipped(record: RunRecord) -> Iterator[str]:
    """Yield, for each dataset, how many samples were skipped and why.

    Damaged and missing files come first, by name, then the reasons of most samples, each with the
    first of them.
    """
    for cells in group_by(record.cells, lambda cell: cell.key.dataset):
        test = [cell.skipped for cell in cells]
        trained = [cell for cell in cells if cell.trained or cell.skipped_in_training]
        training = [cell.skipped_in_training for cell in trained]
        for split, found in (("test", test), ("training", training)):
            yield from _explain(cells[0].key.dataset, split, found)


def _explain(dataset: str, split: str, found: Sequence[tuple[SkippedRecord, ...]]) -> Iterator[str]:
    every = {sample.id: sample for rows in found for sample in rows}
    if not every:
        return
    counts = {len(rows) for rows in found}
    some = f", {min(counts)} to {max(counts)} in each row" if len(counts) > 1 else ""
    groups: dict[tuple[bool, str], list[SkippedRecord]] = {}
    for sample in every.values():
        kind = sample.reason.partition(": ")[0]
        groups.setdefault((sample.damaged, kind), []).append(sample)
    worst = sorted(groups.items(), key=lambda group: (not group[0][0], -len(group[1])))
    yield f"{dataset}: {write_count(len(every), f'{split} sample')} skipped{some}"
    for (damaged, kind), samples in worst[:REASONS_SHOWN]:
        yield f"  · {len(samples)} × {_explain_group(kind, samples, named=damaged)}"
    if len(worst) > REASONS_SHOWN:
        left = sum(len(samples) for _, samples in worst[REASONS_SHOWN:])
        yield f"  · {left} × for {len(worst) - REASONS_SHOWN} more reasons, in run.json"


def _explain_group(kind: str, samples: list[SkippedRecord], *, named: bool) -> str:
    first = samples[0]
    why = first.reason.removeprefix(kind).removeprefix(": ")
    names = list_some(sample.id for sample in samples) if named else f"such as {first.id}"
    which = "the first: " if named and len(samples) > 1 else ""
    return f"{kind}: {names}" + (f"; {which}{why}" if why else "")
