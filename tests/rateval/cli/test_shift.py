"""``rateval shift show``: what stands on a sheet of shifted images, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.inspection.sheet.drawing import COLOUR

SCENES = ("shapes", "test_size=20", "train_size=0")
SPEC = """[study]
name = "small"
[[dataset]]
use = "shapes"
test_size = 20
[[model]]
use = "clip"
[[finetune]]
use = "zs"
"""


def texts_of(path: Path) -> list[str]:
    return re.findall(r">([^<>\n]+)</(?:span|strong)>", path.read_text(encoding="utf-8"))


def test_rows_are_types_and_columns_are_severities(rateval: Any, tmp_path: Path) -> None:
    done = rateval("shift", "show", *SCENES, "--use", "background")
    assert (done.code, done.out) == (0, "shapes-shifts.html: 1 of 20 test samples, 4 shifts\n")
    texts = texts_of(tmp_path / "shapes-shifts.html")
    rows = [text for text in texts if text.startswith("background")]
    assert rows == ["background blur", "background grey", "background noise", "background remove"]
    assert texts.count("as it is") == texts.count("shifted") == 4
    words = ("--use", "rotate", "--severity", "5", "1", "--count", "3", "--html", "turned.html")
    assert rateval("shift", "show", *SCENES, *words).code == 0
    texts = texts_of(tmp_path / "turned.html")
    titles = [text for text in texts if text == "as it is" or text.startswith("severity")]
    assert titles == ["as it is", "severity 5", "severity 1"] * 3
    assert (tmp_path / "turned.html").read_text().count("<img") == 9


def test_the_picture_has_masks_outlined_where_they_moved(rateval: Any, tmp_path: Path) -> None:
    words = ("--use", "patch-shuffle", "--severity", "1", "--png", "sheet.png")
    assert rateval("shift", "show", *SCENES, *words).out.startswith("sheet.png: 1 of 20")
    assert not (tmp_path / "shapes-shifts.html").exists()
    with Image.open(tmp_path / "sheet.png") as image:
        outlined = (np.asarray(image.convert("RGB")) == COLOUR).all(axis=2)
    columns = np.flatnonzero(outlined.any(axis=0))
    plain, shuffled = (columns[columns < 16 + 183], columns[columns >= 16 + 183])
    assert len(plain)
    assert len(shuffled)
    rows = [set(np.flatnonzero(outlined[:, part].any(axis=1))) for part in (plain, shuffled)]
    assert rows[0] != rows[1] or len(plain) != len(shuffled)


def test_other_samples_lend_their_backgrounds(rateval: Any, tmp_path: Path) -> None:
    assert rateval("shift", "show", *SCENES, "--use", "background-swap").code == 0
    assert "skipped" not in " ".join(texts_of(tmp_path / "shapes-shifts.html"))
    alone = ("shapes", "test_size=1", "train_size=0")
    assert rateval("shift", "show", *alone, "--use", "background-swap").code == 0
    texts = texts_of(tmp_path / "shapes-shifts.html")
    assert "shifted: skipped: no other image lends its background" in texts


def test_the_shifts_of_a_spec(rateval: Any, tmp_path: Path) -> None:
    shifts = '[[shift]]\nuse = "crop"\nseverity = [1, 5]\n[[shift]]\nuse = "grey"\nname = "dull"\n'
    (tmp_path / "spec.toml").write_text(SPEC + shifts)
    done = rateval("shift", "show", "spec.toml", "--html", "all.html")
    assert (done.code, done.out) == (0, "all.html: 1 of 20 test samples, 3 shifts\n")
    rows = [text for text in texts_of(tmp_path / "all.html") if text in ("crop", "dull")]
    assert rows == ["crop", "dull"]
    for words, count in ((("--use", "dull"), 1), (("--severity", "5"), 1), (("--use", "crop"), 2)):
        done = rateval("shift", "show", "spec.toml", *words)
        assert f"{count} shift" in done.out
    done = rateval("shift", "show", "spec.toml", "--type", "fog")
    assert done.code == 2
    assert "it has crop 1, crop 5, dull" in done.err


def test_samples_that_cannot_be_read_are_told(rateval: Any, tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "test" / "cup" / "a.png"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"no picture")
    words = ("folder", "root=photos", "--use", "grey", "--html", "sheet.html")
    done = rateval("shift", "show", *words)
    assert done.code == 0, done.err
    assert '<div class="skipped">' in (tmp_path / "sheet.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shapes", "--use", "rotat"), 'did you mean "rotate"'),
        (("shapes", "--use", "rotate", "--severity", "9"), "less than or equal to 5"),
        (("shapes", "--use", "rotate", "--severity", "much"), "severity"),
        (("shapes", "--use", "background", "--type", "fog"), "'blur', 'grey', 'noise'"),
        (("shapes", "--use", "grey", "--severity", "1"), "unknown key"),
        (("shapes", "--use", "watermark", "--with", "follow=1"), 'did you mean "follows"'),
        (("shapes", "--use", "watermark", "--with", "follows"), "must be a param of the shift"),
        (("shapes", "--use", "rotate", "--with", "severity=1"), "give it by --severity"),
        (("shapes", "--use", "rotate", "--class", "nope"), "no such class"),
        (("shapes", "--use", "rotate", "--count", "900"), "take fewer images"),
        (("shapes", "--use", "rotate", "--png", "no/sheet.png"), "there is no folder no"),
        (("nothing", "--use", "rotate"), "unknown dataset"),
        (("shapes", "shapes", "--use", "rotate"), "given twice"),
        (("no.toml",), "no such file"),
        (("spec.toml",), "has no [[shift]]"),
        (("spec.toml", "--with", "a=1"), "leave --with out"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str, rateval: Any, tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    done = rateval("shift", "show", *words)
    assert done.code == 2
    assert told in " ".join(done.err.split())
    assert not list(tmp_path.glob("*.html"))
