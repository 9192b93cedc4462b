"""Measure what a run of a million rows takes to be scored, reported, compared and exported.

A run is made up of generated rows, masks and maps in the store's own format: one dataset, two
methods, two explainers, so four cells of so many rows each. Nothing is predicted, and maps are
judged by a loop of this file's; the rest is what a run does: verdicts are counted and compared.
Then each command works on that run in a process of its own. Prints the most memory that each held,
and its seconds of the processor, at a tenth of the rows and at all of them: the ratio of memory
tells what grows with the rows, beside what Python and the libraries take. Rows are exported of one
cell. Takes about half an hour, and 3 GB of disk at a million rows.

    python benchmarks/million_rows.py --rows 1000000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rateval.api import Step, StepEnd, Work
from rateval.api.training import Monitor
from rateval.records.facts import FinetuneFacts, InferFacts, JudgeFacts
from rateval.store import rows as tables
from rateval.store.relevance import RelevanceWriter
from rateval.store.store import Store

CLASSES, GRID, VIEW, SHARD = 10, (7, 7), (28, 28), 512

DATASET = f'''
from rateval.api import Context, Params, Skipped


class Listed(Params):
    images: int = 0
    """Samples that are listed and never read."""


class Split:
    has_masks = True

    def __init__(self, images):
        self.identity = f"listed {{images}}"
        self.images = images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        return Skipped(str(index), "never read")


class Dataset:
    has_masks = True
    classes = tuple(f"class {{at}}" for at in range({CLASSES}))

    def __init__(self, params):
        self.train, self.test = Split(8), Split(params.images)


def make(params: Listed, context: Context) -> Dataset:
    return Dataset(params)
'''

PAIR = ("--pair", "clip · zs*", "clip · ft*")
RULES = ("--require", "pt>=0.5", "--require", "pt drop<=0.02")
EXPORT = ("export", "RUN", "--format")
ROWS = ("--what", "rows", "--cell", "clip · zs on listed · raw")
COMMANDS: dict[str, Sequence[str]] = {
    "report": ("report", "RUN"),
    "report --details": ("report", "RUN", "--details"),
    "report --html": ("report", "RUN", "--html", "OUT.html"),
    "score": ("score", "RUN", "--level", "0.9", "--quiet"),
    "compare": ("compare", "RUN", "RUN", *PAIR),
    "compare --changed": ("compare", "RUN", "RUN", *PAIR, "--changed", "OUT.csv"),
    "compare --html": ("compare", "RUN", "RUN", *PAIR, "--html", "OUT.html"),
    "gate": ("gate", "RUN", *RULES, "--against", "zs", "--method", "ft"),
    "gate worst class": ("gate", "RUN", "--require", "pt>=0.5 worst class"),
    "export csv, cells": (*EXPORT, "csv", "--output", "OUT.csv"),
    "export latex": (*EXPORT, "latex", "--output", "OUT.tex"),
    "export model-card": (*EXPORT, "model-card", "--cell", "clip · ft*", "--output", "OUT.md"),
    "export junit": (*EXPORT, "junit", "--output", "OUT.xml"),
    "export csv, rows": (*EXPORT, "csv", *ROWS, "--output", "OUT.csv"),
    "export json, rows": (*EXPORT, "json", *ROWS, "--output", "OUT.json"),
    "export parquet, rows": (*EXPORT, "parquet", *ROWS, "--output", "OUT.parquet"),
}
"""What is measured, on the folder of a run."""


class Generating:
    """An executor that leaves generated predictions, and does all else in this process."""

    capacity = 1

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Step, Monitor]] = deque()

    def start(self, work: Work) -> None:
        """Keep what does a step."""
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step."""
        self._waiting.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        """Do the step that has waited longest."""
        if not self._waiting:
            return []
        step, monitor = self._waiting.popleft()
        if step.stage not in ("finetune", "infer", "judge"):
            return [self._work(step, monitor)]
        inferred = [self._store.path_of("infer", needed) for needed in step.needs]
        make = judge if step.stage == "judge" else generate
        self._store.make(step.stage, step.inputs, lambda folder: make(step, folder, inferred))
        return [StepEnd(step.identity, 0.0)]

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()


