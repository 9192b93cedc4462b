"""Compare the report of a large run with that of a small one, in CPU time per cell.

Records are made up, in the four shapes that studies grow into; each is loaded from its run.json
and printed at two widths. A ratio of 1 says that time grows as the number of cells does; columns
widen with their labels, so that a little above 1 is to be expected. Takes about 2 minutes.

    python benchmarks/report.py --cells 2000 20000
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

from rateval.console import Console
from rateval.records.about.dataset import DatasetRecord
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord, load
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.step import FailureRecord
from rateval.report.terminal.report import render
from rateval.scoring.seeds import summarise_seeds

METRICS = ("accuracy", "PT", "IR")
WIDTHS = (80, 140)
SHAPES = ("one table", "many tables", "seeds", "failures")


def keys(shape: str, cells: int) -> Iterator[Key]:
    """Yield the names of a study's cells: which label takes many values is its shape."""
    datasets, attributions = (cells // 20, 2) if shape == "many tables" else (1, 1)
    seeds = 5 if shape == "seeds" else 1
    methods = cells // (datasets * attributions * seeds * 5)
    for dataset, attribution, model, method, seed in product(
        range(datasets), range(attributions), range(5), range(methods), range(seeds)
    ):
        yield Key(
            dataset=f"data-{dataset}",
            model=f"model-{model}",
            finetuner="zs" if method == 0 else f"ft-{method}",
            attribution=f"explainer-{attribution}",
            seed=seed,
        )


def cell(key: Key, number: int) -> CellRecord:
    """Make up the results of one cell."""
    scores = tuple(
        ScoreRecord(
            metric=metric,
            heading=metric,
            value=Estimate(
                value=(number % 90 + at) / 100,
                low=0.1,
                high=0.95,
                numerator=number % 90 + at,
                denominator=100,
                over="images",
                count=100,
            ),
        )
        for at, metric in enumerate(METRICS)
    )
    evidence = StoredEvidenceRecord(
        validator="relevance-mass",
        identity=f"{number:032x}",
        quadrants={"RR": 10, "RW": 20, "WR": 30, "WW": 40},
        undefined={"constant relevance": 1} if number % 3 == 0 else {},
        scores=scores,
    )
    return CellRecord(
        key=key,
        trained=key.finetuner != "zs",
        identity=f"{number:032x}",
        classifier=f"{number:032x}",
        count=100,
        skipped=(),
        skipped_in_training=(),
        evidence=(evidence,),
    )


def record(shape: str, cells: int) -> RunRecord:
    """Make up a run of this many cells."""
    planned = tuple(islice(keys(shape, cells), cells))
    broken = [key for at, key in enumerate(planned) if shape == "failures" and at % 4 == 1]
    done = [cell(key, at) for at, key in enumerate(planned) if key not in set(broken)]
    failures = [
        FailureRecord(stage="infer", label=key.row, error=f"ValueError: {at}", cells=(key,))
        for at, key in enumerate(broken)
    ]
    seeds = tuple(dict.fromkeys(key.seed or 0 for key in planned))
    return RunRecord(
        study="made-up",
        status="finished",
        error=None,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        spec_name="spec.toml",
        spec_given="# made up",
        spec_resolved={"metric": [{"name": name} for name in METRICS]},
        seeds=seeds,
        limit=None,
        environment=EnvironmentRecord(
            python="3",
            platform="none",
            processor="none",
            cores=1,
            threads=1,
            device="cpu",
            distributions={},
            git=None,
        ),
        datasets=tuple(
            DatasetRecord(
                name=name,
                classes=("a", "b"),
                train_identity=None,
                train_count=0,
                test_identity="t",
                test_count=100,
            )
            for name in dict.fromkeys(key.dataset for key in planned)
        ),
        planned=planned,
        stages=(),
        cells=tuple(done),
        failures=tuple(failures),
        over_seeds=tuple(summarise_seeds(done)) if len(seeds) > 1 else (),
    )


def seconds(folder: Path) -> float:
    """Return the CPU time of loading a run and printing its report."""
    started = time.process_time()
    loaded = load(folder)
    for width in WIDTHS:
        Console(file=io.StringIO(), width=width).print(render(loaded, width), crop=False)
    return (time.process_time() - started) / len(WIDTHS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs=2, default=(2000, 20000), help="small, large")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, choices=SHAPES)
    options = parser.parse_args()
    small, large = options.cells
    print(f"CPU seconds of one report\n{'':14}{small:>10,}{large:>10,} cells   per cell, ratio")
    for shape in options.shapes:
        took = []
        for cells in (small, large):
            with tempfile.TemporaryDirectory() as folder:
                record(shape, cells).save(Path(folder))
                took.append(seconds(Path(folder)))
            print(f"{shape if cells == small else '':{14 if cells == small else 0}}", end="")
            print(f"{took[-1]:>10.2f}", end="", flush=True)
        print(f"{took[1] / took[0] * small / large:>24.2f}", flush=True)


if __name__ == "__main__":
    main()
