"""The gallery in a real browser: what it shows and counts is what the run's rows say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pytest
import torch

from rateval.records.about.pictures import PicturesRecord
from rateval.records.run import RunRecord
from rateval.report.html.page import render

Open = Callable[..., Any]
Row = dict[str, Any]
METHODS = ("clip · zs", "clip · lp")


@pytest.fixture(scope="module")
def page_file(gallery_run: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("gallery") / "report.html"
    file.write_text(render(gallery_run), encoding="utf-8")
    return file


@pytest.fixture
def page(open_page: Open, page_file: Path) -> Any:
    opened = open_page(page_file)
    yield opened.page
    assert opened.complaints == []
    assert opened.outside() == []


def rows_of(record: RunRecord, label: str, validator: str = "relevance-mass") -> dict[int, Row]:
    """Return the rows of a cell by their place in the test, with label names and quadrant."""
    cell = next(cell for cell in record.cells if record.label(cell.key) == label)
    names = next(data for data in record.datasets if data.name == cell.key.dataset).classes
    found = {}
    for row in record.rows(cell, validator).to_pylist():
        known = row["mask_area"] is not None and row.get("known", True)
        second = ("R" if row["valid"] else "W") if known else "U"
        quadrant = ("R" if row["correct"] else "W") + second
        found[row["index"]] = row | {"quadrant": quadrant, "name": names[row["label"]]}
    return found


def kept(record: RunRecord, dataset: str) -> set[int]:
    pictures = next(found for found in record.pictures if found.dataset == dataset)
    return set(record.images(pictures).column("index").to_pylist())


def shown(page: Any) -> list[int]:
    cards = "[...document.querySelectorAll('#gallery .card')].map((c) => Number(c.dataset.index))"
    found: list[int] = page.evaluate(cards)
    return found


def choose(page: Any, name: str, label: str) -> None:
    page.locator(f"#gallery-{name}").select_option(label=label)


def slide(page: Any, name: str, value: int) -> None:
    page.locator(f"#gallery-{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
        value,
    )


def wait(page: Any, script: str) -> None:
    """Wait until a script is true; the page's policy forbids that Playwright does."""
    for _ in range(200):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {script}")


def counts(page: Any) -> dict[str, tuple[int, int]]:
    """Return by quadrant the count of all images, and of those in the gallery."""
    found = {}
    for button in page.locator("#gallery .quadrant").all():
        all_, here = (button.locator(name).inner_text() for name in (".all b", ".here"))
        name = button.get_attribute("data-quadrant")
        found[name] = int(all_.replace(",", "")), int(here.split()[0])
    return found


LP, ZS = (f"{METHODS[at]} on biased · raw" for at in (1, 0))


def test_the_first_look_is_at_a_trained_method(page: Any, gallery_run: RunRecord) -> None:
    rows = rows_of(gallery_run, LP)
    assert set(shown(page)) == kept(gallery_run, "biased")
    assert page.locator("#gallery .status").inner_text() == (
        "40 of 40 pictures shown; the test has 60 images."
    )
    all_ = Counter(row["quadrant"] for row in rows.values())
    here = Counter(rows[at]["quadrant"] for at in kept(gallery_run, "biased"))
    assert counts(page) == {name: (all_[name], here[name]) for name in ("RR", "RW", "WR", "WW")}


@pytest.mark.parametrize("quadrant", ["RR", "RW", "WR", "WW"])
def test_a_quadrant_shows_its_images(page: Any, gallery_run: RunRecord, quadrant: str) -> None:
    page.locator(f"#gallery .quadrant[data-quadrant={quadrant}]").click()
    rows, here = rows_of(gallery_run, LP), kept(gallery_run, "biased")
    assert set(shown(page)) == {at for at in here if rows[at]["quadrant"] == quadrant}
    page.locator(f"#gallery .quadrant[data-quadrant={quadrant}]").click()
    assert set(shown(page)) == here


