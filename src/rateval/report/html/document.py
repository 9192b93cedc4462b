"""A page as a document: what frames its sections, and what it may load, which is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rateval.records.run import RunRecord
from rateval.report.html.embed import element, policy, read_asset, read_bundle
from rateval.report.html.markup import Child, Html, data_block, join, tag
from rateval.report.sentences.notes import explain_parent
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


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the sections of a page."""

    name: str
    """In the bar, above the heading and in the window's title."""
    heading: str
    facts: str
    """One line below the heading."""
    error: str | None
    sections: Mapping[str, str]
    """As ``SECTIONS``."""
    contents: str
    """Whose numbers and names the page contains."""
    notes: Sequence[str] = ()
    """Lines below the facts."""


def frame_run(record: RunRecord) -> Frame:
    """Return the frame of the page of one run."""
    named = list_some(map(str, record.seeds)) or "not known"
    seeds = f"seed{'s' if record.seeds[1:] else ''} {named}"
    failures = len(record.failures)
    count = f"{failures} failure{'s' if failures > 1 else ''}" if failures else None
    status = "running, or it died" if record.status == "running" else record.status
    facts = [status, count, record.started[:10], record.environment.device, seeds]
    return Frame(
        record.study,
        "Right for the right reasons?",
        " · ".join(fact for fact in facts if fact),
        record.error,
        SECTIONS,
        "the numbers of one run and the names of its images",
        tuple(explain_parent(record)),
    )


def section(name: str, *children: Child, sections: Mapping[str, str] = SECTIONS) -> Html:
    """Return a section with its heading.

    >>> section("gallery", "none")
    '<section id="gallery" aria-label="Gallery"><h2>Gallery</h2>none</section>'
    """
    heading = sections[name]
    return tag("section", tag("h2", heading), *children, id=name, aria_label=heading)


class Document:
    """A page while it is put together.

    ``lead`` follows its title; ``images`` are the sources that pictures may have; ``scripts`` run
    first, ``SCRIPTS`` of this package after what draws charts where there are none; ``styles`` are
    those beside ``STYLES``.
    """

    def __init__(
        self,
        frame: Frame,
        lead: Html,
        images: str,
        scripts: Sequence[str] | None = None,
        styles: Sequence[str] = (),
    ) -> None:
        self._frame, self._lead = frame, lead
        self._images = images
        self._sections: list[Html] = []
        self._data: list[Html] = []
        self._styles = [text for name in (*STYLES, *styles) if (text := read_asset(name))]
        self._scripts = (
            [read_bundle(), *map(read_asset, SCRIPTS)]
            if scripts is None
            else [*map(read_asset, scripts)]
        )
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
                _bar(self._frame),
                tag("header", _title(self._frame), self._lead, class_="top"),
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
                tag("title", _name_window(self._frame)),
                *(element("style", text) for text in self._styles),
            ]
        )

    def _tell_contents(self) -> str:
        photos = "with photos of test images" if self.pictures else "without any photo"
        beside = " that lie beside it" if self.pictures and self._images != "data:" else ""
        return (
            f"What this page contains: {self._frame.contents}, {photos}{beside}. "
            "It loads nothing from elsewhere and sends nothing."
        )


def _name_window(frame: Frame) -> str:
    return f"{frame.name}: {frame.heading[:1].lower()}{frame.heading[1:]}"


def _bar(frame: Frame) -> Html:
    links = (tag("li", tag("a", text, href=f"#{name}")) for name, text in frame.sections.items())
    return tag(
        "nav",
        tag("a", frame.name, href="#top", class_="study"),
        tag("ul", *links),
        tag("button", "Theme", type="button", id="theme", aria_label="Theme: light or dark"),
        aria_label="Sections",
        class_="bar",
    )


def _title(frame: Frame) -> Html:
    return join(
        [
            tag("p", frame.name, class_="kicker", id="top"),
            tag("h1", frame.heading),
            tag("p", frame.facts, class_="facts-line"),
            *(tag("p", note, class_="facts-line") for note in frame.notes),
            tag("p", frame.error, class_="error") if frame.error else None,
        ]
    )
