"""``rateval data show``: which samples a sheet has, and what stands in its files."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.inspection.sheet.drawing import COLOUR

FOLDER = ("folder", "root=photos", "masks=masks")
VOID = {"meta", "img"}


class Page(HTMLParser):
    """What a browser would make of a sheet: elements with their attributes, and texts."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self) -> list[str]:
        return [text for text in self.texts if re.fullmatch(r"(test|train)[/:].*\.\w{3}", text)]


def picture(source: str | None) -> Image.Image:
    assert source is not None
    kind, _, data = source.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return image.convert("RGB")


def test_the_page_needs_nothing_else_and_nothing_in_it_runs(
    photos: Any, rateval: Any, tmp_path: Path
) -> None:
    photos.sound(("cup", '<script>alert("1")'), 2)
    done = rateval("data", "show", *FOLDER, "name=<b>mine</b>", "--html", "sheet.html")
    assert done.code == 0, done.err
    assert "sheet.html: 4 of 4 test, 4 of 4 train samples" in done.out
    page = Page(tmp_path / "sheet.html")
    assert {tag for tag, _ in page.tags} == {
        *("html", "head", "meta", "title", "style", "body", "header", "h1", "p", "span", "main"),
        *("figure", "div", "img", "figcaption", "strong"),
    }
    assert page.texts.count('<script>alert("1")') == 4
    assert "<b>mine</b>" in page.texts
    for _, attributes in page.tags:
        assert not {"style", "href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert all(str(image["src"]).startswith("data:image/") for image in page.all("img"))
    assert "http" not in re.sub(r"http-equiv", "", page.source)
    (policy,) = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    style = page.source.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert str(policy).startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'")
    assert "prefers-color-scheme: dark" in style


def test_pictures_have_their_evidence_where_it_is(photos: Any, rateval: Any) -> None:
    photos.add("cup/1.png", photos.box(10, 30, 30, 50))
    assert rateval("data", "show", *FOLDER).code == 0
    page = Page(photos.folder / "folder.html")
    (image,) = page.all("img")
    pixels = np.asarray(picture(image["src"])).astype(int)
    assert (image["width"], image["height"]) == ("240", "160")
    assert pixels.shape == (160, 240, 3)
    # An outline of magenta, in pixels that are four times as fine.
    column = pixels[42:118, 121]
    assert (column[:, 0] > 200).all()
    assert (column[:, 1] < 90).all()
    assert "evidence 17 %" in page.texts


def test_what_the_model_sees_is_shown_beside(photos: Any, rateval: Any, acme: Path) -> None:
    photos.add("cup/1.png", photos.box(5, 15, 0, 8))
    words = ("data", "show", *FOLDER, "--html", "both.html", "--view", "both")
    assert rateval(*words).code == 0
    page = Page(photos.folder / "both.html")
    assert [(i["width"], i["height"]) for i in page.all("img")] == [("240", "160"), ("240", "240")]
    assert "usual 224 px centre crop: nothing left of the evidence" in page.texts
    assert rateval(*words, "--model", "tiny").code == 0
    page = Page(photos.folder / "both.html")
    assert [(i["width"], i["height"]) for i in page.all("img")][1] == ("240", "180")


def test_samples_are_spread_over_the_classes_and_the_same_every_time(
    photos: Any, rateval: Any
) -> None:
    for number in range(12):
        photos.add(f"test/cup/{number}.png")
    photos.add("test/pan/0.png")
    pages = []
    for name in ("a.html", "b.html"):
        assert rateval("data", "show", "folder", "root=photos", "--count", "3", "--html", name)
        pages.append(Page(photos.folder / name))
    assert pages[0].source == pages[1].source
    assert len(pages[0].ids) == 3
    assert "test/pan/0.png" in pages[0].ids


def planted(photos: Any) -> None:
    photos.sound()
    photos.add("test/cup/bare.png")
    photos.add("test/cup/empty.png", photos.box(0, 0, 0, 0))
    photos.add("test/cup/full.png", photos.box(0, 40, 0, 60))
    photos.add("test/pan/gone.png", photos.box(5, 15, 0, 8))
    photos.add("train/pan/edge.png", photos.box(5, 15, 4, 16))
    photos.place("train/cup/broken.jpg").write_bytes(b"no photo")
    exif = Image.Exif()
    exif[0x0112] = 3
    path = photos.add("train/cup/noted.png", photos.box(12, 28, 22, 38), exif=exif)
    photos.place("test/pan/copy.png").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("only", "ids"),
    [
        ("without-evidence", ["test/cup/bare.png", "test/pan/copy.png"]),
        ("empty-evidence", ["test/cup/empty.png"]),
        ("whole-evidence", ["test/cup/full.png"]),
        ("vanished", ["test/pan/gone.png"]),
        ("cut", ["test/cup/full.png", "test/pan/gone.png", "train/pan/edge.png"]),
        ("skipped", ["train/cup/broken.jpg"]),
        ("noted", ["train/cup/noted.png", "test/pan/copy.png"]),
        ("duplicates", ["train/cup/noted.png", "test/pan/copy.png"]),
    ],
)
def test_a_sheet_can_be_narrowed(photos: Any, rateval: Any, only: str, ids: list[str]) -> None:
    planted(photos)
    done = rateval("data", "show", *FOLDER, "--only", only, "--html", "sheet.html")
    assert done.code == 0
    assert sorted(Page(photos.folder / "sheet.html").ids) == sorted(ids)


