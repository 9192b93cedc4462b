"""``rateval look``: what it prints, writes, and says of what is asked wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval as package
from rateval.api import Sample
from rateval.console import Console
from rateval.live.looking.printing import show_look

CLASSES = "heart,star,moon"
ASKED = ("--model", "clip", "--classes", CLASSES)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put ``photo.png``, with ``mask.png``, into the current folder."""
    monkeypatch.chdir(tmp_path)
    (sample,) = package.create("dataset", "shapes", test_size=10).test.samples([4])
    assert isinstance(sample, Sample) and sample.mask is not None
    sample.image.save("photo.png")
    Image.fromarray(sample.mask).save("mask.png")


def test_it_prints_and_draws(rateval: Any, photo: None) -> None:
    done = rateval("look", "photo.png", "--model", "clip", "--classes", CLASSES)
    assert done.code == 0, done.err
    assert done.out.startswith("photo.png  clip (quickstart), zs\npredicted ")
    assert "no mask is given: evidence is not judged" in done.out
    assert "▀" not in done.out  # no terminal
    assert "look-photo.png: the picture" in done.out
    with Image.open("look-photo.png") as picture:
        assert picture.format == "PNG"


def test_its_numbers_are_printed(rateval: Any, photo: None) -> None:
    asked = (
        "--label",
        "star",
        "--mask",
        "mask.png",
        "--validator",
        "relevance-mass",
        "threshold=0",
    )
    done = rateval("look", "photo.png", "--model", "clip", "--classes", CLASSES, *asked, "--json")
    found = json.loads(done.out)
    assert not Path("look-photo.png").exists()
    relevance = np.array(found["relevance"])
    mask = np.asarray(Image.open("mask.png")).astype(float)
    assert found["mask_area"] == pytest.approx(mask.mean())
    # Each patch of 8 x 8 pixels has one value: the share of it that lies in the mask.
    blocks = mask.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    share = (relevance * blocks).sum() / relevance.sum()
    (judged,) = found["judged"]
    assert judged["score"] == pytest.approx(share, abs=0.2)  # relevance is interpolated there
    assert judged["valid"] is True
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    printed = rateval("look", "photo.png", "--model", "clip", "--classes", CLASSES, *asked)
    assert f"relevance-mass {judged['score']:.3f}: valid" in printed.out
    for name, value in found["probabilities"].items():
        line = next(line for line in printed.out.splitlines() if line.startswith(name))
        assert line.endswith(f"{100 * value:.1f}")


