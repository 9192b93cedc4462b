"""The page of a run: one file, which needs nothing beside it and asks nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path

from rateval.errors import RatevalError, explain_error
from rateval.json_file import write_whole
from rateval.records.run import RunRecord
from rateval.report.html import gallery
from rateval.report.html.charts.section import ChartSection
from rateval.report.html.document import BUDGET, Document, frame_run, section
from rateval.report.html.embed import require_charts
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.repeat import repeat_section
from rateval.report.html.scores import care, find_notes, score_sections
from rateval.report.html.verdicts import explain_measures, verdicts
from rateval.report.rows import Shown, headings, lay_out
from rateval.report.sentences.causes import explain_causal_columns
from rateval.report.sentences.classes import explain_details
from rateval.report.sentences.notes import PAGE_NAME, explain_columns, explain_explainer_columns
from rateval.report.sentences.shifts import explain_shift_columns, shorten
from rateval.report.sentences.targets import explain_targets
from rateval.report.sentences.thresholds import explain_chance_columns

INDEX_NAME = "index.html"
"""The page in a folder of its own, with its pictures beside it."""
_PICTURE = re.compile(rf'"file":"({gallery.FOLDER}/\d+-\d+\.webp)"'.encode())
"""A picture in the data of a page; in a name of somebody's, the quotes would be escaped."""


def write_page(record: RunRecord, path: Path, *, pictures: bool = True) -> None:
    """Write the page of a run to a file. Raises RatevalError where a library is missing."""
    write_whole(path, render(record, pictures=pictures))


def write_folder(record: RunRecord, folder: Path, *, pictures: bool = True) -> None:
    """Write the page of a run to a folder, pictures beside it, however many there are.

    Raises RatevalError where a library is missing, and as ``write_beside`` does.
    """
    require_charts()
    write_beside(folder, lambda: render(record, pictures=pictures, folder=folder), pictures)


def write_beside(folder: Path, make: Callable[[], str], pictures: bool) -> None:
    """Write a page to a folder in which ``make`` writes its pictures, where it has any.

    A page that was there before goes, and so do the pictures that were its alone. Raises
    RatevalError where other pictures would lie beside a page without any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / INDEX_NAME
    before = _find_pictures(page.read_bytes()) if page.is_file() else set()
    if not pictures and any(_others(folder, before)):
        raise RatevalError(
            f"{folder / gallery.FOLDER}: holds photos, which would lie beside a page without any; "
            "move them away, or name another folder"
        )
    text = make()
    write_whole(page, text)
    for name in before - _find_pictures(text.encode()):
        (folder / name).unlink(missing_ok=True)


def image_sources(folder: Path | None) -> str:
    """Return the sources that a page's pictures may have: its own data, or files beside it."""
    return "data: 'self' file:" if folder else "data:"


def _find_pictures(page: bytes) -> set[str]:
    """Return the paths of pictures beside a page, as the gallery names them."""
    return {found.decode() for found in _PICTURE.findall(page)}


def _others(folder: Path, own: Set[str]) -> Iterator[Path]:
    """Yield the pictures in a page's folder that are not the page's ``own``."""
    for file in (folder / gallery.FOLDER).glob("*.webp"):
        if f"{gallery.FOLDER}/{file.name}" not in own:
            yield file


def write_at_end(record: RunRecord, warn: Callable[[str], None]) -> None:
    """Write the page into the run's folder where the spec asks for it; ``warn`` if that fails."""
    if not record.spec_resolved.get("report", {}).get("html") or record.status == "interrupted":
        return
    file = record.path / PAGE_NAME
    try:
        write_page(record, file)
    except Exception as error:  # a page must not cost anybody a run
        warn(f"{file}: the page of this run could not be written: {explain_error(error)}")


def render(record: RunRecord, *, pictures: bool = True, folder: Path | None = None) -> str:
    """Return the page of a run; without ``pictures`` it holds no photo, even if some are kept.

    With a ``folder``, pictures are written into it, and the page is for it.
    """
    require_charts()
    blocks, metrics = list(lay_out(record)), headings(record)
    shown = Shown(frozenset({"label", "value", "interval", "change", "mark", "count"}), 1)
    columns = (
        *explain_targets(record),
        *explain_columns(record, shown),
        *explain_causal_columns(record),
        *explain_details(blocks, details=True),
        *explain_chance_columns(record),
        *explain_shift_columns(record),
        *explain_explainer_columns(record),
    )
    charts = ChartSection(record, blocks, metrics)
    document = Document(frame_run(record), explain_measures(), image_sources(folder))
    document.add(
        section("verdict", verdicts(record, [shorten(record, one) for one in blocks], metrics)),
        section("scores", *score_sections(record, blocks, metrics), explain(columns)),
        section("care", care(list(find_notes(record, blocks)))),
        section("charts", *charts.parts),
    )
    document.embed("chart-data", charts.data())
    ending = section("repeat", *repeat_section(record))
    _add_gallery(document, record, BUDGET - len(ending.encode()), pictures, folder)
    document.add(ending)
    return document.text()


def _add_gallery(
    document: Document, record: RunRecord, budget: int, pictures: bool, folder: Path | None
) -> None:
    """Add the gallery within what is left of a budget, or why there is none."""
    room = None if folder else budget - document.size(gallery.SCRIPTS)
    try:
        data = gallery.gallery_data(record, room, pictures, folder=folder)
    except RatevalError as error:
        document.add(section("gallery", tag("p", f"There is no gallery: {error}", class_="empty")))
        return
    document.add(section("gallery"))
    document.embed("gallery-data", data)
    document.run(gallery.SCRIPTS)
    document.pictures = bool(data["pictures"])


def explain(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return what words and columns mean, folded."""
    parts: list[Child] = []
    for name, meaning in pairs:
        parts += [tag("dt", name), tag("dd", meaning)]
    meanings = tag("dl", *parts, class_="facts")
    return tag("details", tag("summary", "What the words and columns mean"), meanings)
