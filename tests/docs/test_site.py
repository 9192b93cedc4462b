"""The site's pages are all in its navigation, and links in documents lead somewhere."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def named(part: Any) -> Iterator[str]:
    """Yield the pages that a part of the navigation names."""
    if isinstance(part, str):
        yield part
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from named(inner)


def prose(path: Path) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", path.read_text("utf-8"), flags=re.M | re.S)


def slug(heading: str) -> str:
    """Return the anchor of a heading as mkdocs and GitHub make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def anchors(path: Path) -> set[str]:
    text = prose(path)
    headings = {slug(found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    return headings | set(re.findall(r'\bid="([^"]+)"', text))


def broken(path: Path) -> list[str]:
    """Return the links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(prose(path)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = Path(os.path.normpath(path.parent / name)) if name else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            found.append(link)
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    pages = list(named(SITE["nav"]))
    assert sorted(pages) == [page.relative_to(DOCS).as_posix() for page in PAGES]


def test_the_navigation_has_what_readers_look_for() -> None:
    titles = [title for part in SITE["nav"] for title in part]
    for title in (
        "Tutorial",
        "How-to",
        "Concepts",
        "Reference",
        "Evidence",
        "Questions",
        "Glossary",
    ):
        assert title in titles


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *PAGES], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Of `one` thing: two.three\n\n[a](page.md#of-one-thing-twothree) [b](gone.md)\n"
    )
    assert broken(page) == ["gone.md"]
    page.write_text("# One\n\n[a](#two) [b](https://example.org/x#y)\n\n```text\n[c](no.md)\n```\n")
    assert broken(page) == ["#two"]


def test_nothing_is_loaded_from_elsewhere_and_warnings_are_errors() -> None:
    assert SITE["theme"]["font"] is False
    assert SITE["strict"] is True
    assert not any(
        "://" in str(name) for name in SITE["extra_css"] + SITE.get("extra_javascript", [])
    )
    assert set(SITE["validation"]["links"].values()) == {"warn"}
    assert {one["scheme"] for one in SITE["theme"]["palette"] if "scheme" in one} == {
        "default",
        "slate",
    }