def judge(step: Step, folder: Path, inferred: Sequence[Path]) -> Mapping[str, Any]:
    """Leave verdicts by the share of relevance on the mask, as a validator's loop has them."""
    correct = tables.read_rows(inferred[0], ["correct"]).column(0).to_numpy()
    maps, start, parts = tables.read_relevance(inferred[0]), 0, []
    for ids, masks, present in tables.read_masks(inferred[0], 4096):
        count, there = len(ids), np.array(present)
        coarse = masks.reshape(count, GRID[0], 4, GRID[1], 4).mean(axis=(2, 4))
        here = maps[start : start + count].astype(np.float32)
        score = (here * coarse).sum(axis=(1, 2)) / here.sum(axis=(1, 2))
        reasons = pa.array([None if sure else tables.NO_MASK for sure in present], pa.string())
        columns = [
            pa.array(ids),
            pa.array(score.astype(np.float32), mask=~there),
            pa.array((score.astype(np.float32) >= np.float32(0.4)) & there),
            reasons,
        ]
        parts.append(pa.RecordBatch.from_arrays(columns, schema=tables.VERDICTS))
        start += count
    table = pa.Table.from_batches(parts)
    with tables.RowWriter(folder / tables.ROWS, tables.VERDICTS) as writer:
        writer.write(table)
    valid = table.column("valid").to_numpy()
    known = table.column("undefined").is_null().to_numpy()
    states = {"R": correct, "W": ~correct}
    quadrants = {
        one + other: int((states[one] & known & (valid if other == "R" else ~valid)).sum())
        for one in "RW"
        for other in "RW"
    }
    quadrants |= {f"{one}U": int((states[one] & ~known).sum()) for one in "RW"}
    undefined = {tables.NO_MASK: int((~known).sum())}
    return JudgeFacts(undefined=undefined, quadrants=quadrants).model_dump(mode="json")


def generate(step: Step, folder: Path, needed: Sequence[Path]) -> Mapping[str, Any]:
    """Leave what a step would; images are the same in all cells, answers are not."""
    if step.stage == "finetune":
        trained = "zs" not in step.label
        (folder / "nothing").write_text("generated")
        facts = FinetuneFacts(trained=trained, skipped=(), curve=(), told={})
        return facts.model_dump(mode="json")
    count = step.units or 0
    schema = tables.rows_schema(_task())
    masks = tables.masks_schema(*VIEW)
    with (
        tables.RowWriter(folder / tables.ROWS, schema) as rows_file,
        tables.RowWriter(folder / tables.MASKS, masks) as masks_file,
        RelevanceWriter(folder, (count, *GRID)) as maps_file,
    ):
        for start in range(0, count, SHARD):
            stop = min(start + SHARD, count)
            part, areas, packed, maps = _shard(step.label, start, stop)
            ids = pa.array(part["id"])
            part["mask_area"] = areas
            columns = [_column(part[field.name], field.type) for field in schema]
            rows_file.write(pa.RecordBatch.from_arrays(columns, schema=schema))
            bits = pa.array(packed, pa.binary())
            masks_file.write(pa.RecordBatch.from_arrays([ids, bits], schema=masks))
            maps_file.write(maps)
    return InferFacts(count=count, skipped=()).model_dump(mode="json")


def _task() -> pa.Schema:
    from rateval.tasks.classification import OneOf

    return OneOf(CLASSES).schema


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(values.reshape(-1), CLASSES)
    return pa.array(values, kind)


def _shard(
    label: str, start: int, stop: int
) -> tuple[dict[str, Any], pa.Array, list[bytes | None], np.ndarray]:
    """Return columns, mask areas, packed masks and maps of some images of a cell."""
    images = np.random.default_rng([start, 1])
    answers = np.random.default_rng([start, *label.encode()])
    count = stop - start
    labels = images.integers(CLASSES, size=count)
    corners = images.integers(4, 12, size=(count, 2))
    across = np.arange(VIEW[0])
    inside = (across[None, None] >= corners[..., None]) & (across < corners[..., None] + 12)
    masks = inside[:, 0, :, None] & inside[:, 1, None, :]
    there = images.random(count) > 0.01
    logits = answers.normal(size=(count, CLASSES))
    logits[np.arange(count), labels] += 2.0
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    predictions = odds.argmax(axis=1)
    coarse = masks.reshape(count, GRID[0], 4, GRID[1], 4).mean(axis=(2, 4))
    maps = answers.random((count, *GRID)) + answers.random((count, 1, 1)) * 4 * coarse
    part = {
        "index": np.arange(start, stop),
        "id": [f"n{at % CLASSES:08}/ILSVRC2012_val_{at:08}.JPEG" for at in range(start, stop)],
        "label": labels,
        "prediction": predictions,
        "correct": predictions == labels,
        "probabilities": odds.astype(np.float32),
        "relevance_max": maps.max(axis=(1, 2)).astype(np.float32),
    }
    scaled = (maps / maps.max(axis=(1, 2), keepdims=True)).astype(np.float16)
    areas = pa.array(masks.mean(axis=(1, 2)).astype(np.float32), mask=~there)
    return part, areas, tables.pack_masks(masks, tuple(there)), scaled


