"""Maps of single tokens of what a cell answered, for some of the units that there are pictures of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.tasks.texts import TokenMaps
from rateval.api.training import Monitor
from rateval.api.values import Skipped
from rateval.data.batches import Batch
from rateval.records.facts import TokensFacts
from rateval.store import rows as tables
from rateval.store.tables.pictures import read_pictures, take_turns
from rateval.store.tables.tokens import pack_maps, write_tokens
from rateval.workbench.cell import Job
from rateval.workbench.maps import scale_maps
from rateval.workbench.tokens import explain_tokens


@dataclass(frozen=True, slots=True)
class Drawn:
    """A unit whose tokens are explained."""

    id: str
    index: int
    """Position of its image in the test split."""
    text: str
    """What was answered."""


def tokens(
    job: Job, drawn: Sequence[Drawn], most: int, monitor: Monitor, folder: Path
) -> TokensFacts:
    """Write the maps of the first ``most`` tokens of each unit's text; return their counts."""
    monitor.begin(len(drawn))
    rows: list[dict[str, Any]] = []
    waiting = iter(drawn)
    for batch in job.batches([one.index for one in drawn]):
        count = len(batch) + len(batch.skipped)
        rows += _explain(job, batch, [next(waiting) for _ in range(count)], most)
        monitor.advance(count)
    write_tokens(folder, rows)
    return TokensFacts(
        count=len(rows),
        tokens=sum(len(row.get("starts", ())) for row in rows),
        undefined=dict(Counter(row["undefined"] for row in rows if "undefined" in row)),
    )


def list_drawn(pictured: Path, strata: Sequence[str], inferred: Path, count: int) -> list[Drawn]:
    """Return the first ``count`` units with a picture that a cell answered by a text.

    ``pictured`` is a file of pictures. They are those that a page keeps longest.
    """
    rows = take_turns(read_pictures(pictured).to_pylist(), strata)
    said = tables.read_rows(inferred, ["id", "output"])
    texts = dict(zip(said["id"].to_pylist(), said["output"].to_pylist(), strict=True))
    able = (row for row in rows if row["undefined"] is None and texts.get(row["id"]) is not None)
    found = [Drawn(row["id"], row["index"], texts[row["id"]]) for row in able][:count]
    return sorted(found, key=lambda one: one.index)  # stable


def _explain(
    job: Job, batch: Batch, drawn: Sequence[Drawn], most: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a batch; what could not be read says why."""
    lost = {skipped.id: skipped for skipped in batch.skipped}
    there = [one for one in drawn if one.index in batch.indices]
    texts = [one.text for one in there]
    found = iter(explain_tokens(job, batch, texts, most) if there else ())
    for one in drawn:
        row = {"id": one.id, "text": one.text}
        yield row | (_show(next(found)) if one in there else _explain_lost(lost.get(one.id)))


def _show(found: TokenMaps) -> dict[str, Any]:
    if not found.spans:
        return {"undefined": "no token of the answer has a character"}
    maps, _ = scale_maps(found.relevance)
    return {
        "starts": [start for start, _ in found.spans],
        "stops": [stop for _, stop in found.spans],
        "rows": maps.shape[1],
        "cols": maps.shape[2],
        "relevance": pack_maps(maps),
    }


def _explain_lost(skipped: Skipped | None) -> dict[str, str]:
    return {"undefined": "the image can't be read any more" if skipped is None else skipped.reason}