def test_test_method_explainer_and_validator(page: Any, gallery_run: RunRecord) -> None:
    def agrees(label: str, validator: str, dataset: str) -> None:
        rows, here = rows_of(gallery_run, label, validator), kept(gallery_run, dataset)
        assert set(shown(page)) == here
        all_ = Counter(row["quadrant"] for row in rows.values())
        told = counts(page)
        assert {name: count for name, (count, _) in told.items() if count} == all_
        in_gallery = Counter(rows[at]["quadrant"] for at in here)
        assert {name: count for name, (_, count) in told.items() if count} == in_gallery

    choose(page, "method", "clip · zs")
    agrees(ZS, "relevance-mass", "biased")
    choose(page, "explainer", "grad-cam")
    agrees("clip · zs on biased · grad-cam", "relevance-mass", "biased")
    choose(page, "validator", "counterfactual")
    agrees("clip · zs on biased · grad-cam", "counterfactual", "biased")
    assert page.locator("#gallery-threshold").is_hidden()
    choose(page, "test", "unbiased")
    agrees("clip · lp on unbiased · raw", "counterfactual", "unbiased")


def test_each_transition_shows_its_images(page: Any, gallery_run: RunRecord) -> None:
    choose(page, "against", "clip · zs · raw")
    before, after = rows_of(gallery_run, ZS), rows_of(gallery_run, LP)
    pairs = {at: f"{before[at]['quadrant']}>{after[at]['quadrant']}" for at in after}
    here = kept(gallery_run, "biased")
    for name, count in Counter(pairs.values()).items():
        among = {at for at in here if pairs[at] == name}
        page.locator("#gallery-transition").select_option(value=name)
        assert set(shown(page)) == among
        text = page.locator(f'#gallery-transition option[value="{name}"]').inner_text()
        assert text == f"{name.replace('>', ' → ')} ({len(among)} here, {count} of all)"


def test_class_text_and_scores(page: Any, gallery_run: RunRecord) -> None:
    rows, here = rows_of(gallery_run, LP), kept(gallery_run, "biased")
    for name in {rows[at]["name"] for at in here}:
        page.locator("#gallery-class").select_option(value=name)
        assert set(shown(page)) == {at for at in here if rows[at]["name"] == name}
    page.locator("#gallery .clear").click()
    page.locator("#gallery-text").fill("0003")
    assert set(shown(page)) == {at for at in here if "0003" in rows[at]["id"]} != set()
    page.locator("#gallery-text").fill("")
    page.locator("#gallery-low").fill("0.2")
    page.locator("#gallery-high").fill("0.4")
    among = {at for at in here if 0.2 <= (rows[at]["score"] or 0) <= 0.4}
    assert set(shown(page)) == among != set()
    page.locator("#gallery .clear").click()
    assert set(shown(page)) == here
    page.locator("#gallery-text").fill("no such id")
    assert page.locator("#gallery .nothing").inner_text() == "No picture here passes these filters."


def test_orders(page: Any, gallery_run: RunRecord) -> None:
    rows = rows_of(gallery_run, LP)
    scores = {at: row["score"] for at, row in rows.items()}
    choose(page, "sort", "score, lowest first")
    assert [scores[at] for at in shown(page)] == sorted(scores[at] for at in shown(page))
    choose(page, "sort", "score, highest first")
    assert [scores[at] for at in shown(page)] == sorted(
        (scores[at] for at in shown(page)), reverse=True
    )
    choose(page, "sort", "id")
    assert shown(page) == sorted(shown(page), key=lambda at: rows[at]["id"])
    choose(page, "sort", "rare first")
    all_ = Counter(row["quadrant"] for row in rows.values())
    rarity = [all_[rows[at]["quadrant"]] for at in shown(page)]
    assert rarity == sorted(rarity)


