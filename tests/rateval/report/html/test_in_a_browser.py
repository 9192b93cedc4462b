"""The page in a real browser: quiet, alone, legible at every width, and its counts are doors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest

from rateval.records.run import RunRecord
from rateval.report.html.page import render, write_folder

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def page_file(small_run: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(small_run), encoding="utf-8")
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 768, 1400])
def test_nothing_is_complained_of_asked_for_or_wider_than_the_window(
    open_page: Open, page_file: Path, width: int, dark: bool
) -> None:
    opened = open_page(page_file, width=width, dark=dark)
    opened.page.wait_for_load_state("networkidle")
    assert opened.complaints == []
    assert opened.outside() == []
    wide = opened.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_a_count_is_a_door(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file).page
    page.evaluate(
        "document.addEventListener('rateval:filter', (event) => { window.heard = event.detail; })"
    )
    door = page.locator("table.scores [data-filter]").first
    asked = json.loads(door.get_attribute("data-filter"))
    door.click()
    assert page.evaluate("window.heard") == asked
    assert set(asked) == {"test", "cell", "validator", "quadrant"}
    fragment = unquote(page.evaluate("location.hash"))
    kept = json.loads(fragment.removeprefix("#filter="))
    # The gallery calls a test by its seed, too.
    assert {**kept, "test": asked["test"]} == asked
    assert kept["test"].startswith(asked["test"])


def test_every_chart_is_drawn_with_its_numbers_in_words(open_page: Open, page_file: Path) -> None:
    opened = open_page(page_file)
    page = opened.page
    opened.wait(
        "[...document.querySelectorAll('[data-chart]')].filter((place) => place.offsetParent)"
        ".every((place) => place.querySelector('svg path'))"
    )
    images = page.locator("figure.chart [role=img]")
    assert images.count() > 4
    told = images.first.get_attribute("aria-label")
    assert re.search(r"zs: accuracy \d+\.\d, PT \d+\.\d; lp: accuracy", told)
    assert opened.complaints == []


def test_transitions_are_of_the_methods_that_are_chosen(
    open_page: Open, page_file: Path, small_run: RunRecord
) -> None:
    page = open_page(page_file).page
    place = page.locator("[data-transitions='0']")
    comparison = small_run.comparisons[0]
    names = ("RR", "RW", "WR", "WW")

    def shown() -> list[int]:
        return [int(text) for text in place.locator("tbody td").all_inner_texts()]

    there = [comparison.transitions.get(a, {}).get(b, 0) for a in names for b in names]
    back = [comparison.transitions.get(b, {}).get(a, 0) for a in names for b in names]
    assert shown() == there
    place.locator("select").nth(0).select_option(label="lp")
    place.locator("select").nth(1).select_option(label="zs")
    assert shown() == back
    place.locator("[data-filter]").first.click()
    asked = json.loads(place.locator("[data-filter]").first.get_attribute("data-filter"))
    assert asked["against"] == small_run.label(comparison.method)
    assert asked["cell"] == small_run.label(comparison.against)


def test_classes_sort_by_any_column_and_what_is_undefined_comes_last(
    open_page: Open, page_file: Path
) -> None:
    page = open_page(page_file).page
    table = page.locator(".classes table").first

    def values(column: int) -> list[str]:
        cells = table.locator(f"tbody tr > :nth-child({column})").all()
        return [cell.get_attribute("data-value") or "" for cell in cells]

    for column in (2, 3, 4, 5):
        for _ in range(2):
            heading = table.locator("thead th").nth(column - 1)
            heading.locator("button").click()
            found = [float(value) for value in values(column) if value]
            falls = heading.get_attribute("aria-sort") == "descending"
            assert found == sorted(found, reverse=falls)
            assert values(column)[: len(found)].count("") == 0


def test_another_test_shows_other_charts(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file).page
    groups = page.locator("[data-group=test]")
    assert [groups.nth(at).is_visible() for at in range(2)] == [True, False]
    page.locator("#test").select_option("1")
    assert [groups.nth(at).is_visible() for at in range(2)] == [False, True]
    groups.nth(1).locator("svg path").first.wait_for(state="attached")


def test_the_theme_follows_the_system_and_then_its_button(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file, dark=True).page
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("#theme").click()
    light = page.evaluate(background)
    assert sum(map(int, re.findall(r"\d+", dark))) < 200
    assert sum(map(int, re.findall(r"\d+", light))) > 600
    page.locator("#theme").click()
    assert page.evaluate(background) == dark


def test_hostile_names_stay_names(open_page: Open, hostile_run: RunRecord, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(hostile_run), encoding="utf-8")
    opened = open_page(file)
    page = opened.page
    opened.wait("document.querySelector('[data-chart] svg path')")
    assert page.title() == "small: right for the right reasons?"
    assert opened.complaints == []
    assert "</script>" in page.locator("table.scores tbody").first.inner_text()


def test_headings_have_an_order_and_tables_are_told(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file).page
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map((found) => +found.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before < 2 for before, after in pairwise(levels))
    tables = page.locator("#report table")
    assert tables.count() == page.locator("#report table > caption").count()
    assert page.locator("th:not([scope])").count() == 0
    for landmark in ("main", "nav", "body > header", "body > footer"):
        assert page.locator(landmark).count() == 1


def test_what_is_printed_is_drawn_and_says_which_test(open_page: Open, page_file: Path) -> None:
    opened = open_page(page_file, dark=True)
    page = opened.page
    page.locator("#theme").click()
    page.locator("#theme").click()  # dark by choice
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    undrawn = "[...document.querySelectorAll('#gallery .card')].filter((card) => !card.innerText)"
    assert page.locator("#gallery .card").count() > 40
    assert page.evaluate(f"{undrawn}.length") == 0
    opened.wait(
        "[...document.querySelectorAll('#gallery img')].every((image) => image.naturalWidth > 0)"
    )
    assert page.locator("[data-group=test] .chosen").first.is_visible()
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.querySelector('.care li')).{name}.match(/\\d+/g)")
        for name in ("color", "backgroundColor")
    )
    assert sum(map(int, paper[:3])) - sum(map(int, ink[:3])) > 400


def test_a_number_that_has_no_room_in_its_bar_is_not_torn(
    open_page: Open, small_run: RunRecord, tmp_path: Path
) -> None:
    text = small_run.model_dump(mode="json")
    counts = {"RR": 48, "RW": 507, "WR": 14, "WW": 31}
    for cell in text["cells"]:
        for evidence in cell["evidence"]:
            evidence["quadrants"] = counts
    record = RunRecord.model_validate(text)
    record._path = small_run.path
    file = tmp_path / "report.html"
    file.write_text(render(record), encoding="utf-8")
    page = open_page(file, width=390).page
    lines = page.evaluate(
        """[...document.querySelectorAll('.part')].filter((one) => one.offsetParent).map((part) => {
          const range = document.createRange();
          range.selectNodeContents(part);
          const [box, places] = [part.getBoundingClientRect(), [...range.getClientRects()]];
          return [part.textContent, places.length, places[0]?.top < box.bottom];
        })"""
    )
    assert ["48", 1, False] in lines
    assert ["507", 1, True] in lines
    assert all(count < 2 for _, count, _ in lines)


def test_a_link_to_a_section_leads_there_while_charts_are_drawn(
    open_page: Open, page_file: Path
) -> None:
    opened = open_page(page_file, fragment="#gallery")
    opened.wait(
        "[...document.querySelectorAll('[data-chart]')].filter((place) => place.offsetParent)"
        ".every((place) => place.querySelector('svg path'))"
    )
    # The page scrolls smoothly: it has arrived once it stays where it is.
    opened.wait("scrollY > 0 && scrollY === window.was || (window.was = scrollY, false)")
    top = opened.page.evaluate("document.getElementById('gallery').getBoundingClientRect().top")
    assert 0 <= top < 120


def test_names_are_not_turned_around(
    open_page: Open, small_run: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = RunRecord.classes

    def turned(record: RunRecord, *given: Any) -> pa.Table:
        table = read(record, *given)
        names = pa.array(["\u202eevil\x1b", *table.column("name").to_pylist()[1:]])
        return table.set_column(table.column_names.index("name"), "name", names)

    monkeypatch.setattr(RunRecord, "classes", turned)
    file = tmp_path / "report.html"
    file.write_text(render(small_run), encoding="utf-8")
    page = open_page(file).page
    names = page.locator(".classes table").first.locator("tbody th").all_inner_texts()
    assert "\\u202eevil\\x1b" in names


def test_a_folder_has_the_pictures_beside_the_page(
    open_page: Open, small_run: RunRecord, tmp_path: Path
) -> None:
    write_folder(small_run, tmp_path / "page")
    written = {file.resolve().as_uri() for file in (tmp_path / "page" / "pictures").iterdir()}
    assert len(written) > 0
    opened = open_page(tmp_path / "page" / "index.html")
    opened.page.locator("#gallery").scroll_into_view_if_needed()
    opened.wait(
        "[...document.querySelectorAll('#gallery img')].some((image) => image.naturalWidth > 0)"
    )
    assert opened.complaints == []
    assert set(opened.outside()) <= written
