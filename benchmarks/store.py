"""Time what the store's digests, manifests and locks cost, beside the plain reading and writing.

Each pair is timed in turns, and the median counts. Under two minutes on 2 cores:

    python benchmarks/store.py --megabytes 340 --images 50000 --rounds 5
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import safetensors.torch
import torch

import rateval
import rateval.store.manifest
import rateval.store.store
from rateval.json_file import read_json, write_json
from rateval.modelkit.writing import write_safetensors
from rateval.store import rows as tables
from rateval.store.store import Store

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart.toml"
LIMIT = 200
SMALL = 500
"""Results without files, such as scores are."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(
    what: str,
    baseline: tuple[str, Callable[[], object]],
    ours: tuple[str, Callable[[], object]],
    rounds: int,
) -> None:
    times = [(seconds(baseline[1]), seconds(ours[1])) for _ in range(rounds)]
    plain, more = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"{what:<22} {ours[0]} {1000 * more:.1f} ms = {more / plain:.2f} x {baseline[0]} "
        f"{1000 * plain:.1f} ms",
        flush=True,
    )


def write_classifier(state: Mapping[str, torch.Tensor], folder: Path) -> dict[str, Any]:
    write_safetensors(state, folder / "classifier.safetensors")
    return {}


def write_rows(count: int, folder: Path) -> dict[str, Any]:
    noise = np.random.default_rng(0)
    ids = [f"n{number:08}/image" for number in range(count)]
    probabilities = noise.random((count, 6)).astype(np.float32).tolist()
    columns = {"id": ids, "correct": [True] * count, "probabilities": probabilities}
    table = pa.table(columns)
    with tables.RowWriter(folder / tables.ROWS, table.schema) as writer:
        writer.write(table)
    tables.write_relevance(folder, noise.random((count, 14, 14)).astype(np.float16))
    return {"count": count}


def time_files(root: Path, megabytes: int, images: int, rounds: int) -> None:
    state = {f"{number}": torch.randn(250_000) for number in range(megabytes)}
    made = Store(root).make("finetune", {}, lambda folder: write_classifier(state, folder))
    weights = made.path / "classifier.safetensors"
    found = Store(root).make("infer", {}, lambda folder: write_rows(images, folder))

    def verified(stage: str, identity: str, read: Callable[[], object]) -> None:
        assert Store(root).find(stage, identity, whole=True) is not None
        read()

    def read_state() -> None:
        # The library maps the file into memory; summing reads it.
        sum(tensor.sum() for tensor in safetensors.torch.load_file(weights).values())

    def read_results() -> None:
        tables.read_rows(found.path)
        tables.read_relevance(found.path)

    compare(
        f"classifier of {megabytes} MB",
        ("reading", read_state),
        ("verifying and reading", lambda: verified("finetune", made.identity, read_state)),
        rounds,
    )
    compare(
        f"rows of {images:,}",
        ("reading", read_results),
        ("verifying and reading", lambda: verified("infer", found.identity, read_results)),
        rounds,
    )
    shutil.rmtree(root)

    def write() -> None:
        write_safetensors(state, root / "plain.safetensors")
        shutil.rmtree(root)

    def make() -> None:
        Store(root).make("finetune", {}, lambda folder: write_classifier(state, folder))
        shutil.rmtree(root)

    compare(
        f"classifier of {megabytes} MB",
        ("writing", write),
        ("writing and sealing", make),
        rounds,
    )


def time_small(root: Path, rounds: int) -> None:
    facts = {"heading": "PT", "numerator": 3, "denominator": 7}
    turn = 0

    def make_plain() -> None:
        nonlocal turn
        turn += 1
        for number in range(SMALL):
            folder = root / "plain" / f"{turn}-{number}"
            folder.mkdir(parents=True)
            write_json(folder / "manifest.json", facts)

    def make() -> None:
        store = Store(root)
        for number in range(SMALL):
            store.make("score", {"turn": turn, "number": number}, lambda _: facts)

    def find_plain() -> None:
        for path in (root / "score").iterdir():
            read_json(path / "manifest.json")

    def find() -> None:
        store = Store(root)
        for path in (root / "score").iterdir():
            assert store.find("score", path.name, whole=True) is not None

    compare(f"{SMALL} scores", ("writing JSON", make_plain), ("making", make), rounds)
    compare("all scores", ("reading JSON", find_plain), ("finding", find), rounds)


def time_quickstart(root: Path) -> None:
    spent = dict.fromkeys(("seal", "check_files", "read_manifest"), 0.0)

    def timed(name: str) -> None:
        plain = getattr(rateval.store.manifest, name)

        def work(*arguments: Any, **more: Any) -> Any:
            started = time.perf_counter()
            try:
                return plain(*arguments, **more)
            finally:
                spent[name] += time.perf_counter() - started

        setattr(rateval.store.store, name, work)

    for name in spent:
        timed(name)
    for what in (f"quickstart, {LIMIT} samples", "the same again"):
        spent |= dict.fromkeys(spent, 0.0)
        took = seconds(lambda: rateval.run(QUICKSTART, output=root / "runs", limit=LIMIT))
        parts = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in spent.items())
        share = 100 * sum(spent.values()) / took
        print(f"{what:<22} {share:.2f} % of a run of {took:.1f} s: {parts}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=340, help="of a classifier")
    parser.add_argument("--images", type=int, default=50_000, help="in a test split")
    parser.add_argument("--rounds", type=int, default=5, help="timed repetitions of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rateval-store-") as folder:
        root = Path(folder)
        time_files(root / "files", options.megabytes, options.images, options.rounds)
        time_small(root / "small", options.rounds)
        time_quickstart(root)


if __name__ == "__main__":
    main()
