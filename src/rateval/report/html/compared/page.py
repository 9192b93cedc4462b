"""The page of runs that are compared: one file, which needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rateval.errors import RatevalError
from rateval.json_file import write_whole
from rateval.records.compare import CompareRecord
from rateval.records.run import RunRecord, load
from rateval.report.html import gallery
from rateval.report.html.compared.pictures import Doors, compared_gallery
from rateval.report.html.compared.runs import apart, not_compared, run_table
from rateval.report.html.compared.scores import (
    describe_runs,
    find_notes,
    in_short,
    score_sections,
)
from rateval.report.html.compared.units import changed_data, transition_tables
from rateval.report.html.document import BUDGET, Document, Frame, section
from rateval.report.html.gallery_budget import size
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.page import explain, image_sources, write_beside
from rateval.report.html.scores import care
from rateval.report.html.verdicts import explain_measures
from rateval.report.terminal.compared import explain_signs

SECTIONS = {
    "verdict": "In short",
    "runs": "Runs",
    "scores": "Scores",
    "care": "Read with care",
    "transitions": "Transitions",
    "changed": "Units that changed",
    "gallery": "Gallery",
    "apart": "What else differs",
    "unmatched": "Not compared",
}
"""Id of a section to its heading, in the order of the page."""


def write_page(record: CompareRecord, path: Path, *, pictures: bool = True) -> None:
    """Write the page of a comparison to a file."""
    write_whole(path, render(record, pictures=pictures))


def write_folder(record: CompareRecord, folder: Path, *, pictures: bool = True) -> None:
    """Write the page to a folder, pictures beside it. Raises RatevalError as ``write_beside``."""
    write_beside(folder, lambda: render(record, pictures=pictures, folder=folder), pictures)


def render(record: CompareRecord, *, pictures: bool = True, folder: Path | None = None) -> str:
    """Return the page of a comparison; without ``pictures`` it holds no photo.

    With a ``folder``, pictures are written into it, and the page is for it. What the runs' folders
    no longer tell is left out, with the reason.
    """
    runs, gone = _load(record)
    document = Document(
        Frame(
            " | ".join(dict.fromkeys(run.study for run in record.runs)),
            "Runs side by side",
            describe_runs(record),
            None,
            SECTIONS,
            f"the numbers of {len(record.runs)} runs and the names of their images",
        ),
        explain_measures(),
        image_sources(folder),
        ("page.js", "compared.js"),
        ("compared.css",),
    )
    document.add(
        _section("verdict", in_short(record)),
        _section("runs", run_table(record, runs)),
        _section("scores", *score_sections(record), explain(explain_signs(record))),
        _section("care", care(list(find_notes(record)))),
        _section("transitions", *transition_tables(record)),
        _section("changed", tag("div", data_list=True)),
    )
    ending = [_section("apart", *apart(record)), _section("unmatched", *not_compared(record))]
    rest = BUDGET - sum(len(text.encode()) for text in ending) - size(changed_data(record, ()))
    doors = _add_gallery(document, record, runs or gone, rest, pictures, folder)
    document.embed("changed-data", changed_data(record, doors))
    document.add(*ending)
    return document.text()


def _section(name: str, *children: Child) -> Html:
    return section(name, *children, sections=SECTIONS)


def _load(record: CompareRecord) -> tuple[Sequence[RunRecord] | None, str]:
    """Return the runs as they are on disk, or why there are none."""
    try:
        return [load(run.path) for run in record.runs], ""
    except RatevalError as error:
        return None, str(error)


def _add_gallery(
    document: Document,
    record: CompareRecord,
    runs: Sequence[RunRecord] | str,
    budget: int,
    pictures: bool,
    folder: Path | None,
) -> Doors:
    """Add the gallery, or why there is none; return what opens it for each pair."""
    try:
        if isinstance(runs, str):
            raise RatevalError(runs)
        room = None if folder else budget - document.size(gallery.SCRIPTS)
        data, doors = compared_gallery(record, runs, room, pictures, folder)
    except RatevalError as error:
        document.add(_section("gallery", tag("p", f"There is no gallery: {error}", class_="empty")))
        return []
    document.add(_section("gallery"))
    document.embed("gallery-data", data)
    document.run(gallery.SCRIPTS)
    document.pictures = data["pictures"]
    return doors
