"""The sentences on attributions whose sum is not what they promise."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.records.run import RunRecord
from rateval.wording import write_count


def explain_completeness(record: RunRecord) -> Iterator[str]:
    """Yield, for each cell whose attributions miss their sum too often, by how much."""
    found = {stage.identity: stage.completeness for stage in record.stages}
    for cell in record.cells:
        completeness = found.get(cell.identity)
        if completeness is None or not completeness.is_poor:
            continue
        yield (
            f"{record.label(cell.key)}: the attributions' sum misses the score difference by more "
            f"than 5 % in {completeness.beyond:,} of "
            f"{write_count(completeness.count, record.unit(cell.key.dataset))} (mean gap "
            f"{completeness.gap:.2g}, largest {completeness.largest:.2g}, of a mean difference of "
            f"{completeness.difference:.2g}); take more steps"
        )