@pytest.mark.parametrize("k", [0, 1, 100, 333, 500, 800, 1000, "below a score", "above it"])
def test_a_moved_threshold_is_a_recount(page: Any, gallery_run: RunRecord, k: int | str) -> None:
    if isinstance(k, str):
        scores = sorted(row["score"] for row in rows_of(gallery_run, LP).values() if row["score"])
        k = int(1000 * scores[30]) + (k == "above it")
    slide(page, "threshold", k)
    rows, here = rows_of(gallery_run, LP), kept(gallery_run, "biased")

    def quadrant(row: Row) -> str:
        valid = row["score"] is not None and np.float32(row["score"]) >= np.float32(k / 1000)
        return ("R" if row["correct"] else "W") + ("R" if valid else "W")

    now = {at: quadrant(row) for at, row in rows.items()}
    all_, among = Counter(now.values()), Counter(now[at] for at in here)
    assert counts(page) == {name: (all_[name], among[name]) for name in ("RR", "RW", "WR", "WW")}
    judged = Counter(row["quadrant"] for row in rows.values())
    change = all_["RR"] - judged["RR"]
    text = page.locator("#gallery .quadrant[data-quadrant=RR] .all").inner_text()
    expected = f" ({'+' if change > 0 else '−'}{abs(change)})" if change else ""
    assert text == f"{all_['RR']}{expected}"
    page.locator("#gallery .card").first.scroll_into_view_if_needed()
    wait(page, "document.querySelector('#gallery .card img') !== null")
    badges = page.evaluate(
        "[...document.querySelectorAll('#gallery .card')].map((c) => [Number(c.dataset.index),"
        " c.dataset.quadrant, c.ariaLabel, c.querySelector('img')?.alt ?? c.ariaLabel])"
    )
    assert len(badges) == 40
    for at, *told in badges:
        assert {text[:2] for text in told} == {now[at]}
    page.get_by_role("button", name="as judged").click()
    assert {name: count for name, (count, _) in counts(page).items() if count} == judged


def test_a_link_carries_the_filter(
    page: Any, open_page: Open, page_file: Path, gallery_run: RunRecord
) -> None:
    choose(page, "test", "unbiased")
    choose(page, "method", "clip · zs")
    choose(page, "against", "clip · lp · raw")
    page.locator("#gallery .quadrant[data-quadrant=RW]").click()
    slide(page, "threshold", 321)
    choose(page, "sort", "id")
    wait(page, "location.hash.includes('sort')")
    fragment = page.evaluate("location.hash")
    assert json.loads(unquote(fragment.removeprefix("#filter="))) == {
        "test": "unbiased",
        "cell": "clip · zs on unbiased · raw",
        "validator": "relevance-mass",
        "against": "clip · lp on unbiased · raw",
        "quadrant": "RW",
        "threshold": 0.321,
        "sort": "id",
    }
    again = open_page(page_file, fragment=fragment).page
    assert shown(again) == shown(page) != []
    assert counts(again) == counts(page)
    again.evaluate("location.hash = '#filter=' + encodeURIComponent('{\"quadrant\": \"WW\"}')")
    wait(again, "document.querySelector('.quadrant[data-quadrant=WW]').ariaPressed === 'true'")


@pytest.mark.parametrize(
    "text",
    ["%", "{", "null", "3", "[]", '{"cell":7,"against":{},"threshold":"x","low":"<b>"}',
     '{"quadrant":"XX","transition":"RR>","test":"gone","cell":"gone","class":"gone"}'],
)  # fmt: skip
def test_a_link_that_says_nothing_does_no_harm(open_page: Open, page_file: Path, text: str) -> None:
    fragment = "#filter=" + (text if text == "%" else quote(text))
    opened = open_page(page_file, fragment=fragment)
    assert opened.complaints == []
    assert opened.page.locator("#gallery .quadrant").count() == 4


def test_the_page_asks_for_images_by_an_event(page: Any, gallery_run: RunRecord) -> None:
    page.locator("#gallery-text").fill("0001")
    page.evaluate(
        "(detail) => document.dispatchEvent(new CustomEvent('rateval:filter', { detail }))",
        {"test": "biased", "cell": ZS, "validator": "relevance-mass", "quadrant": "RW"},
    )
    rows = rows_of(gallery_run, ZS)
    here = kept(gallery_run, "biased")
    assert set(shown(page)) == {at for at in here if rows[at]["quadrant"] == "RW"} != set()


def test_a_row_over_seeds_opens_its_first_seed(page: Any) -> None:
    """Tables over several seeds name no seed, and a link may name what this page doesn't have."""
    found = page.evaluate(
        """(labels) => {
          const data = JSON.parse(document.getElementById('gallery-data').textContent);
          data.cells.forEach((cell, at) => { cell.label = `${cell.seedless}, seed ${at}`; });
          const state = ratevalGallery.initial(data);
          return labels.map((cell) =>
            data.cells[ratevalGallery.fromDetail(data, { cell }, state).cell].label);
        }""",
        [ZS, f"{LP}, seed 4", "none"],
    )
    assert found[0].startswith(f"{ZS}, seed ")
    assert found[1] == f"{LP}, seed 4"
    assert found[2].startswith(LP)