def test_by_class_and_by_split(photos: Any, rateval: Any) -> None:
    photos.sound()
    rateval(*("data", "show", *FOLDER, "--class", "pan", "--split", "train", "--html", "s.html"))
    page = Page(photos.folder / "s.html")
    assert sorted(page.ids) == [f"train/pan/{number}.png" for number in range(3)]
    done = rateval("data", "show", *FOLDER, "--class", "pans")
    assert done.code == 2
    assert 'did you mean "pan"' in done.err


def test_a_class_of_a_split_that_lists_no_labels(acme: Path, rateval: Any, tmp_path: Path) -> None:
    done = rateval("data", "show", "squares", "--class", "red square", "--html", "s.html")
    assert done.code == 0
    page = Page(tmp_path / "s.html")
    assert page.texts.count("red square") == len(page.all("figure")) > 0


def test_skipped_samples_say_why(photos: Any, rateval: Any) -> None:
    photos.place("cup/broken.jpg").write_bytes(b"no photo")
    assert rateval("data", "show", *("folder", "root=photos"), "--png", "s.png").code == 0
    assert not (photos.folder / "folder.html").exists()
    with Image.open(photos.folder / "s.png") as image:
        assert image.size[0] > 240
    assert rateval("data", "show", "folder", "root=photos").code == 0
    page = Page(photos.folder / "folder.html")
    assert page.all("img") == []
    assert any("cannot identify image file" in text for text in page.texts)


@pytest.mark.parametrize("count", [1, 5])
def test_a_png_holds_every_tile(photos: Any, rateval: Any, count: int) -> None:
    for number in range(count):
        # A name in letters that hardly a font has, and one that is far too long.
        photos.add(f"cup/{'q' * 90}杯{number}.png", photos.box(10, 30, 20, 40))
    assert rateval("data", "show", *FOLDER, "--png", "s.png").code == 0
    with Image.open(photos.folder / "s.png") as image:
        magenta = (np.asarray(image.convert("RGB")) == COLOUR).all(axis=-1)
    # The outline of each mask: 80 x 80 pixels, two thick, within.
    assert magenta.sum() == count * (80 * 80 - 76 * 76)


def test_nothing_to_show_writes_nothing(photos: Any, rateval: Any) -> None:
    photos.sound()
    done = rateval("data", "show", *FOLDER, "--only", "skipped")
    assert done.code == 0
    assert "no such sample" in done.out
    assert not (photos.folder / "folder.html").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--html", "nowhere/s.html"), "there is no folder nowhere"),
        (("--png", "photos"), "photos: is a folder"),
        (("--count", "1001"), "nobody looks at more than 1,000"),
        (("--only", "skippd"), "invalid choice"),
        (("--model", "x", "--view", "model"), "unknown model"),
    ],
)
def test_wrong_options_are_explained(
    photos: Any, rateval: Any, options: tuple[str, ...], said: str
) -> None:
    photos.sound()
    done = rateval("data", "show", *FOLDER, *options)
    assert done.code == 2
    assert said in done.err


def test_a_sheet_is_of_one_dataset(photos: Any, rateval: Any) -> None:
    photos.sound()
    done = rateval("data", "show", *FOLDER, *FOLDER, "name=b")
    assert done.code == 2
    assert "a sheet shows one dataset; there are folder, b" in done.err