def test_the_photo_may_stand_behind_an_option(rateval: Any, photo: None) -> None:
    Path("labels.txt").write_text("heart\nstar\n")
    words = ("--classes", "labels.txt", "--model", "clip", "prompt=the {class}", "photo.png")
    done = rateval("look", *words, "--out", "drawn.png")
    assert done.code == 0, done.err
    assert "drawn.png: the picture" in done.out
    plain = rateval("look", "photo.png", "--model", "clip", "--classes", "heart,star", "--plain")
    shares = [one.out.split("predicted ")[1].split("\n")[0] for one in (done, plain)]
    assert shares[0] != shares[1]  # other prompts
    assert plain.out.isascii()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "clop", "--classes", CLASSES), 'clop: unknown model; did you mean "clip"?'),
        (
            (*ASKED, "--label", "hart"),
            '--label hart: is not among the classes; did you mean "heart"?',
        ),
        (("--model", "clip", "--classes", "heart"), "--classes heart: is one class; give two"),
        (
            ("--model", "clip", "prmpt=x", "--classes", CLASSES),
            '--model prmpt: unknown key; did you mean "prompt"?',
        ),
        (
            (*ASKED, "--attribution", "generic-atention"),
            'did you mean "generic-attention"?',
        ),
        ((*ASKED, "--mask", "msk.png"), "--mask msk.png: no such file"),
        (
            (*ASKED, "--mask", "small.png"),
            "the mask has 10 x 20 pixels, the image 64 x 64",
        ),
        (
            (*ASKED, "--mask", "mask.jpg"),
            "--mask mask.jpg: JPEG doesn't keep the numbers",
        ),
        ((*ASKED, "--out", "photo.png"), "is the photo; give another"),
        ((*ASKED, "--out", "x.jpg"), "must end in .png"),
        (("--model", "clip", "other.png", "--classes", CLASSES), "give one photo at once"),
    ],
)
def test_a_slip_is_told(rateval: Any, photo: None, words: tuple[str, ...], said: str) -> None:
    Image.new("L", (10, 20)).save("small.png")
    Image.new("L", (64, 64)).save("mask.jpg")
    done = rateval("look", "photo.png", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err, done.err


def test_a_question_is_answered(rateval: Any, photo: None) -> None:
    question = "what [b]colour</b> is the leaf?"
    asked = ("--model", "blip-vqa", "--question", question, "--label", "green")
    done = rateval("look", "photo.png", *asked)
    assert done.code == 0, done.err
    first, second, answer, blank, *_ = done.out.splitlines()
    assert first.startswith("photo.png  blip-vqa (BLIP")
    assert second == question
    assert blank.startswith("to a blank image it answers ")
    found = json.loads(rateval("look", "photo.png", *asked, "--json").out)
    share = 100 * np.exp(found["likelihood"])
    assert answer.startswith(f"answers {found['prediction']} with {share:.1f} %: ")
    assert (found["question"], found["label"]) == (question, "green")
    assert "".join(token["text"] for token in found["tokens"]) in found["prediction"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "clip"), '--classes: are missing: "clip" chooses from them'),
        (("--model", "blip-vqa"), '--question: is missing: "blip-vqa" answers one'),
        ((*ASKED, "--question", "what?"), "--question what?: is answered by a text, not by one"),
        ((*ASKED, "--phrase", "red"), "--phrase red: is part of a text"),
        (
            ("--model", "blip-vqa", "--question", "what?", "--phrase", "zebra"),
            '--phrase "zebra": is not in what the model says',
        ),
    ],
)
def test_a_slip_about_texts_is_told(
    rateval: Any, photo: None, words: tuple[str, ...], said: str
) -> None:
    done = rateval("look", "photo.png", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {said}"), done.err


def test_several_slips_are_told_at_once(rateval: Any, photo: None) -> None:
    words = ("--model", "clop", "--classes", CLASSES, "--label", "hart", "--mask", "msk.png")
    done = rateval("look", "phto.png", *words)
    lines = done.err.splitlines()
    assert [line.removeprefix("error: ").split(":")[0] for line in lines] == [
        "phto.png",
        "--mask msk.png",
        "--model clop",
        "--label hart",
    ]
    assert 'did you mean "photo.png"?' in lines[0]


def test_a_photo_that_cannot_be_read_is_told(rateval: Any, photo: None) -> None:
    Path("torn.png").write_bytes(Path("photo.png").read_bytes()[:200])
    done = rateval("look", "torn.png", "--model", "clip", "--classes", CLASSES)
    assert done.code == 2
    assert done.err.startswith("error: torn.png: unreadable image: ")


def test_names_are_printed_as_they_are(rateval: Any, photo: None) -> None:
    names = "<script>,[bold]heart,a\x1b[31mb"
    done = rateval("look", "photo.png", "--model", "clip", "--classes", names)
    assert done.code == 2 and "\x1b" not in done.err  # no prompt holds control characters
    done = rateval("look", "photo.png", "--model", "clip", "--classes", "<script>,[bold]heart")
    assert done.code == 0
    assert "<script>" in done.out and "[bold]heart" in done.out


@pytest.mark.parametrize(
    ("width", "no_colour", "drawn"), [(100, "", "▀"), (100, "1", "█"), (50, "", "")]
)
def test_a_map_is_drawn_where_there_is_room(
    photo: None, monkeypatch: pytest.MonkeyPatch, width: int, no_colour: str, drawn: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    look = package.look("photo.png", model="clip", classes=CLASSES.split(","), device="cpu")
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system="truecolor")
    console.print(*show_look(look, console), sep="\n")
    shown = stream.getvalue()
    assert {sign for sign in "▀█" if sign in shown} == set(drawn)
    assert ("\x1b[38;2" in shown) is (drawn == "▀")


def test_help_needs_no_heavy_library(run_python: Callable[[str], str]) -> None:
    found = run_python(
        "import sys; from rateval.cli.main import main\n"
        "try: main(['look', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & sys.modules.keys()))"
    )
    assert "--donor-masks" in found
    assert found.splitlines()[-1] == "[]"


@pytest.fixture
def run_python() -> Callable[[str], str]:
    def run(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout

    return run
