"""Weigh and open the page of made-up runs of 10, 50 and 200 cells of 50,000 images each.

Beside them stands the page of the same run without a cell: the same scripts and styles, and
nothing to draw. Pictures are noise, as many bytes as photos have. A page is open once all cards in
the window are drawn; each is opened in a browser's context of its own, in turns, and the median
counts: of seconds, and of CPU seconds of the thread that all of a page's work is done by, which
tell less of what else the machine does. About 3 minutes on 2 cores:

    python benchmarks/page.py --cells 10 50 200 --rounds 5
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.run import RunRecord, load
from rateval.report.html.page import write_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GENERATOR = Path(__file__).parents[1] / "tests" / "rateval" / "report" / "html" / "conftest.py"
BASELINE = "no cell"
PATIENCE = 60.0
"""Seconds that a page may take to open."""

DRAWN = (
    "(() => { document.getElementById('gallery').scrollIntoView();"
    " const seen = [...document.querySelectorAll('#gallery .card')]"
    ".filter((one) => one.getBoundingClientRect().top < innerHeight);"
    " const done = seen.every((one) => one.querySelector('img') || one.querySelector('.missing'));"
    " return document.readyState === 'complete' && done ? performance.now() : 0 })()"
)
"""Milliseconds since the page was asked for, once what can be seen is there; until then 0."""


def find_generator() -> ModuleType:
    """Return the module of the page's tests, which makes up runs."""
    spec = importlib.util.spec_from_file_location("made_up", GENERATOR)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{GENERATOR}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_runs(generator: ModuleType, folder: Path, counts: list[int]) -> dict[str, RunRecord]:
    """Return made-up runs by name, all over the same stored results; the first has no cell."""
    chance = np.random.default_rng(0)
    generator._store_cell(folder / "store", chance)
    generator._store_pictures(folder / "store", chance)
    runs: dict[str, RunRecord] = {}
    for count in (0, *counts):
        setattr(generator, "CELLS", count)  # noqa: B010  # a module of any names
        record: RunRecord = generator._record_of_many()
        name = f"{count} cells" if count else BASELINE
        record.save(folder / name)
        runs[name] = load(folder / name)
    return runs


def open_page(browser: Browser, file: Path) -> tuple[float, float]:
    """Return the seconds until what can be seen of a page's gallery is there, and its CPU's."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(file.as_uri())
    until = time.monotonic() + PATIENCE
    while not (found := float(page.evaluate(DRAWN))):
        if time.monotonic() > until:
            raise SystemExit(f"{file.stem}: this page did not open within {PATIENCE:g} s")
        page.wait_for_timeout(10)
    metrics = session.send("Performance.getMetrics")["metrics"]
    context.close()
    busy = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
    return found / 1000, float(busy)


def open_all(
    chromium: str, files: Mapping[str, Path], rounds: int
) -> dict[str, tuple[float, float]]:
    """Return the medians of the seconds, and of the CPU seconds, that each page takes to open."""
    from playwright.sync_api import sync_playwright

    took: dict[str, list[tuple[float, float]]] = {name: [] for name in files}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(rounds):
            for name, file in files.items():
                took[name].append(open_page(browser, file))
        browser.close()
    return {
        name: (statistics.median(a for a, _ in found), statistics.median(b for _, b in found))
        for name, found in took.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    generator = find_generator()
    chromium = generator.find_browser()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files: dict[str, Path] = {}
        wrote: dict[str, float] = {}
        for name, record in make_runs(generator, folder, options.cells).items():
            files[name] = folder / f"{name}.html"
            started = time.process_time()
            write_page(record, files[name])
            wrote[name] = time.process_time() - started
        opened = open_all(chromium, files, options.rounds) if chromium else {}
        sizes = {name: file.stat().st_size for name, file in files.items()}
    print_table(wrote, sizes, opened)


def print_table(
    wrote: Mapping[str, float],
    sizes: Mapping[str, int],
    opened: Mapping[str, tuple[float, float]],
) -> None:
    """Print each page, and in brackets how it compares with the one that has no cell."""
    print(f"{'page of':<12}{'written, CPU s':>16}{'MB':>16}{'opened, s':>16}{'CPU s':>16}")
    for name, size in sizes.items():
        parts = [(size / 1e6, sizes[BASELINE] / 1e6)]
        if opened:
            parts += zip(opened[name], opened[BASELINE], strict=True)
        told = (f"{value:.2f} ({value / base:.2f})" for value, base in parts)
        print(f"{name:<12}{wrote[name]:>16.1f}" + "".join(f"{text:>16}" for text in told))
    if not opened:
        print("no Chromium is found, so that no page was opened: name one in RATEVAL_BROWSER")


if __name__ == "__main__":
    main()