def test_keys_move_between_cards_and_images(page: Any) -> None:
    cards = page.locator("#gallery .card")
    cards.first.focus()
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('#gallery .cards')).gridTemplateColumns"
    ).split()
    place = "[...document.querySelectorAll('#gallery .card')].indexOf(document.activeElement)"
    for key, at in [
        ("ArrowRight", 1),
        ("ArrowDown", 1 + len(columns)),
        ("ArrowLeft", len(columns)),
        ("ArrowUp", 0),
        ("ArrowUp", 0),
        ("End", 39),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        assert page.evaluate(place) == at, key
    assert page.locator('#gallery .card[tabindex="0"]').count() == 1
    page.keyboard.press("Enter")
    dialog = page.locator("#gallery .gallery-detail")
    assert dialog.get_by_text("1 of 40").is_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_text("3 of 40").is_visible()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="next image").click()
    assert dialog.get_by_text("3 of 40").is_visible()
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    wait(page, f"{place} === 2")


def test_keys_change_what_is_drawn(page: Any, gallery_run: RunRecord) -> None:
    choose(page, "against", "clip · zs · raw")
    page.locator("#gallery .card").first.focus()
    wait(page, "document.activeElement.querySelector('img') !== null")
    at = shown(page)[0]
    one, other = rows_of(gallery_run, LP)[at], rows_of(gallery_run, ZS)[at]
    alts = "[...document.activeElement.querySelectorAll('img')].map((image) => image.alt)"
    assert [alt[:2] for alt in page.evaluate(alts)] == [one["quadrant"]]
    page.keyboard.press("f")
    assert [alt[:2] for alt in page.evaluate(alts)] == [other["quadrant"]]
    assert "Maps of clip · zs on biased" in page.locator("#gallery .status").inner_text()
    page.keyboard.press("s")
    told = [alt.split(": ")[1][:2] for alt in page.evaluate(alts)]
    assert told == [other["quadrant"], one["quadrant"]]
    page.keyboard.press("f")
    page.keyboard.press("s")
    heat = "getComputedStyle(document.activeElement.querySelector('.heat')).opacity"
    before = float(page.evaluate(heat))
    page.keyboard.press("-")
    assert float(page.evaluate(heat)) == pytest.approx(before - 0.05, abs=1e-4)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert float(page.evaluate(heat)) == pytest.approx(before + 0.05, abs=1e-4)
    slide(page, "opacity", 20)
    assert float(page.evaluate(heat)) == pytest.approx(0.2, abs=1e-4)
    outline = "getComputedStyle(document.activeElement.querySelector('.outline')).display"
    page.keyboard.press("m")
    assert page.evaluate(outline) == "none"
    page.keyboard.press("m")
    assert page.evaluate(outline) != "none"
    page.keyboard.press("]")
    assert page.locator("output[for=gallery-threshold]").inner_text() == "0.510"
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert page.locator("output[for=gallery-threshold]").inner_text() == "0.490"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys of the gallery").is_visible()
    page.keyboard.press("Escape")


def test_letters_typed_into_a_field_are_letters(page: Any) -> None:
    choose(page, "against", "clip · zs · raw")
    page.locator("#gallery-text").press_sequentially("fs?m")
    assert page.locator("#gallery-text").input_value() == "fs?m"
    assert page.get_by_role("button", name="Flip").get_attribute("aria-pressed") == "false"


