"""A page as a document: what frames its sections, and what it may load, which is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.records.run import RunRecord
from rateval.report.html.embed import element, policy, read_asset, read_bundle
from rateval.report.html.markup import Child, Html, data_block, join, tag
from rateval.report.notes import explain_parent
from rateval.wording import list_some

BUDGET = 12_000_000
"""Bytes that a page has at most."""

FRAME = 30_000
"""Bytes set aside for what stands around the sections."""

STYLES = ("page.css", "gallery.css")
SCRIPTS = ("page.js", "classes.js")

SECTIONS = {
    "verdict": "Verdict",
    "scores": "Scores",
    "care": "Read with care",
    "charts": "Charts",
    "gallery": "Gallery",
    "repeat": "Repeat it",
}
"""Id of a section to its heading, in the order of the page."""


def section(name: str, *children: Child) -> Html:
    """Return a section with its heading.

    >>> section("gallery", "none")
    '<section id="gallery" aria-label="Gallery"><h2>Gallery</h2>none</section>'
    """
    heading = SECTIONS[name]
    return tag("section", tag("h2", heading), *children, id=name, aria_label=heading)


class Document:
    """A page while it is put together.

    ``lead`` follows its title; ``images`` are the sources that pictures may have.
    """

    def __init__(self, record: RunRecord, lead: Html, images: str) -> None:
        self._record, self._lead = record, lead
        self._images = images
        self._sections: list[Html] = []
        self._data: list[Html] = []
        self._styles = [text for name in STYLES if (text := read_asset(name))]
        self._scripts = [read_bundle(), *map(read_asset, SCRIPTS)]
        self.pictures = False
        """Whether photos are in it."""

    def add(self, *sections: Html) -> None:
        """Add sections, in the order of the page."""
        self._sections += sections

    def embed(self, name: str, value: object) -> None:
        """Add data for scripts, by the id of their element."""
        self._data.append(data_block(name, value))

    def run(self, scripts: Sequence[str]) -> None:
        """Add scripts of this package, which run after the others."""
        self._scripts += map(read_asset, scripts)

    def size(self, scripts: Sequence[str] = ()) -> int:
        """Return the bytes that it has by now, with these scripts and its frame."""
        texts = (*self._sections, *self._data, *self._styles, *self._scripts)
        return FRAME + sum(len(text.encode()) for text in (*texts, *map(read_asset, scripts)))

    def text(self) -> str:
        """Return the whole page."""
        body = join(
            [
                tag("a", "Skip to the report", href="#report", class_="skip"),
                _bar(self._record),
                tag("header", _title(self._record), self._lead, class_="top"),
                tag("main", *self._sections, id="report"),
                tag("footer", tag("p", self._tell_contents())),
                *self._data,
                *(element("script", text) for text in self._scripts),
            ]
        )
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>{self._head()}</head>\n'
            f"<body>{body}</body>\n</html>\n"
        )

    def _head(self) -> Html:
        rules = policy(self._styles, self._scripts, self._images)
        return join(
            [
                tag("meta", charset="utf-8"),
                tag("meta", http_equiv="Content-Security-Policy", content=rules),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("meta", name="color-scheme", content="light dark"),
                tag("meta", name="referrer", content="no-referrer"),
                tag("title", f"{self._record.study}: right for the right reasons?"),
                *(element("style", text) for text in self._styles),
            ]
        )

    def _tell_contents(self) -> str:
        photos = "with photos of test images" if self.pictures else "without any photo"
        beside = " that lie beside it" if self.pictures and self._images != "data:" else ""
        return (
            f"What this page contains: the numbers of one run and the names of its images, {photos}"
            f"{beside}. It loads nothing from elsewhere and sends nothing."
        )


def _bar(record: RunRecord) -> Html:
    links = (tag("li", tag("a", text, href=f"#{name}")) for name, text in SECTIONS.items())
    return tag(
        "nav",
        tag("a", record.study, href="#top", class_="study"),
        tag("ul", *links),
        tag("button", "Theme", type="button", id="theme", aria_label="Theme: light or dark"),
        aria_label="Sections",
        class_="bar",
    )


def _title(record: RunRecord) -> Html:
    named = list_some(map(str, record.seeds)) or "not known"
    seeds = f"seed{'s' if record.seeds[1:] else ''} {named}"
    failures = len(record.failures)
    count = f"{failures} failure{'s' if failures > 1 else ''}" if failures else None
    status = "running, or it died" if record.status == "running" else record.status
    facts = [status, count, record.started[:10], record.environment.device, seeds]
    return join(
        [
            tag("p", record.study, class_="kicker", id="top"),
            tag("h1", "Right for the right reasons?"),
            tag("p", " · ".join(fact for fact in facts if fact), class_="facts-line"),
            *(tag("p", note, class_="facts-line") for note in explain_parent(record)),
            tag("p", record.error, class_="error") if record.error else None,
        ]
    )
