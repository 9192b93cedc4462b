"""The page of compared runs in a real browser: quiet, alone, legible, and its counts are doors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.records.compare import CompareRecord
from rateval.records.run import RunRecord
from rateval.report.html.compared import units
from rateval.report.html.compared.page import render, write_folder

Open = Callable[..., Any]

CONTRASTS = """
() => {
  const parse = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number);
    const srgb = text.startsWith("color(srgb");
    return [...found.slice(0, 3).map((one) => srgb ? one * 255 : one), found[3] ?? 1];
  };
  const light = (colour) => colour.slice(0, 3).map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const over = (front, back) =>
    [0, 1, 2].map((at) => front[at] * front[3] + back[at] * (1 - front[3]));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255]);
  };
  const told = [];
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility({ checkOpacity: true })) continue;
    if (element.closest(".view, :disabled")) continue;
    if (["SCRIPT", "STYLE", "OPTION"].includes(element.tagName)) continue;
    const text = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (!text.length) continue;
    const back = behind(element);
    const front = over(parse(getComputedStyle(element).color), back);
    const [one, other] = [light(front), light(back)].sort((a, b) => b - a);
    told.push([(one + 0.05) / (other + 0.05), element.tagName, text[0].data.slice(0, 30)]);
  }
  return told.sort((one, other) => one[0] - other[0]);
}
"""


@pytest.fixture(scope="module")
def pages(
    compared: CompareRecord,
    compared_seeds: CompareRecord,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    folder: Path = tmp_path_factory.mktemp("pages")
    found = {"pair": folder / "pair.html", "seeds": folder / "seeds.html"}
    found["pair"].write_text(render(compared), encoding="utf-8")
    found["seeds"].write_text(render(compared_seeds), encoding="utf-8")
    return found


@pytest.mark.parametrize("which", ["pair", "seeds"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_is_quiet_alone_legible_and_no_wider_than_the_window(
    open_page: Open, pages: dict[str, Path], width: int, dark: bool, which: str
) -> None:
    opened = open_page(pages[which], width=width, dark=dark)
    opened.page.wait_for_load_state("networkidle")
    opened.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert opened.page.locator("#gallery .card").count() > 0
    assert opened.page.locator(".units tbody tr").count() > 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    told = opened.page.evaluate(CONTRASTS)
    assert len(told) > 100
    assert told[0][0] >= 4.5, told[:3]
    assert opened.complaints == []
    assert opened.outside() == []


def test_a_count_leads_to_its_units_and_those_to_their_pictures(
    open_page: Open, pages: dict[str, Path], compared: CompareRecord
) -> None:
    opened = open_page(pages["pair"])
    page = opened.page
    (pair,) = (pair for pair in compared.pairs if pair.moved)
    door = page.locator("[data-changed]").first
    asked = json.loads(door.get_attribute("data-changed"))
    before, after = asked["transition"].split(">")
    there = [unit for unit in pair.changed if (unit.baseline, unit.candidate) == (before, after)]
    door.focus()
    page.keyboard.press("Enter")
    rows = page.locator(".units tbody tr")
    assert rows.locator("th").all_inner_texts() == [unit.id for unit in there]
    assert page.evaluate("document.activeElement.value") == asked["transition"]
    page.locator(".units select").last.select_option("")
    assert rows.count() == len(pair.changed)
    picture = page.locator(".units .door").first
    name = picture.inner_text()
    picture.click()
    assert page.locator("#gallery .card").count() == 1
    card = page.locator("#gallery .card")
    (unit,) = (unit for unit in pair.changed if unit.id == name)
    assert card.get_attribute("data-quadrant") == f"{unit.baseline}>{unit.candidate}"
    told = card.get_attribute("aria-label")
    assert told.index("baseline: ") < told.index("candidate: ")
    assert f"predicted {unit.baseline_prediction}; candidate" in told
    assert told.endswith(f"predicted {unit.candidate_prediction}")
    card.click()
    heads = page.locator("dialog[open] thead th").all_inner_texts()
    assert heads == ["baseline: clip · lp", "candidate: clip · lp"]
    assert page.locator("dialog[open] .view canvas").count() == 2
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert opened.complaints == []


def test_the_gallery_begins_with_units_that_changed_and_keeps_the_partner(
    open_page: Open, pages: dict[str, Path]
) -> None:
    page = open_page(pages["pair"]).page

    def moves() -> list[list[str]]:
        cards = page.locator("#gallery .card")
        found = cards.evaluate_all("all => all.map((one) => one.dataset.quadrant)")
        return [one.split(">") for one in found]

    assert moves()
    assert all(before != after for before, after in moves())
    page.locator("#gallery .clear").click()
    everything = moves()
    assert any(before == after for before, after in everything)
    page.locator("#gallery-method").select_option("candidate: clip · zs")
    chosen = page.locator("#gallery-against option:checked").inner_text()
    assert chosen == "baseline: clip · zs"
    assert all(before == after for before, after in moves())
    assert len(moves()) == len(everything)


def test_the_list_is_searched(
    open_page: Open, pages: dict[str, Path], compared_seeds: CompareRecord
) -> None:
    page = open_page(pages["seeds"], width=390).page
    (pair,) = (pair for pair in compared_seeds.pairs if pair.moved)
    assert page.locator(".units thead th").all_inner_texts()[-1] == "seed"
    wanted = pair.changed[0].label
    page.locator(".units input").fill(wanted.upper())
    told = [
        unit
        for unit in pair.changed
        if any(
            wanted in text
            for text in (unit.id, unit.label, unit.baseline_prediction, unit.candidate_prediction)
        )
    ]
    assert page.locator(".units tbody tr").count() == len(told) > 0
    assert page.locator(".units [role=status]").inner_text() == (
        f"{len(told)} of {len(told)} units shown, of {len(pair.changed)} that changed"
    )
    page.locator(".units input").fill("nothing like this")
    assert page.locator(".units .empty").inner_text() == "No unit passes these filters."


def test_a_long_list_is_shown_by_and_by_and_says_what_is_missing(
    open_page: Open, compared: CompareRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair,) = (pair for pair in compared.pairs if pair.moved)
    many = tuple(pair.changed[0].model_copy(update={"id": f"u{at:04}"}) for at in range(450))
    long = pair.model_copy(update={"changed": many, "moved": 450, "count": 900})
    monkeypatch.setattr(units, "LISTED", 420)
    file = tmp_path / "long.html"
    record = compared.model_copy(update={"pairs": (long,)})
    file.write_text(render(record, pictures=False), encoding="utf-8")
    page = open_page(file).page
    rows = page.locator(".units tbody tr")
    counts = []
    while page.locator(".units .more").is_visible():
        counts.append(rows.count())
        page.locator(".units .more").click()
    assert [*counts, rows.count()] == [200, 400, 420]
    told = page.locator(".units [role=status]").inner_text()
    assert "30 more are not listed in this page" in told
    assert "without any photo" in page.locator("footer").inner_text()


def test_it_prints_in_ink_on_paper(open_page: Open, pages: dict[str, Path]) -> None:
    opened = open_page(pages["pair"], dark=True)
    page = opened.page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert not page.locator(".units select").first.is_visible()
    assert page.locator(".units tbody tr").first.is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('#scores details')].every((one) => one.open)"
    )
    undrawn = "[...document.querySelectorAll('#gallery .card')].filter((card) => !card.innerText)"
    assert page.evaluate(f"{undrawn}.length") == 0
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert opened.complaints == []


def test_names_stay_text(
    open_page: Open,
    compared: CompareRecord,
    pair_runs: tuple[RunRecord, RunRecord],
    tmp_path: Path,
) -> None:
    hostile = "</script><img src=x onerror=\"document.title='owned'\">\u202e"
    changed = [
        pair.model_copy(
            update={
                "changed": tuple(
                    unit.model_copy(update={"id": hostile, "candidate_prediction": hostile})
                    for unit in pair.changed
                ),
                "validator": hostile,
            }
        )
        for pair in compared.pairs
    ]
    file = tmp_path / "hostile.html"
    file.write_text(render(compared.model_copy(update={"pairs": tuple(changed)})), encoding="utf-8")
    opened = open_page(file)
    shown = opened.page.locator(".units tbody th").first.inner_text()
    assert shown == hostile.replace("\u202e", "\\u202e")
    assert "owned" not in opened.page.title()
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.complaints == []
    assert opened.outside() == []


def test_a_folder_has_the_pictures_beside_the_page(
    open_page: Open, compared: CompareRecord, tmp_path: Path
) -> None:
    write_folder(compared, tmp_path / "page")
    written = {file.resolve().as_uri() for file in (tmp_path / "page" / "pictures").iterdir()}
    opened = open_page(tmp_path / "page" / "index.html")
    opened.page.locator("#gallery .card").first.scroll_into_view_if_needed()
    opened.wait(
        "[...document.querySelectorAll('#gallery img')].some((image) => image.naturalWidth > 0)"
    )
    assert opened.complaints == []
    assert set(opened.outside()) <= written