def make_run(folder: Path, rows: int) -> None:
    """Carry out a study of so many rows a cell, with generated predictions."""
    from rateval.engine.executors.checked import CheckedExecutor
    from rateval.engine.runner import Runner
    from rateval.facade import open_spec
    from rateval.plan.planning import make_plan
    from rateval.progress import Reporter
    from rateval.registry.discovery import discover

    (folder / "listed.py").write_text(DATASET)
    spec = {
        "study": {"name": "rows"},
        "dataset": [{"use": f"{folder}/listed.py:make", "name": "listed", "images": rows}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}, {"use": "ft"}],
        "attribution": [
            {"use": "generic-attention", "name": "raw"},
            {"use": "generic-attention", "name": "margin", "score": "margin"},
        ],
        "evidence": [{"use": "relevance-mass", "threshold": 0.4}],
        "metric": [{"use": "accuracy"}, {"use": "pt"}, {"use": "ir"}],
        "report": {"pictures": 0},
        # A step is generated as a whole.
        "run": {"output": str(folder / "runs"), "device": "cpu", "shard_size": rows},
    }
    registry = discover()
    runner = Runner(make_plan(open_spec(spec), registry), registry, Reporter())
    executor = Generating(Store(folder / "runs/store"))
    runner._executor = CheckedExecutor(executor, "generating", "this benchmark")
    record = runner.run()
    failures = "; ".join(failure.error for failure in record.failures)
    if failures:
        raise SystemExit(failures)


def measure(command: Sequence[str], log: Path) -> tuple[float, float, int]:
    """Run a command; return its seconds of the processor, the most GB it held, and its exit."""
    with log.open("ab") as file:
        child = subprocess.Popen([sys.executable, *command], stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9, child.returncode


def measure_all(folder: Path, rows: int, only: str) -> Iterator[tuple[str, float, float]]:
    """Yield each thing that is measured, with its seconds and GB. Ends where one fails."""
    log = folder / "log.txt"

    def run(name: str, command: Sequence[str], fine: Sequence[int] = (0,)) -> tuple[Any, ...]:
        clock = time.perf_counter()
        seconds, memory, code = measure(command, log)
        took = time.perf_counter() - clock
        print(
            f"  {rows:9,} {name:22} {seconds:7.1f} s CPU {took:7.1f} s {memory:6.2f} GB", flush=True
        )
        if code not in fine:
            raise SystemExit(f"{name} ended with {code}: {log.read_text()[-3000:]}")
        return name, seconds, memory

    made = ("--make", str(folder), "--rows", str(rows))
    yield run("the run itself", (str(Path(__file__).resolve()), *made))
    (made_run,) = [path for path in (folder / "runs").iterdir() if path.name.startswith("rows-")]
    for name, command in COMMANDS.items():
        if not name.startswith(only):
            continue
        given = [str(made_run) if word == "RUN" else word for word in command]
        given = [str(folder / word) if word.startswith("OUT") else word for word in given]
        yield run(name, ("-m", "rateval", *given), (0, 3, 4) if command[0] == "gate" else (0,))
        for left in folder.glob("OUT*"):
            if left.is_file():
                left.unlink()


def main() -> None:
    """Print what each command takes at a tenth of the rows and at all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each of four cells")
    parser.add_argument("--once", action="store_true", help="all of the rows alone")
    parser.add_argument("--only", default="", help="commands that begin so")
    parser.add_argument(
        "--folder", default=None, help="where the runs go (default: a temporary one)"
    )
    parser.add_argument("--make", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make is not None:
        make_run(Path(asked.make), asked.rows)
        return
    found: dict[str, list[tuple[float, float]]] = {}
    for rows in (asked.rows,) if asked.once else (asked.rows // 10, asked.rows):
        with tempfile.TemporaryDirectory(prefix="rateval-rows-", dir=asked.folder) as name:
            for what, seconds, memory in measure_all(Path(name), rows, asked.only):
                found.setdefault(what, []).append((seconds, memory))
    for what, both in found.items():
        grows = f", {both[-1][1] / both[0][1]:5.2f} times the memory" if len(both) > 1 else ""
        print(
            f"{what:22}"
            + "".join(f" {seconds:8.1f} s {memory:6.2f} GB" for seconds, memory in both)
            + grows
        )


if __name__ == "__main__":
    main()
