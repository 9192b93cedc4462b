"""Maps of single tokens of whole runs: equal to attention written out, and made where there are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import rateval
from acme.questions import Dataset, Questions, QuestionsParams
from acme.writer import BEGIN, ID, OTHER, PATCH, SIZE, Writer, WriterParams
from rateval.api.tasks.texts import TokenMaps
from rateval.api.values import Sample, Skipped
from rateval.cli.main import main
from rateval.progress import SilentMonitor
from rateval.records.run import RunRecord
from rateval.stages.tokens import Drawn, tokens
from rateval.store.tables.tokens import read_tokens, unpack_maps
from rateval.workbench.cell import Job

SAYS = "red  zebra, no"
"""Three tokens, one of which is no word that the model knows."""
SPEC: dict[str, Any] = {
    "study": {"name": "spoken"},
    "dataset": [{"use": "questions", "test": 12}],
    "model": [{"use": "writer", "says": SAYS}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "token-attention"}],
    "run": {"device": "cpu", "batch_size": 5},
}
STORE = Path("runs/store/tokens")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(record: RunRecord, at: int = 0) -> list[dict[str, Any]]:
    table = record.tokens_of(record.cells[at])
    assert table is not None
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def attend(image: Image.Image, word: str) -> NDArray[np.float64]:
    """Return what the writer looks at after a word: a softmax over the colours of patches."""
    module = Writer(WriterParams(says=SAYS)).module
    weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
    pixels = np.asarray(image.resize(SIZE[::-1]), dtype=np.float64) / 127.5 - 1
    rows, cols = SIZE[0] // PATCH, SIZE[1] // PATCH
    colours = pixels.reshape(rows, PATCH, cols, PATCH, 3).mean(axis=(1, 3)).reshape(-1, 3)
    keys = colours @ weights["key.weight"].T + weights["key.bias"]
    scores = keys @ weights["query.weight"][ID.get(word, ID[OTHER])]
    shares = np.exp(scores - scores.max())
    found: NDArray[np.float64] = (shares / shares.sum()).reshape(rows, cols)
    return found


def test_each_token_has_what_its_word_looks_at() -> None:
    record = rateval.run(SPEC)
    assert record.status == "finished"
    (told,) = record.tokens
    assert (told.key, told.count, told.tokens) == (record.cells[0].key, 12, 36)
    samples = Dataset(QuestionsParams(test=12)).test.samples(range(12))
    images = {one.id: one.image for one in samples if isinstance(one, Sample)}
    rows = rows_of(record)
    assert {row["id"] for row in rows} == images.keys()
    for row in rows:
        assert row["text"] == SAYS
        places = zip(row["starts"], row["stops"], strict=True)
        assert [SAYS[start:stop] for start, stop in places] == ["red", "zebra,", "no"]
        maps = unpack_maps(row["relevance"], row["rows"], row["cols"])
        # Each word is predicted after the one before it.
        for one, before in zip(maps, (BEGIN, "red", "zebra,"), strict=True):
            wanted = attend(images[row["id"]], before)
            assert one == pytest.approx(wanted / wanted.max(), abs=2e-3)
    assert len({maps.tobytes() for maps in maps}) == 3


def test_they_are_reused_and_no_worker_changes_them() -> None:
    first = rateval.run(SPEC)
    again = rateval.run(SPEC)
    steps = [step for step in again.stages if step.stage == "tokens"]
    assert [step.reused for step in steps] == [True]
    assert again.tokens == first.tokens
    two = rateval.run(SPEC | {"executor": {"use": "local", "workers": 2}}, output="two")
    assert rows_of(two) == rows_of(first)
    one_by_one = rateval.run(SPEC | {"run": {"device": "cpu", "batch_size": 1}}, output="three")
    for row, other in zip(rows_of(one_by_one), rows_of(first), strict=True):
        maps = [unpack_maps(one["relevance"], one["rows"], one["cols"]) for one in (row, other)]
        assert maps[0] == pytest.approx(maps[1], abs=1e-3)


def test_as_many_as_are_asked_for_of_those_with_pictures() -> None:
    report = {"pictures": 6, "tokens": 4}
    record = rateval.run(SPEC | {"report": report})
    drawn = {row["id"] for row in record.images(record.pictures[0]).to_pylist()}
    assert len(drawn) == 6
    found = {row["id"] for row in rows_of(record)}
    assert len(found) == 4
    assert found < drawn
    none = rateval.run(SPEC | {"report": {"pictures": 6, "tokens": 0}}, output="none")
    assert none.tokens == ()
    assert not Path("none/store/tokens").exists()


def test_what_knows_no_part_of_an_answer_makes_none() -> None:
    both = [{"use": "center-prior"}, {"use": "random"}]
    record = rateval.run(SPEC | {"attribution": both})
    assert [one.key.attribution for one in record.tokens] == ["random"]
    silent, drawn = record.cells
    assert record.tokens_of(silent) is None
    assert record.tokens_of(drawn) is not None


def test_classes_have_none() -> None:
    data = {"dataset": [{"use": "squares", "test": 12}], "model": [{"use": "tiny"}]}
    record = rateval.run(SPEC | data | {"attribution": [{"use": "generic-attention"}]})
    assert record.status == "finished"
    assert (record.tokens, STORE.exists()) == ((), False)


def test_a_margin_is_against_what_is_ranked_second() -> None:
    attribution = [{"use": "generic-attention", "score": "margin"}]
    task = [{"use": "vqa", "answer": "rank"}]
    asked = {"model": [{"use": "writer"}], "attribution": attribution, "task": task}
    record = rateval.run(SPEC | asked)
    assert record.status == "finished"
    assert {row["text"] for row in rows_of(record)} <= set(record.datasets[0].classes)
    assert record.tokens[0].tokens == 12


def test_an_answer_without_a_character_says_so() -> None:
    record = rateval.run(SPEC | {"model": [{"use": "writer", "says": " "}]})
    assert record.status == "finished"
    (told,) = record.tokens
    assert told.tokens == 0
    assert told.undefined == {"no token of the answer has a character": 12}


def test_a_run_that_is_scored_anew_has_none_and_fails_at_nothing() -> None:
    record = rateval.run(SPEC)
    scored = rateval.score(record, validators={"use": "iou", "at": 0.3})
    assert (scored.status, scored.tokens) == ("finished", ())


def test_pictures_that_are_made_later_keep_the_maps() -> None:
    record = rateval.run(SPEC | {"report": {"pictures": 4}})
    assert main(["report", str(record.path), "--pictures", "8", "--html", "page.html"]) == 0
    again = rateval.load(record.path)
    assert again.pictures != record.pictures
    assert rows_of(again) == rows_of(record)


def test_units_of_one_image_are_explained_once_and_lost_images_are_counted(tmp_path: Path) -> None:
    class Task:
        def explain_tokens(
            self, attribution: Any, classifier: Any, inputs: Any, texts: Any, most: int
        ) -> Any:
            calls.append(tuple(texts))
            maps = torch.arange(4.0).reshape(1, 2, 2).expand(len(texts), 1, 2, 2)
            return [TokenMaps(((0, 1),), one) for one in maps]

    calls: list[tuple[str, ...]] = []
    split = Dataset(QuestionsParams(test=4)).test
    split.samples = lambda indices: [  # type: ignore[method-assign]
        Skipped("gone", "unreadable") if at == 2 else Questions.samples(split, [at])[0]
        for at in indices
    ]
    answerer = SimpleNamespace(
        model=SimpleNamespace(
            grid=(2, 2), preprocess=Writer(WriterParams()).preprocess, card=Writer.card
        )
    )
    job = Job(answerer, object(), split, None, Task(), "cpu", 2, 1)  # type: ignore[arg-type]
    drawn = [Drawn("b#1", 1, "x"), Drawn("b#2", 1, "x"), Drawn("c", 2, "y"), Drawn("a", 0, "z")]
    facts = tokens(job, drawn, 5, SilentMonitor(), tmp_path)
    assert calls == [("z", "x")]
    rows = read_tokens(tmp_path).to_pylist()
    assert [row["id"] for row in rows] == ["a", "b#1", "b#2", "c"]
    assert rows[1]["relevance"] is not None
    assert rows[1]["relevance"] == rows[2]["relevance"]
    assert facts.model_dump() == {
        "count": 4,
        "tokens": 3,
        "undefined": {"the image can't be read any more": 1},
    }


def test_a_phrase_of_one_token_has_the_map_that_is_judged() -> None:
    says = "A {seen} square, two dogs and a Wall."
    data = {"dataset": [{"use": "captions", "test": 6}], "model": [{"use": "writer", "says": says}]}
    record = rateval.run(SPEC | data)
    assert record.status == "finished", record.failures
    (cell,) = record.cells
    judged = record.rows(cell).to_pylist()
    whole = dict(zip((row["id"] for row in judged), record.relevance(cell), strict=True))
    rows = {row["id"]: row for row in rows_of(record)}
    assert rows.keys() == whole.keys()
    seen = 0
    for unit in judged:
        row = rows[unit["id"]]
        assert row["text"] == unit["output"]
        maps = unpack_maps(row["relevance"], row["rows"], row["cols"])
        places = list(zip(row["starts"], row["stops"], strict=True))
        if (unit["start"], unit["stop"]) in places:
            found = maps[places.index((unit["start"], unit["stop"]))]
            assert found == pytest.approx(whole[unit["id"]], abs=1e-3)
            seen += 1
    assert seen >= 6
