"""One photo that is asked about gives the numbers of a run's row of the same question."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval
from acme.writer import Writer, WriterParams
from rateval.errors import RatevalError, SpecError
from rateval.live.looking.texts import TextLook

ASKED = ("What colour is the square?", "Is the square red?")
SAYS = "a Red zebra"


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> Path:
    """Put a red square, its mask and a table of two questions about it into the current folder."""
    monkeypatch.chdir(tmp_path)
    pixels = np.full((24, 32, 3), 90, dtype=np.uint8)
    pixels[4:16, 8:24] = (230, 20, 20)
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[4:16, 8:24] = 255
    Image.fromarray(pixels).save("square.png")
    Image.fromarray(mask).save("mask.png")
    with Path("asked.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "question", "answers", "mask"])
        for at, (question, answer) in enumerate(zip(ASKED, ("red", "no"), strict=True)):
            writer.writerow([at, "square.png", question, answer, "mask.png"])
    return Path("square.png")


def run_all(**model: Any) -> Any:
    """Run a study of the table, one question in a batch."""
    spec = {
        "study": {"name": "all"},
        "dataset": [{"use": "table", "file": "asked.csv", "question": "question"}],
        "model": [{"use": "writer"} | model],
        "finetune": [{"use": "zs"}],
        "attribution": [{"use": "generic-attention"}],
        "evidence": [{"use": "relevance-mass", "threshold": 0.3}],
        "counterfactual": {"background": "grey", "object": "inpaint"},
        "run": {"device": "cpu", "batch_size": 1},
    }
    return rateval.run(spec)


def look_at(photo: Path, **given: Any) -> TextLook:
    asked = {"model": "writer", "question": ASKED[0], "device": "cpu"} | given
    found = rateval.look(photo, **asked)
    assert isinstance(found, TextLook)
    return found


@pytest.mark.parametrize("at", [0, 1])
def test_numbers_are_those_of_a_run(photo: Path, at: int) -> None:
    record = run_all()
    (cell,) = record.cells
    row, kept = record.rows(cell).to_pylist()[at], record.answers(cell).to_pylist()[at]
    judge = {"use": "relevance-mass", "threshold": 0.3}
    look = look_at(
        photo, question=ASKED[at], label=row["references"][0], mask="mask.png", validators=judge
    )
    assert np.array_equal(look.relevance, record.relevance(cell)[at])
    assert (look.prediction, look.blank) == (row["output"], row["blank_output"])
    assert look.likelihood == row["likelihood"]
    assert look.right is row["correct"]
    (judged,) = look.judged
    assert (judged.score, judged.valid) == (row["score"], row["valid"])
    assert look.edits[0].kept is kept["kept_without_object"]
    tokens = record.tokens_of(cell).to_pylist()[at]
    places = list(zip(tokens["starts"], tokens["stops"], strict=True))
    assert [(token.start, token.stop) for token in look.tokens] == places
    packed = b"".join(token.relevance.astype("<f2").tobytes() for token in look.tokens)
    assert packed == tokens["relevance"]


def test_the_likelihood_is_the_model_s_own(photo: Path) -> None:
    look = look_at(photo)
    model = Writer(WriterParams())
    scores = model.score(model.preprocess(Image.open(photo))[None], ASKED[:1], [look.prediction])
    assert look.likelihood == pytest.approx(float(scores.log_probabilities.double().sum()))
    assert look.as_json()["right"] is None
    assert "nobody said what is right" in look.notes[0]


def test_a_phrase_is_explained_alone(photo: Path) -> None:
    model = {"use": "writer", "says": SAYS}
    looks = [
        look_at(photo, model=model, attribution="token-attention", phrase=phrase)
        for phrase in ("", "red", "red zebra")
    ]
    whole, red, both = looks
    assert [look.explained for look in looks] == [SAYS, "Red", "Red zebra"]
    assert [token.text for token in whole.tokens] == SAYS.split()
    assert np.array_equal(red.relevance, red.tokens[1].relevance)
    assert not np.array_equal(red.relevance, both.relevance)
    assert not np.array_equal(whole.relevance, both.relevance)
    with Image.open(io.BytesIO(whole.png())) as many, Image.open(io.BytesIO(red.png())) as drawn:
        assert many.size == drawn.size


def test_a_right_answer_is_compared_as_studies_do(photo: Path) -> None:
    model = {"use": "writer", "says": "Red."}
    assert look_at(photo, model=model, label="red").right
    wrong = look_at(photo, model=model, label="blue")
    assert not wrong.right
    assert next(wrong.sentences()).endswith(": wrong, it is blue")


def test_a_caption_is_explained_and_judged_but_edited_nowhere(photo: Path) -> None:
    model = {"use": "writer", "says": SAYS}
    asked = {"model": model, "question": None, "mask": "mask.png", "phrase": "zebra"}
    look = look_at(photo, attribution="token-attention", **asked)
    assert (look.question, look.prediction, look.explained) == ("", SAYS, "zebra")
    assert next(look.sentences()).startswith(f"says {SAYS} with ")
    assert np.array_equal(look.relevance, look.tokens[2].relevance)
    assert [one.validator for one in look.judged] == ["relevance-mass"]
    assert look.edits == ()
    assert look.notes[0] == "nothing is edited: a caption speaks of several objects"


def test_what_knows_no_tokens_shows_none(photo: Path) -> None:
    assert look_at(photo, attribution="center-prior").tokens == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"phrase": "kite"}, 'phrase = "kite": is not in what the model says'),
        ({"classes": ("red", "blue")}, "is answered by a text, not by one of classes"),
        ({"question": " "}, "question: is empty"),
        ({"model": "blip-vqa", "question": None}, '"blip-vqa" answers one'),
        ({"question": None, "donors": "square.png", "mask": "mask.png"}, "several objects"),
        ({"question": None, "classes": ("red", "blue")}, "chooses from no classes"),
        ({"model": "clip", "question": None}, '"clip" chooses from them'),
        ({"model": "clip", "question": None, "classes": ("a", "b"), "phrase": "a"}, "has no parts"),
        ({"attribution": "grad-cam"}, 'is for classification, and the dataset "photo"'),
    ],
)
def test_what_is_asked_wrongly_is_told(photo: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises((SpecError, RatevalError), match=r"rateval\.look") as told:
        look_at(photo, **given)
    assert said in str(told.value)
