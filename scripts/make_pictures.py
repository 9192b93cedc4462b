"""Take the pictures of a report that the documents show: the terminal's, and the page's.

    python scripts/make_pictures.py [RUN]

Without a run, it runs the quickstart first. It needs a Chromium: one on the PATH, or the one that
RATEVAL_BROWSER names. The same run and browser give the same bytes.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image
from rich.segment import SegmentLines

import rateval
from rateval.console import Console
from rateval.records.run import RunRecord
from rateval.report.html.page import write_page
from rateval.report.terminal.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDE, NARROW = (1400, 1000), (390, 844)
COLUMNS = 80
EACH, ALL = 250_000, 1_500_000
"""Bytes that one picture and all of them have at most."""

VIEWS = ("top", "scores", "charts", "gallery", "detail")
"""What is taken of the page, in light and in dark."""

READY = {
    "charts": "[...document.querySelectorAll('[data-chart]')].filter((one) => one.offsetParent)"
    ".every((one) => one.querySelector('svg path'))",
    "gallery": "(() => { const seen = [...document.querySelectorAll('#gallery .card')]"
    ".filter((one) => one.getBoundingClientRect().top < innerHeight);"
    " return seen.length && seen.every((one) => one.querySelector('img')?.complete) })()",
    "detail": "[...document.querySelectorAll('.gallery-detail[open] img')]"
    ".some((one) => one.complete && one.naturalWidth)",
}
"""What is true once a view is drawn; the page's policy keeps the browser from being asked more."""


def main() -> None:
    """Take all pictures, and print the size of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="a run's folder")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures")
    options = parser.parse_args()
    chromium = find_browser()
    with tempfile.TemporaryDirectory() as folder, open_browser(chromium) as browser:
        record = rateval.load(options.run) if options.run else run_quickstart(Path(folder))
        made = take(record, browser, options.output)
    for path in made:
        print(f"{path.stat().st_size:>9,}  {path.name}")
    total = sum(path.stat().st_size for path in made)
    print(f"{total:>9,}  together")
    if total > ALL:
        sys.exit(f"these pictures are larger than the {ALL:,} bytes that the documents may have")


def find_browser() -> str:
    """Return the path of a Chromium; exit with what to install where there is none."""
    named = os.environ.get("RATEVAL_BROWSER")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if importlib.util.find_spec("playwright") is None:
        sys.exit("pictures need playwright: pip install 'rateval[dev]'")
    if found is None or not Path(found).is_file():
        at = f"RATEVAL_BROWSER = {named}: no such file" if named else "no Chromium on the PATH"
        sys.exit(f"{at}: install Debian's package chromium, or name one in RATEVAL_BROWSER")
    return found


@contextmanager
def open_browser(path: str) -> Iterator[Browser]:
    """Start the browser, and end it afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def run_quickstart(folder: Path) -> RunRecord:
    """Return the record of a new run of the quickstart, on the processor."""
    return rateval.run(ROOT / "examples" / "quickstart.toml", output=str(folder), device="cpu")


def take(record: RunRecord, browser: Browser, output: Path) -> list[Path]:
    """Write the pictures of a run, and return their paths."""
    output.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "report.html"
        write_page(record, page_file)
        link = page_file.as_uri() + choose_images(record)
        for name, content in shoot(browser, page_file.as_uri(), link, draw_terminal(record)):
            made.append(output / f"{name}.png")
            made[-1].write_bytes(optimise(content))
    return made


def shoot(browser: Browser, plain: str, link: str, terminal: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each picture; ``link`` is the page with images chosen."""
    with fresh_page(browser, WIDE, "light") as page:
        page.set_content(f"<style>body {{ margin: 0 }} svg {{ width: 1000px }}</style>{terminal}")
        yield "terminal", page.locator("svg").first.screenshot()
    for theme in ("light", "dark"):
        for view in VIEWS:
            with fresh_page(browser, WIDE, theme) as page:
                page.goto(link if view in ("gallery", "detail") else plain)
                yield f"{view}-{theme}", take_view(page, view)
    with fresh_page(browser, NARROW, "light") as page:
        page.goto(plain)
        yield "narrow", take_view(page, "top")


@contextmanager
def fresh_page(browser: Browser, size: tuple[int, int], theme: str) -> Iterator[Page]:
    """Open a page of its own, in which nothing moves and which nobody can reach."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        offline=True,
    )
    yield context.new_page()
    context.close()


def take_view(page: Page, view: str) -> bytes:
    """Return a picture of one part of the page, once it is drawn."""
    if view == "detail":
        wait(page, "gallery")
        page.locator("#gallery .card").first.press("Enter")
        wait(page, view)
        return page.locator(".gallery-detail").screenshot(animations="disabled")
    if view == "gallery":
        page.locator("#gallery button", has_text="Side by side").click()
    if view == "top":
        wait(page, view)
        return page.screenshot(animations="disabled")
    section = page.locator(f"#{view}")
    section.evaluate("part => part.scrollIntoView()")
    wait(page, view)
    box = section.bounding_box() or {"y": 0.0}
    top = max(box["y"], 0)  # nothing of the section above it
    return page.screenshot(
        animations="disabled",
        clip={"x": 0, "y": top, "width": WIDE[0], "height": WIDE[1] - top},
    )


def wait(page: Page, view: str) -> None:
    """Wait until a view is drawn; exit where it never is."""
    for _ in range(600):
        if page.evaluate(READY.get(view, "document.readyState === 'complete'")):
            page.wait_for_timeout(500)  # what is decoded is painted
            return
        page.wait_for_timeout(100)
    sys.exit(f"{view}: this part of the page was not drawn within a minute")


def choose_images(record: RunRecord) -> str:
    """Return the fragment that shows what most images did that lost their right reason."""
    by_maps = {
        entry["name"]
        for entry in record.spec_resolved.get("evidence", ())
        if "threshold" in entry.get("params", {})
    }
    lost = [
        (one.transitions.get("RR", {}).get("RW", 0.0), one)
        for one in record.comparisons
        if one.validator in by_maps
    ]
    if not lost:
        return "#gallery"
    _, found = max(lost, key=lambda pair: pair[0])
    chosen = {
        "test": found.method.dataset,
        "cell": record.label(found.method),
        "against": record.label(found.against),
        "validator": found.validator,
        "transition": "RR>RW",
    }
    return "#filter=" + quote(json.dumps(chosen))


def draw_terminal(record: RunRecord) -> str:
    """Return the terminal's report down to the end of its first table's notes, as SVG."""
    console = Console(file=io.StringIO(), width=COLUMNS, record=True)
    lines = console.render_lines(render(record, COLUMNS), pad=False)
    blank = (at for at, line in enumerate(lines) if not "".join(one.text for one in line).strip())
    end = next(islice(blank, 1, None), len(lines))
    console.print(SegmentLines(lines[:end], new_lines=True))
    drawn = console.export_svg(title="rateval report", unique_id="report")
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # fonts of another server


def optimise(content: bytes) -> bytes:
    """Return a PNG with as many colours as it has room for; exit where it has none."""
    whole = Image.open(io.BytesIO(content)).convert("RGB")
    for colours in (256, 128, 64):
        small = whole.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=4)
        file = io.BytesIO()
        small.save(file, "PNG", optimize=True)
        if file.tell() <= EACH:
            return file.getvalue()
    sys.exit(f"a picture of {whole.width} × {whole.height} has no room in {EACH:,} bytes")


if __name__ == "__main__":
    main()
