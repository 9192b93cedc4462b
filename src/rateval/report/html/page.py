"""The page of a run: one file, which needs nothing beside it and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rateval.json_file import write_whole
from rateval.records.run import RunRecord
from rateval.report.causes import explain_causal_columns
from rateval.report.html.embed import element, policy, read_asset, read_bundle, require_charts
from rateval.report.html.gallery import gallery_data
from rateval.report.html.markup import Child, Html, data_block, join, tag
from rateval.report.html.repeat import repeat_section
from rateval.report.html.top import (
    care,
    explain_measures,
    find_notes,
    score_sections,
    verdicts,
)
from rateval.report.notes import explain_columns
from rateval.report.rows import Shown, headings, lay_out
from rateval.wording import list_some

BUDGET = 12_000_000
"""Bytes that a page has at most."""

STYLES = ("page.css", "gallery.css")
SCRIPTS = ("page.js", "gallery.js")

_SECTIONS = {
    "verdict": "Verdict",
    "scores": "Scores",
    "care": "Read with care",
    "charts": "Charts",
    "gallery": "Gallery",
    "repeat": "Repeat it",
}
"""Id of a section to its heading, in the order of the page."""


def write_page(record: RunRecord, path: Path, *, pictures: bool = True) -> None:
    """Write the page of a run to a file. Raises RatevalError where a library is missing."""
    write_whole(path, render(record, pictures=pictures))


def render(record: RunRecord, *, pictures: bool = True) -> str:
    """Return the page of a run; without ``pictures`` it holds no photo, even if some are kept."""
    require_charts()
    blocks, metrics = list(lay_out(record)), headings(record)
    shown = Shown(frozenset({"label", "value", "interval", "change", "mark", "count"}), 1)
    columns = (*explain_columns(record, shown), *explain_causal_columns(record))
    notes = list(find_notes(record, blocks))
    parts = [
        _section("verdict", verdicts(blocks, metrics)),
        _section("scores", *score_sections(record, blocks, metrics), _explain(columns)),
        _section("care", care(notes)),
    ]
    ending = _section("repeat", *repeat_section(record))
    return _document(record, parts, ending, pictures)


def _document(record: RunRecord, parts: Sequence[Html], ending: Html, pictures: bool) -> str:
    styles = [text for name in STYLES if (text := read_asset(name))]
    scripts = [text for name in (*SCRIPTS,) if (text := read_asset(name))]
    scripts.insert(0, read_bundle())
    used = sum(len(text.encode()) for text in (*parts, ending, *styles, *scripts))
    data = gallery_data(record, BUDGET - used, pictures)
    body = join(
        [
            tag("a", "Skip to the report", href="#report", class_="skip"),
            _bar(record),
            tag("header", _title(record), explain_measures(), class_="top"),
            tag("main", *parts, _gallery(), ending, id="report"),
            tag("footer", tag("p", _contents(data))),
            data_block("gallery-data", data),
            *(element("script", text) for text in scripts),
        ]
    )
    head = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=policy(styles, scripts)),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="referrer", content="no-referrer"),
            tag("title", f"{record.study}: right for the right reasons?"),
            *(element("style", text) for text in styles),
        ]
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'


def _section(name: str, *children: Child) -> Html:
    heading = tag("h2", _SECTIONS[name], id=f"{name}-heading")
    return tag("section", heading, *children, id=name, aria_labelledby=f"{name}-heading")


def _bar(record: RunRecord) -> Html:
    links = (tag("li", tag("a", text, href=f"#{name}")) for name, text in _SECTIONS.items())
    return tag(
        "nav",
        tag("a", record.study, href="#top", class_="study"),
        tag("ul", *links),
        tag("button", "Theme", type="button", id="theme", aria_label="switch light and dark"),
        aria_label="Sections",
        class_="bar",
    )


def _title(record: RunRecord) -> Html:
    when = record.started[:10]
    seeds = f"seed{'s' if record.seeds[1:] else ''} {list_some(map(str, record.seeds))}"
    count = f"{len(record.failures)} failures" if record.failures else None
    facts = [record.status, count, when, record.environment.device, seeds]
    return join(
        [
            tag("p", record.study, class_="kicker", id="top"),
            tag("h1", "Right for the right reasons?"),
            tag("p", " · ".join(fact for fact in facts if fact), class_="facts-line"),
        ]
    )


def _gallery() -> Html:
    return tag(
        "section",
        tag("h2", _SECTIONS["gallery"]),
        tag("p", "This page holds no pictures of this run.", class_="empty"),
        id="gallery",
        aria_label="Gallery",
    )


def _explain(pairs: Iterable[tuple[str, str]]) -> Html:
    parts: list[Child] = []
    for name, meaning in pairs:
        parts += [tag("dt", name), tag("dd", meaning)]
    meanings = tag("dl", *parts, class_="facts")
    return tag("details", tag("summary", "What the columns mean"), meanings)


def _contents(data: object) -> str:
    photos = "with photos of the test images" if data else "without photos"
    return (
        f"This page holds the numbers of one run, {photos}. "
        "It is one file, loads nothing and sends nothing."
    )
