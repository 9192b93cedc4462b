"""Compare every pair of 40 cells on 50,000 images each: seconds, and the growth of memory.

The cells' rows are drawn at random and stored as stages store them; what is measured is the reading
of them and everything that run.json says of their pairs. Exits with 1 beyond 10 seconds.

    python benchmarks/comparing.py --cells 40 --images 50000
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rateval.api import Context
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.records.facts import FinetuneFacts, ScoreFacts
from rateval.registry.discovery import discover
from rateval.scoring.comparing import Comparer
from rateval.scoring.comparisons import Comparisons
from rateval.scoring.judged import Judged
from rateval.spec.document import Document
from rateval.store.rows import ROWS
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench

MOST_SECONDS = 10.0
HEADINGS = ("accuracy", "PT", "IR")


def plan(cells: int, cluster: str) -> Plan:
    """Return the plan of a study with so many methods on one test."""
    methods = [{"use": "ft", "name": f"m{number}"} for number in range(cells - 1)]
    spec = {
        "study": {"name": "made-up"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}, *methods],
        "statistics": {"cluster": cluster, "margin": 0.02},
    }
    return make_plan(Document("made-up", spec, ""), discover(third_party=False))


def judged(cell: Cell, folder: Path, images: int, seed: int) -> Judged:
    """Store rows of a cell, drawn at random, and return where they lie."""
    draw = np.random.default_rng(seed)
    ids = pa.array([f"{number:08d}" for number in range(images)])
    rows = {
        "index": pa.array(np.arange(images)),
        "id": ids,
        "label": pa.array(np.arange(images) % 1000, pa.int32()),
        "correct": pa.array(draw.random(images) < 0.4 + seed / 100),
        "mask_area": pa.array(np.where(draw.random(images) < 0.9, 0.3, np.nan), from_pandas=True),
    }
    verdicts = {"id": ids, "valid": pa.array(draw.random(images) < 0.5)}
    stored = [
        _store(stage, folder / f"{stage}-{seed}", table)
        for stage, table in (("infer", rows), ("judge", verdicts))
    ]
    facts = FinetuneFacts(trained=seed > 0, skipped=(), curve=(), told={})
    tuned = Stored("finetune", f"f{seed}", folder, facts.model_dump(), False, 0.0)
    scores = tuple(
        Stored(
            "score",
            f"s{seed}",
            folder,
            ScoreFacts(heading=heading, numerator=0, denominator=0).model_dump(),
            False,
            0.0,
        )
        for heading in HEADINGS
    )
    return Judged(cell, tuned, stored[0], (stored[1],), (scores,), (None,))


def _store(stage: str, folder: Path, rows: dict[str, pa.Array]) -> Stored:
    folder.mkdir()
    pq.write_table(pa.table(rows), folder / ROWS)
    return Stored(stage, folder.name, folder, {}, False, 0.0)


def peak() -> float:
    """Return the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(cells: int, images: int, cluster: str) -> float:
    """Print the seconds and the memory that all pairs take; return the seconds."""
    made = plan(cells, cluster)
    with tempfile.TemporaryDirectory() as folder:
        done: Sequence[Judged] = [
            judged(cell, Path(folder), images, seed) for seed, cell in enumerate(made.cells)
        ]
        comparisons = Comparisons(Comparer(made, Workbench(Context())))
        list(comparisons.record(done[:2]))  # what is imported and made but once
        before, begin = peak(), time.perf_counter()
        found = sum(1 for _ in comparisons.record(done))
        seconds = time.perf_counter() - begin
    print(
        f"{found} pairs of {cells} cells, {images:,} images, cluster = {cluster}: "
        f"{seconds:.1f} s, {peak() - before:.0f} MiB more",
        flush=True,
    )
    return seconds


def main() -> int:
    """Measure images one by one, and by class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--images", type=int, default=50_000)
    given = parser.parse_args()
    seconds = [measure(given.cells, given.images, cluster) for cluster in ("none", "class")]
    return int(seconds[0] > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
