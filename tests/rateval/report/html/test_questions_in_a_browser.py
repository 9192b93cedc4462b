"""Pages of questions in a real browser: what was asked and answered is read, and is no markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.records.run import RunRecord
from rateval.report.html.compared.page import render as render_compared
from rateval.report.html.page import render

Open = Callable[..., Any]
QUESTION = "What <b>colour</b> has the large square that lies near the middle of this noisy image?"
PEOPLE = ["<i>a very long answer that somebody gave and nobody else would have thought of</i>"]
SAYS = "<img src=x onerror=alert(1)> I can't tell"
SPEC: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "questions", "test": 12, "question": QUESTION, "besides": PEOPLE}],
    "model": [{"use": "writer"}, {"use": "writer", "name": "talker", "says": SAYS}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "generic-attention"}],
    "run": {"device": "cpu"},
}


@pytest.fixture
def run(acme: Path, tmp_path: Path) -> RunRecord:
    return rateval.run(SPEC, output=str(tmp_path / "one"))


@pytest.fixture
def page_file(run: RunRecord, tmp_path: Path) -> Path:
    file = tmp_path / "page.html"
    file.write_text(render(run), encoding="utf-8")
    return file


def rows_of(run: RunRecord, model: str) -> dict[str, dict[str, Any]]:
    (cell,) = (cell for cell in run.cells if cell.key.model == model)
    return {str(row["index"]): row for row in run.rows(cell).to_pylist()}


def captions(page: Any) -> dict[str, list[str]]:
    """Return the lines below each card, by the place of its image in the test."""
    cards = page.locator("#gallery .card")
    found = {}
    for at in range(cards.count()):
        cards.nth(at).scroll_into_view_if_needed()
        lines = cards.nth(at).locator(".asked, .names")
        lines.first.wait_for()
        found[cards.nth(at).get_attribute("data-index")] = lines.all_text_contents()
    return found


def test_cards_say_what_was_asked_and_answered(
    open_page: Open, page_file: Path, run: RunRecord
) -> None:
    page = open_page(page_file).page
    page.locator("#gallery-method").select_option(label="writer · zs")
    told, rows = captions(page), rows_of(run, "writer")
    assert told.keys() == rows.keys()
    assert {row["correct"] for row in rows.values()} == {True, False}
    for place, row in rows.items():
        right = [f"{row['references'][0]} ×2 | {PEOPLE[0]}", f"→ {row['output']}"]
        said = [row["output"]] if row["correct"] else right
        assert told[place] == [row["input"], *said]


def test_they_are_found_by_what_was_asked_and_answered(
    open_page: Open, page_file: Path, run: RunRecord
) -> None:
    page = open_page(page_file).page
    box = page.get_by_label("Id, question or answer contains")
    for text, wanted in (
        ("WHAT <B>", lambda row: row["input"] == QUESTION),
        ("square red", lambda row: row["input"] != QUESTION),
        ("onerror", lambda row: row["output"] == SAYS),
        ("nobody else", lambda row: PEOPLE[0] in row["references"]),
        ("0003-", lambda row: row["id"].startswith("0003-")),
        ("neither", lambda row: False),
    ):
        page.locator("#gallery-method").select_option(label="talker · zs")
        box.fill(text)
        shown = page.locator("#gallery .card").evaluate_all(
            "(all) => all.map((one) => one.dataset.index)"
        )
        rows = rows_of(run, "talker")
        assert sorted(shown) == sorted(at for at, row in rows.items() if wanted(row)), text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_texts_are_text_and_fit_the_window(
    open_page: Open, page_file: Path, width: int, dark: bool
) -> None:
    opened = open_page(page_file, width=width, dark=dark)
    page = opened.page
    page.locator("#gallery-method").select_option(label="talker · zs")
    page.locator("#gallery-against").select_option(label="writer · zs")
    page.locator("#gallery .card").first.click()
    detail = page.locator(".gallery-detail")
    assert detail.locator(".question").text_content() in (QUESTION, "Is the square red?")
    assert PEOPLE[0] in detail.locator(".common").text_content()
    assert SAYS in detail.locator("tr", has_text="predicted").text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "((d) => d.scrollWidth - d.clientWidth)(document.querySelector('.gallery-detail'))"
    assert page.evaluate(wide) <= 0
    heads = detail.locator("tbody th").evaluate_all("(all) => all.map((one) => one.clientWidth)")
    assert min(heads) >= 60
    assert page.locator("#gallery b b, #gallery i, #gallery img[src=x]").count() == 0
    assert opened.complaints == []
    assert opened.outside() == []


@pytest.mark.parametrize("width", [390, 1400])
def test_units_that_changed_are_listed_with_their_questions(
    open_page: Open, run: RunRecord, tmp_path: Path, width: int
) -> None:
    models = [{"use": "writer", "seed": 1}, {"use": "writer", "name": "talker"}]
    other = rateval.run(SPEC | {"model": models}, output=str(tmp_path / "two"))
    record = rateval.compare(run, other, changed=None)
    file = tmp_path / "pair.html"
    file.write_text(render_compared(record), encoding="utf-8")
    opened = open_page(file, width=width)
    page = opened.page
    moving = [pair for pair in record.pairs if pair.moved]
    assert moving
    for pair in moving:
        page.get_by_label("Pair").select_option(index=moving.index(pair))
        listed = page.locator(".units tbody tr").evaluate_all(
            "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        assert [line[:2] for line in listed] == [[unit.id, unit.question] for unit in pair.changed]
        for line, unit in zip(listed, pair.changed, strict=True):
            before, after = unit.baseline_prediction, unit.candidate_prediction
            assert line[3] == (after if before == after else f"{before} → {after}")
    page.get_by_label("Id, question or answer contains").first.fill("square red")
    shown = page.locator(".units tbody .asked").all_text_contents()
    assert set(shown) == {"Is the square red?"}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.complaints == []


HEAT = """(at) => {
  const view = document.querySelectorAll(".gallery-detail .heat")[at];
  const { data } = view.getContext("2d").getImageData(0, 0, view.width, view.height);
  return Array.from(data).join();
}"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_a_token_shows_its_own_map(
    open_page: Open, acme: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    spec = SPEC | {"attribution": [{"use": "random"}]}
    file = tmp_path / "page.html"
    file.write_text(render(rateval.run(spec, output=str(tmp_path / "runs"))), encoding="utf-8")
    opened = open_page(file, width=width, dark=dark)
    page = opened.page
    page.locator("#gallery-method").select_option(label="talker · zs")
    page.locator("#gallery-against").select_option(label="writer · zs")
    page.locator("#gallery .card").first.click()
    figure = page.locator(".gallery-detail figure").first
    group = figure.get_by_role("group", name="map of")
    tokens = group.locator(".token:not(.whole)")
    assert tokens.all_text_contents() == SAYS.split()
    assert group.locator(".said").text_content() == SAYS
    whole = group.get_by_role("button", name="whole answer")
    assert whole.get_attribute("aria-pressed") == "true"

    pixels = [page.evaluate(HEAT, 0)]
    other = page.evaluate(HEAT, 1)
    for at in range(tokens.count()):
        tokens.nth(at).focus()
        page.keyboard.press("Enter" if at % 2 else "Space")
        assert tokens.nth(at).get_attribute("aria-pressed") == "true"
        assert group.locator("[aria-pressed=true]").count() == 1
        assert tokens.nth(at).evaluate("(it) => it === document.activeElement")
        assert tokens.nth(at).evaluate("(it) => getComputedStyle(it).outlineStyle") == "solid"
        assert SAYS.split()[at] in figure.locator("img").get_attribute("alt")
        pixels.append(page.evaluate(HEAT, 0))
    assert len(set(pixels)) == len(pixels)
    assert page.evaluate(HEAT, 1) == other

    page.keyboard.press("m")  # what is drawn anew keeps what is pressed, and the focus
    assert tokens.last.get_attribute("aria-pressed") == "true"
    assert tokens.last.evaluate("(it) => it === document.activeElement")
    page.keyboard.press("Enter")
    assert whole.get_attribute("aria-pressed") == "true"
    assert page.evaluate(HEAT, 0) == pixels[0]
    tokens.first.click()
    whole.click()
    assert page.evaluate(HEAT, 0) == pixels[0]

    tokens.first.click()
    page.keyboard.press("ArrowRight")
    assert whole.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "((d) => d.scrollWidth - d.clientWidth)(document.querySelector('.gallery-detail'))"
    assert page.evaluate(wide) <= 0
    assert page.locator("#gallery img[src=x]").count() == 0
    assert opened.complaints == []
    assert opened.outside() == []