def test_the_row_of_an_image_is_told_in_full(page: Any, gallery_run: RunRecord) -> None:
    choose(page, "against", "clip · zs · raw")
    page.locator("#gallery .card").first.click()
    at = shown(page)[0]
    dialog = page.locator("#gallery .gallery-detail")
    lp, zs = rows_of(gallery_run, LP)[at], rows_of(gallery_run, ZS)[at]
    assert dialog.locator("h3").inner_text() == lp["id"]
    text = dialog.inner_text()
    assert f"label {lp['name']}" in text
    assert f"mask {100 * lp['mask_area']:.1f} % of the view" in text
    names = next(data for data in gallery_run.datasets if data.name == "biased").classes

    def told(heading: str) -> list[str]:
        row = dialog.locator("tr").filter(has=page.locator(f'th:text-is("{heading}")'))
        return [cell.inner_text() for cell in row.locator("td").all()]

    for column, row in enumerate((lp, zs)):
        assert told("quadrant")[column].startswith(row["quadrant"])
        assert told("predicted")[column] == names[row["prediction"]]
        assert f"{100 * max(row['probabilities']):.1f} %" in told("most likely classes")[column]
        assert told("score, relevance-mass")[column] == f"{row['score']:.3f}, valid from 0.500"
    answers = [
        {row["id"]: row for row in gallery_run.answers(cell).to_pylist()}[lp["id"]]
        for label in (LP, ZS)
        for cell in gallery_run.cells
        if gallery_run.label(cell.key) == label
    ]
    assert told("answer stays on other backgrounds") == [
        f"{100 * answer['kept_on_object']:.1f} %" for answer in answers
    ]
    assert told("answer stays without the object") == [
        "yes" if answer["kept_without_object"] else "no" for answer in answers
    ]
    first = dialog.locator("figcaption").first.inner_text()
    page.keyboard.press("f")
    assert dialog.locator("figcaption").first.inner_text() != first


def test_heat_is_what_the_validator_sees(page: Any, gallery_run: RunRecord) -> None:
    """As the validators do it: upsampled bilinearly by torch, and stretched to its range."""
    bytes_ = np.random.default_rng(0).integers(0, 256, (7, 5))
    drawn = page.evaluate(
        "(map) => [...ratevalGallery.upsample(map, [7, 5], 40, 33)]", bytes_.ravel().tolist()
    )
    exact = torch.nn.functional.interpolate(
        torch.from_numpy(bytes_)[None, None].double(), (40, 33), mode="bilinear"
    )[0, 0].numpy()
    stretched = (exact - exact.min()) / (exact.max() - exact.min())
    assert np.abs(np.array(drawn).reshape(40, 33) - stretched).max() < 1e-6


def test_the_outline_is_that_of_the_mask(page: Any) -> None:
    """Filling the path by the even-odd rule gives the mask back."""
    mask = np.random.default_rng(1).random((9, 13)) < 0.5
    flat = mask.ravel()
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff([0, *ends, flat.size]).tolist()
    path = page.evaluate(
        "(runs) => ratevalGallery.outline(runs, 13, 9)", [0, *runs] if flat[0] else runs
    )
    edges = set()
    for x, y, way, to in re.findall(r"M(\d+) (\d+)([HV])(\d+)", path):
        if way == "V":
            edges |= {(int(x), at) for at in range(int(y), int(to))}
    crossed = np.array([[(x, y) in edges for x in range(13)] for y in range(9)])
    assert np.array_equal(np.cumsum(crossed, axis=1) % 2 == 1, mask)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 768, 1400])
def test_it_fits_the_window_and_can_be_read(
    open_page: Open, page_file: Path, width: int, dark: bool
) -> None:
    opened = open_page(page_file, width=width, dark=dark)
    page = opened.page
    page.locator("#gallery .more").evaluate("(more) => { more.open = true; }")
    choose(page, "against", "clip · zs · raw")
    page.get_by_role("button", name="Side by side").click()
    page.locator("#gallery .card").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "((d) => d.scrollWidth - d.clientWidth)(document.querySelector('.gallery-detail'))"
    assert page.evaluate(wide) <= 0
    for place in (".gallery-detail th", ".gallery-detail .badge", ".place", ".mark", ".status",
                  ".here", ".words", ".field label", ".card .score", ".card .names"):  # fmt: skip
        assert page.evaluate(_CONTRAST, f"#gallery {place}") >= 4.5, place
    assert opened.complaints == []


_CONTRAST = """(place) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const bytes = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => bytes(colour).slice(0, 3).reduce((total, byte, at) => {
    const value = byte / 255;
    const linear = value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return total + linear * [0.2126, 0.7152, 0.0722][at];
  }, 0);
  const element = document.querySelector(place);
  let behind = element;
  while (bytes(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const pair = [light(getComputedStyle(element).color),
    light(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
}"""


