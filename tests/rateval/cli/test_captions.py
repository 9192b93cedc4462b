"""A study of captions from its spec to what people read of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rateval as library
from rateval.engine.doing import evaluating

SPEC: dict[str, Any] = {
    "study": {"name": "told"},
    "dataset": [{"use": "captions", "test": 12}],
    "model": [{"use": "writer", "says": "A {seen} square, two dogs and a Wall. Dogs!"}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "generic-attention"}, {"use": "random"}],
    "run": {"device": "cpu", "batch_size": 5},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_rows_hold_phrases_and_captions() -> None:
    record = library.run(SPEC)
    assert record.status == "finished", [failure.error for failure in record.failures]
    assert record.spec_resolved["statistics"]["cluster"] == "sample"
    cell = record.cells[0]
    rows = record.rows(cell).to_pylist()
    for row in rows:
        assert row["output"][row["start"] : row["stop"]] == row["phrase"]
        assert row["references"][0].startswith("A ")
    of_one = [row for row in rows if row["sample"] == "0000"]
    assert [row["id"] for row in of_one][1:] == ["0000#background", "0000#dog"]
    for row in rows:
        assert row["correct"] is (row["phrase"] != "dogs")
        assert (row["prediction"] == row["label"]) is row["correct"]
        assert (row["mask_area"] is None) is (row["phrase"] in ("Wall", "dogs"))
    quadrants = cell.evidence[0].quadrants
    assert quadrants["RU"] == sum(row["phrase"] == "Wall" for row in rows) == 12
    assert quadrants["WU"] == 12
    assert (quadrants["WR"], quadrants["WW"]) == (0, 0)
    assert sum(quadrants.values()) == len(rows) == cell.count
    told = cell.captions
    assert told is not None
    assert (told.samples, told.silent) == (12, 0)
    # Two dogs in each caption, and one class more for all but the wall.
    assert (told.chair_i.numerator, told.chair_i.denominator) == (24, len(rows) + 12)
    assert told.chair_s.value == 1
    # What explains doesn't change what is said.
    others = record.rows(record.cells[1])
    assert record.rows(cell)["output"].equals(others["output"])


def test_shards_and_images_of_which_nothing_is_said() -> None:
    spec = SPEC | {"model": [{"use": "writer"}]}
    whole = library.run(spec, output="whole")
    assert whole.status == "finished", [failure.error for failure in whole.failures]
    run = SPEC["run"] | {"shard_size": 2, "batch_size": 2}
    parts = library.run(spec | {"run": run, "executor": {"use": "local", "workers": 2}}, output="p")
    told = whole.cells[0].captions
    assert told is not None
    assert 0 < told.silent < 12
    assert told.silent + whole.cells[0].count == told.samples == 12
    for one, other in zip(whole.cells, parts.cells, strict=True):
        mine, theirs = whole.rows(one).to_pylist(), parts.rows(other).to_pylist()
        assert [row["id"] for row in mine] == [row["id"] for row in theirs]
        assert [row["valid"] for row in mine] == [row["valid"] for row in theirs]
        assert one.captions == other.captions


def test_captions_that_name_nothing_fail_with_what_to_do() -> None:
    record = library.run(SPEC | {"model": [{"use": "writer", "says": "Nothing here."}]})
    assert record.status == "failed"
    assert any("12 samples names none" in failure.error for failure in record.failures)


def test_reports_and_comparisons_of_captions(rateval: Any) -> None:
    count = library.run(SPEC, output="one").cells[0].count
    library.run(SPEC | {"model": [{"use": "writer", "says": "A puppy near {seen}."}]}, output="two")
    (one,), (two,) = (list(Path(name).glob("told-*")) for name in ("one", "two"))
    told = rateval("report", str(one))
    assert told.code == 0, told.err
    assert "CHAIR" in told.out
    page = rateval("report", str(one), "--html", "page.html")
    assert page.code == 0, page.err
    text = Path("page.html").read_text(encoding="utf-8")
    assert "What do its captions mention?" in text
    for shown in ("square, two dogs and a Wall. Dogs!", '"Wall"', "A red square."):
        assert shown in text
    compared = rateval("compare", str(one), str(two), "--json")
    assert compared.code == 0, compared.err
    for name in ("parquet", "csv", "coco", "fiftyone"):
        done = rateval("export", str(one), "--format", name, "--output", f"out-{name}")
        assert done.code == 0, done.err
        if name in ("coco", "fiftyone"):
            assert f"All {count} test phrases are shown" in " ".join(done.err.split())
    (results,) = list(Path("out-coco").rglob("*generic*.json"))
    said = json.loads(results.read_text(encoding="utf-8"))
    assert {"phrase", "span", "caption", "references", "there"} <= set(said[0])
    table = rateval("export", str(one), "--format", "csv", "--what", "rows")
    assert table.code == 0, table.err
    head = table.out.splitlines()[0].split(",")
    assert {"phrase", "start", "stop", "output", "references", "sample"} <= set(head)


@pytest.mark.parametrize(
    ("table", "content", "told"),
    [
        ("counterfactual", {"donors": 1}, "images are edited around one object each"),
        ("faithfulness", {"images": 4}, "patches are taken away"),
        ("held_out", {"images": 4}, "scored by one prediction"),
        ("statistics", {"cluster": "class"}, 'write "sample", "none"'),
        ("attribution", [{"use": "generic-attention", "score": "margin"}], "best other answer"),
    ],
)
def test_what_needs_one_unit_is_refused(table: str, content: Any, told: str) -> None:
    with pytest.raises(library.RatevalError, match=told):
        library.run(SPEC | {table: content})


def test_a_model_that_ignores_the_image_is_not_right_for_the_object() -> None:
    model = [{"use": "writer", "says": "a red thing"}]
    spec = SPEC | {"model": model, "attribution": [{"use": "center-prior"}]}
    record = library.run(spec)
    (cell,) = record.cells
    assert cell.count == 12
    accuracy, pt = (cell.evidence[0].score(name) for name in ("accuracy", "pt"))
    assert accuracy is not None
    assert pt is not None
    rows = record.rows(cell).to_pylist()
    assert accuracy.value.numerator == sum("A red" in row["references"][0] for row in rows) > 0
    assert (pt.value.numerator, pt.value.denominator) == (0, accuracy.value.numerator)
    assert cell.captions is not None
    assert cell.captions.chair_i.value == pytest.approx(1 - (accuracy.value.value or 0))


def test_methods_are_compared_on_samples_whatever_they_mention(rateval: Any) -> None:
    one, other = (
        library.run(SPEC | {"model": [{"use": "writer", "says": says}]}, output=says[:1])
        for says in ("a puppy, a wall", "red and green")
    )
    # No phrase of one is one of the other.
    assert not set(one.rows(one.cells[0])["id"].to_pylist()) & set(
        other.rows(other.cells[0])["id"].to_pylist()
    )
    (found, *_) = library.compare(one, other).pairs
    assert (found.count, found.only_baseline, found.only_candidate) == (0, 24, 24)
    accuracy = next(metric for metric in found.metrics if metric.metric == "accuracy")
    rows = other.rows(other.cells[0]).to_pylist()
    value = sum(row["correct"] for row in rows) / len(rows)
    assert accuracy.baseline.value == 0.5
    assert accuracy.candidate.value == pytest.approx(value)
    assert accuracy.difference is not None
    assert accuracy.difference.value == pytest.approx(value - 0.5)
    assert accuracy.difference.low is not None
    assert accuracy.difference.over == "clusters"
    # Each side has the interval that its own run has: of images, whatever it mentions of each.
    for record, side in ((one, accuracy.baseline), (other, accuracy.candidate)):
        score = record.cells[0].evidence[0].score("accuracy")
        assert score is not None
        assert (side.low, side.high, side.over) == (
            score.value.low,
            score.value.high,
            score.value.over,
        )
    assert found.own_units
    done = rateval("compare", str(one.path), str(other.path))
    told = " ".join(done.out.split())
    assert "24 in the candidate only; they count in scores and Δ, not in transitions" in told
    assert "sample by sample" in told


def test_fine_tuning_learns_captions_over_seeds() -> None:
    spec = SPEC | {
        "study": {"name": "told", "seeds": [0, 1]},
        "model": [{"use": "writer", "says": "{seen} and red"}],
        "dataset": [{"use": "captions", "test": 12, "caption": "{colour}"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 3, "lr": 0.05}],
        "attribution": [{"use": "generic-attention"}],
    }
    record = library.run(spec)
    assert record.status == "finished", [failure.error for failure in record.failures]
    trained = next(one for one in record.over_seeds if one.key.finetuner == "ft")
    assert trained.captions is not None
    score = trained.evidence[0].score("accuracy")
    assert score is not None
    assert score.value.over == "seeds and clusters", score
    assert score.change is not None


def test_a_run_that_is_killed_goes_on_from_its_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    run = SPEC["run"] | {"shard_size": 2, "batch_size": 2}
    spec = SPEC | {"run": run, "attribution": [{"use": "generic-attention"}]}
    at_once = spec | {"run": SPEC["run"] | {"batch_size": 2}}
    whole, parts = library.run(at_once, output="whole"), list[range]()
    explained = evaluating.Evaluating._infer

    def infer(self: Any, steps: Any, sharing: Any, part: range, *more: Any) -> Any:
        if len(parts) == 3:
            raise KeyboardInterrupt
        parts.append(part)
        return explained(self, steps, sharing, part, *more)

    monkeypatch.setattr(evaluating.Evaluating, "_infer", infer)
    with pytest.raises(KeyboardInterrupt):
        library.run(spec, output="killed")
    parts.clear()

    def note(self: Any, steps: Any, sharing: Any, part: range, *more: Any) -> Any:
        parts.append(part)
        return explained(self, steps, sharing, part, *more)

    monkeypatch.setattr(evaluating.Evaluating, "_infer", note)
    again = library.run(spec, output="killed")
    assert again.status == "finished"
    assert [part.start for part in parts] == [6, 8, 10]
    assert again.rows(again.cells[0]).equals(whole.rows(whole.cells[0]))
    assert again.cells[0].evidence == whole.cells[0].evidence
    assert again.cells[0].captions == whole.cells[0].captions


def test_a_plan_and_other_validators_afterwards(rateval: Any) -> None:
    Path("spec.toml").write_text(
        '[study]\nname = "told"\n[[dataset]]\nuse = "captions"\n[[model]]\nuse = "writer"\n'
        'says = "A {seen} square and a wall"\n[[finetune]]\nuse = "zs"\n[run]\ndevice = "cpu"\n',
        encoding="utf-8",
    )
    for measured in ([], ["--measure"]):
        done = rateval("plan", "spec.toml", *measured)
        assert done.code == 0, done.err
    done = rateval("run", "spec.toml", "--output", "first")
    assert done.code == 0, done.err
    (folder,) = Path("first").glob("told-*")
    record = library.load(folder)
    scored = library.score(record, validators={"use": "iou", "at": 0.3})
    assert [cell.count for cell in scored.cells] == [cell.count for cell in record.cells]
    assert [cell.captions for cell in scored.cells] == [cell.captions for cell in record.cells]
    assert scored.datasets[0].unit == "phrase"
    refused = rateval("score", str(folder), "--cluster", "class")
    assert refused.code == 2
    assert "units of several classes" in " ".join(refused.err.split())
    assert "test phrases" in rateval("report", str(folder)).out


def test_captions_of_shifted_images_and_a_gate(rateval: Any) -> None:
    spec = SPEC | {
        "shift": [{"use": "darken"}],
        "attribution": [{"use": "generic-attention"}],
        "model": [{"use": "writer", "says": "{seen} and a red puppy"}],
    }
    record = library.run(spec, output="shifted")
    assert record.status == "finished", [failure.error for failure in record.failures]
    assert record.shifts
    clean, dark = (
        next(cell for cell in record.cells if (cell.key.shift is None) is unshifted)
        for unshifted in (True, False)
    )
    (told,) = record.shifts[0].types
    change = next(one for one in told.shifted[0].changes if one.metric == "accuracy")
    shares = [
        sum(row["correct"] for row in record.rows(cell).to_pylist()) / cell.count
        for cell in (dark, clean)
    ]
    assert change.value == pytest.approx(shares[0] - shares[1])
    assert change.over == "clusters"
    (folder,) = Path("shifted").glob("told-*")
    asked = ["--require", "accuracy>=1%", "--require", "accuracy>=1% worst class"]
    held = rateval("gate", str(folder), *asked)
    assert held.code == 4, held.err
    assert "passed" in held.out
    assert "it is in no one part" in " ".join(held.out.split())
