"""Maps of single tokens of what a cell answered, for some units that there are pictures of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.tasks.texts import TokenMaps
from rateval.api.training import Monitor
from rateval.records.facts import TokensFacts
from rateval.store import rows as tables
from rateval.store.tables.pictures import read_pictures, take_turns
from rateval.store.tables.samples import has_samples
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
    """Write the maps of the first ``most`` tokens of each unit's text; return their counts.

    What was said of an image is explained once, however many units it has.
    """
    of_image: dict[int, list[Drawn]] = {}
    for one in drawn:
        of_image.setdefault(one.index, []).append(one)
    positions = sorted(of_image)
    monitor.begin(len(positions))
    found: dict[int, TokenMaps] = {}
    for batch in job.batches(positions):
        if len(batch):
            texts = [of_image[index][0].text for index in batch.indices]
            maps = explain_tokens(job, batch, texts, most)
            found.update(zip(batch.indices, maps, strict=True))
        monitor.advance(len(batch) + len(batch.skipped))
    rows = [
        {"id": one.id, "text": one.text} | _show(found.get(index))
        for index in positions
        for one in of_image[index]
    ]
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
    place = tables.POSITION if has_samples(inferred) else "index"
    said = tables.read_rows(inferred, ["id", place, "output"])
    columns = (said[name].to_pylist() for name in ("id", place, "output"))
    known = {one.id: one for one in map(Drawn, *columns)}
    able = (known.get(row["id"]) for row in rows if row["undefined"] is None)
    return [one for one in able if one is not None][:count]


def _show(found: TokenMaps | None) -> dict[str, Any]:
    """Return the columns of maps; None where there is no image any more."""
    if found is None:
        return {"undefined": "the image can't be read any more"}
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