def test_controls_and_cards_have_names(page: Any) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('#gallery select, #gallery input, #gallery button')]"
        ".filter((e) => !(e.labels?.length || e.textContent.trim() || e.ariaLabel"
        " || e.querySelector('img[alt]'))).length"
    )
    assert unnamed == 0
    name = page.locator("#gallery .card").last.get_attribute("aria-label")
    assert re.fullmatch(r"(RR|RW|WR|WW) \(.*\): label .*, predicted .*", name)


HOSTILE = (
    "<script>window.hit = 1</script>",
    '"><img src=x onerror="window.hit=1">',
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "</script><b>",
    "'\"`${window.hit=1}",
)


def test_foreign_names_are_text(
    open_page: Open, gallery_run: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = RunRecord.images

    def renamed(self: RunRecord, pictures: PicturesRecord) -> pa.Table:
        table = read(self, pictures)
        ids = [f"{HOSTILE[at % len(HOSTILE)]} {at}" for at in range(len(table))]
        return table.set_column(0, "id", pa.array(ids))

    monkeypatch.setattr(RunRecord, "images", renamed)
    datasets = tuple(
        data.model_copy(update={"classes": (*HOSTILE, *data.classes[len(HOSTILE) :])})
        for data in gallery_run.datasets
    )
    record = gallery_run.model_copy(update={"datasets": datasets})
    record._path = gallery_run.path
    file = tmp_path / "report.html"
    file.write_text(render(record), encoding="utf-8")
    opened = open_page(file)
    page = opened.page
    choose(page, "sort", "id")
    page.locator("#gallery .card").first.click()
    titles = set()
    for _ in range(39):
        titles.add(page.locator("#gallery .gallery-detail h3").inner_text())
        page.keyboard.press("ArrowRight")
    assert any("<script>window.hit = 1</script>" in title for title in titles)
    assert any("\\x1b[31mred\\x1b[0m" in title for title in titles)
    assert any("\\u202egnp.exe" in title for title in titles)
    page.keyboard.press("Escape")
    page.locator("#gallery-class").select_option(
        value=next(name for name in HOSTILE if '"' in name)
    )
    wait(page, "location.hash.includes('class')")
    assert page.evaluate("window.hit") is None
    assert page.locator("#gallery script, #gallery img[onerror]").count() == 0
    assert opened.complaints == []
    assert opened.outside() == []


def test_without_pictures_counts_still_answer(
    open_page: Open, gallery_run: RunRecord, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(gallery_run, pictures=False), encoding="utf-8")
    block = re.search('id="gallery-data">(.*?)</script>', file.read_text(encoding="utf-8"))
    assert block is not None
    assert [test["images"] for test in json.loads(block[1])["tests"]] == [[], []]
    bare = gallery_run.model_copy(update={"pictures": ()})
    bare._path = gallery_run.path
    unkept = tmp_path / "unkept.html"
    unkept.write_text(render(bare), encoding="utf-8")
    for path, text in ((file, "Pictures were left out"), (unkept, "--pictures 200 --html")):
        opened = open_page(path)
        page = opened.page
        assert text in page.locator("#gallery .nothing").inner_text()
        rows = rows_of(gallery_run, LP).values()
        slide(page, "threshold", 250)
        now = Counter(
            ("R" if row["correct"] else "W") + ("R" if (row["score"] or 0) >= 0.25 else "W")
            for row in rows
        )
        assert {name: count for name, (count, _) in counts(page).items() if count} == now
        assert opened.complaints == []


def test_a_thousand_images_are_drawn_as_they_come_into_view(
    open_page: Open, many: RunRecord, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(many), encoding="utf-8")
    assert file.stat().st_size <= 12_000_000
    opened = open_page(file)
    page = opened.page
    cards = page.locator("#gallery .card").count()
    drawn = "document.querySelectorAll('#gallery .card img').length"
    page.locator("#gallery .card").first.scroll_into_view_if_needed()
    wait(page, f"{drawn} > 0")
    assert 0 < page.evaluate(drawn) < cards
    page.locator("#gallery .card").last.scroll_into_view_if_needed()
    wait(page, "document.querySelector('#gallery .cards li:last-child .card img') !== null")
