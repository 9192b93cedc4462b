"""Datasets with questions: what is said of samples that are asked nothing, and of shared images."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from rateval.api.values import Asked, Sample, Skipped
from rateval.cli.main import main
from rateval.inspection.check import check_dataset
from rateval.inspection.opening import Opened
from rateval.inspection.record import DatasetCheck, Limits
from rateval.inspection.views import UsualView
from rateval.progress import SilentMonitor

ANSWERS = ("red", "blue")


@dataclass
class Asking:
    """Samples by id: the shade of their image, what is asked, and the answer's number."""

    identity: str
    known: dict[str, tuple[int, str, int]]

    def __len__(self) -> int:
        return len(self.known)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        found: list[Sample | Skipped] = []
        for at in indices:
            name, (shade, question, label) = list(self.known.items())[at]
            asked = Asked(question, (ANSWERS[label],)) if question else None
            image = Image.new("RGB", (4, 4), (shade,) * 3)
            found.append(Sample(name, image, label, None, asked=asked))
        return found


def check(
    test: dict[str, tuple[int, str, int]], train: dict[str, tuple[int, str, int]]
) -> DatasetCheck:
    splits = {"test": Asking("test", test), "train": Asking("train", train)}
    whole = {name: len(split) for name, split in splits.items()}
    opened = Opened("mine", "mine", ANSWERS, splits, whole, {}, (), None)
    return check_dataset(opened, [UsualView()], Limits(), SilentMonitor(), 2)


def test_several_questions_about_one_picture_are_no_twins() -> None:
    found = check(
        {"a": (1, "top?", 0), "b": (1, "left?", 1), "c": (2, "top?", 0), "d": (2, "top?", 1)},
        {"e": (3, "top?", 0), "f": (4, "top?", 1), "g": (4, "top?", 1)},
    )
    alike = found.duplicates
    assert (alike.test, alike.train, alike.leaked, alike.contradicting) == (2, 2, 0, 1)
    assert [one.ids for one in alike.others] == [{"test": ("c", "d")}, {"train": ("f", "g")}]


def test_a_picture_of_both_splits_leaks_whatever_is_asked_of_it() -> None:
    found = check(
        {"a": (1, "top?", 0), "b": (2, "top?", 1)}, {"c": (1, "left?", 1), "d": (3, "top?", 0)}
    )
    assert not found.fit
    assert (found.duplicates.leaked, found.duplicates.contradicting) == (1, 0)
    assert found.findings[0].code == "leak"


def test_samples_without_a_question_are_counted_where_others_have_one() -> None:
    test = {"a": (1, "top?", 0), "b": (2, "", 1), "c": (3, "", 1)}
    train = {"d": (4, "top?", 0), "e": (5, "top?", 1)}
    found = check(test, train)
    assert not found.fit
    (told,) = [finding for finding in found.findings if finding.code == "unasked"]
    assert told.text == "test samples without a question: 2 of 3, such as b, c"
    asked = {name: (shade, "top?", label) for name, (shade, _, label) in test.items()}
    assert check(asked, train).fit
    nothing = {name: (shade, "", label) for name, (shade, _, label) in (test | train).items()}
    mine = {name: nothing[name] for name in test}
    assert check(mine, {name: nothing[name] for name in train}).fit


def test_a_sheet_shows_questions_and_answers(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    params = ["test=4", "question=<b>Which</b> colour?", 'besides=["=1+1"]']
    assert main(["data", "show", "questions", *params, "--html", "sheet.html", "-q"]) == 0
    page = Path("sheet.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    text = html.unescape(page)
    assert "<span><b>Which</b> colour?</span>" in text
    assert "<span>answers: no, =1+1</span>" in text


def test_captions_are_of_images_and_what_they_show_is_evidence(
    acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[study]\nname = "told"\n[[dataset]]\nuse = "captions"\n[[model]]\nuse = "writer"\n'
        '[[finetune]]\nuse = "zs"\n[run]\ndevice = "cpu"\n',
        encoding="utf-8",
    )
    assert main(["data", "check", str(spec)]) == 0
    told = capsys.readouterr().out
    assert "question" not in told
    assert "have no mask" not in told
    assert main(["plan", str(spec)]) == 0
    assert "have no mask" not in capsys.readouterr().out
    sheet = tmp_path / "sheet.html"
    assert main(["data", "show", str(spec), "--html", str(sheet)]) == 0
    shown = html.unescape(sheet.read_text(encoding="utf-8"))
    assert "captions: A red square." in shown
    assert "no mask" not in shown


def test_samples_without_a_caption_are_told(
    acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[study]\nname = "told"\n[[dataset]]\nuse = "captions"\nsilent = 2\n[[model]]\n'
        'use = "writer"\n[[finetune]]\nuse = "zs"\n[run]\ndevice = "cpu"\n',
        encoding="utf-8",
    )
    main(["data", "check", str(spec)])
    assert "test samples without a caption: 2 of 12" in " ".join(capsys.readouterr().out.split())
