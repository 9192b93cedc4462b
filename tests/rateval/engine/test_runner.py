"""Whole runs of tiny components, checked against computations of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import rateval
from rateval.api.values import Sample
from rateval.cli.main import main
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.testing import tiny_dataset, tiny_model

MakePlugin = Callable[..., Path]
Array = NDArray[np.float64]
Changes = dict[str, Any]


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 3, "lr": 0.01, "batch_size": 8}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def bilinear(tokens: Array, height: int, width: int) -> Array:
    """Upsample one map (rows, cols) in float64, pixel centres aligned."""

    def weights(size: int, count: int) -> Array:
        matrix = np.zeros((size, count))
        for pixel in range(size):
            at = max((pixel + 0.5) * count / size - 0.5, 0.0)
            low = min(int(at), count - 1)
            high = min(low + 1, count - 1)
            matrix[pixel, low] += 1 - (at - low)
            matrix[pixel, high] += at - low
        return matrix

    upsampled: Array = weights(height, tokens.shape[0]) @ tokens @ weights(width, tokens.shape[1]).T
    return upsampled


def test_rows_equal_an_independent_computation() -> None:
    record = rateval.run(spec())
    zero_shot = record.cells[0]
    rows = record.rows(zero_shot).to_pydict()
    maps = record.relevance(zero_shot)
    model, data = tiny_model(), tiny_dataset()
    samples = [s for s in data.test.samples(range(12)) if isinstance(s, Sample)]
    images = torch.stack([model.preprocess(s.image) for s in samples])
    with torch.no_grad():
        text = [
            torch.nn.functional.normalize(model.encode_text(prompts).double(), dim=1).mean(0)
            for prompts in model.prompts(data.classes)
        ]
        classes = torch.nn.functional.normalize(torch.stack(text), dim=1)
        embedded = torch.nn.functional.normalize(model.encode_image(images).double(), dim=1)
        probabilities = (20 * embedded @ classes.T).softmax(1).numpy()
    assert rows["id"] == [sample.id for sample in samples]
    assert rows["label"] == [sample.label for sample in samples]
    assert np.allclose(rows["probabilities"], probabilities, atol=1e-5)
    assert rows["prediction"] == probabilities.argmax(1).tolist()
    for at, sample in enumerate(samples):
        assert sample.mask is not None
        mask = model.preprocess_mask(sample.mask).numpy()
        assert rows["mask_area"][at] == pytest.approx(mask.mean())
        heat = bilinear(maps[at].astype(np.float64), 24, 32)
        heat = (heat - heat.min()) / (heat.max() - heat.min())
        mass = heat[mask].sum() / heat.sum()
        assert rows["score"][at] == pytest.approx(mass, abs=1e-5)
        assert rows["valid"][at] == (mass >= 0.5)


def test_scores_equal_counts_of_the_rows() -> None:
    record = rateval.run(spec())
    for cell in record.cells:
        rows = record.rows(cell).to_pydict()
        pairs = list(zip(rows["correct"], rows["valid"], strict=True))
        (evidence,) = cell.evidence
        count = {
            name: pairs.count(pair)
            for name, pair in {
                "RR": (True, True),
                "RW": (True, False),
                "WR": (False, True),
                "WW": (False, False),
            }.items()
        }
        assert evidence.quadrants == count
        assert cell.count == sum(count.values()) == 12
        accuracy, pt, ir = (score.value for score in evidence.scores)
        assert (accuracy.numerator, accuracy.denominator) == (count["RR"] + count["RW"], 12)
        assert (pt.numerator, pt.denominator) == (count["RR"], count["RR"] + count["RW"])
        assert (ir.numerator, ir.denominator) == (count["RR"], count["RR"] + count["WR"])
        for score in (accuracy, pt, ir):
            assert (score.over, score.count) == ("images", score.denominator)
            if score.denominator:
                assert score.numerator is not None
                assert score.value == score.numerator / score.denominator
                assert score.low is not None
                assert score.high is not None
                assert score.low <= score.value <= score.high
            else:
                assert score.value is None


def test_changes_are_taken_against_zero_shot_wherever_it_stands() -> None:
    forward = rateval.run(spec())
    backward = rateval.run(spec(finetune=spec()["finetune"][::-1]))
    for record in (forward, backward):
        cells = {cell.key.finetuner: cell for cell in record.cells}
        assert (cells["zs"].trained, cells["ft"].trained) == (False, True)
        assert all(score.change is None for score in cells["zs"].evidence[0].scores)
        before, after = (cells[name].evidence[0].scores[0] for name in ("zs", "ft"))
        assert after.change is not None
        assert after.value.value is not None
        assert before.value.value is not None
        assert after.change.value == pytest.approx(after.value.value - before.value.value)
    assert forward.cells[1].evidence == backward.cells[0].evidence


def test_equal_specs_give_equal_rows(tmp_path: Path) -> None:
    first = rateval.run(spec(), output="one")
    second = rateval.run(spec(), output="two")
    third = rateval.run(spec(), output="two", reuse=False)
    assert not any(stage.reused for stage in second.stages if stage.stage != "load")
    for a, b, c in zip(first.cells, second.cells, third.cells, strict=True):
        assert a == b == c
        assert first.rows(a).equals(second.rows(b))
        assert np.array_equal(first.relevance(a), third.relevance(c))


def test_another_seed_trains_another_classifier_and_shares_zero_shot() -> None:
    first = rateval.run(spec())
    second = rateval.run(spec(study={"name": "tiny", "seed": 1}))
    identities = [[cell.identity for cell in record.cells] for record in (first, second)]
    assert identities[0][0] == identities[1][0]
    assert identities[0][1] != identities[1][1]
    rows = [record.rows(record.cells[1])["probabilities"] for record in (first, second)]
    assert not rows[0].equals(rows[1])


def test_a_second_run_reuses_everything_and_loads_no_model() -> None:
    rateval.run(spec())
    record = rateval.run(spec())
    stages = {"finetune", "infer", "judge", "score", "thresholds", "pictures"}
    assert {stage.stage for stage in record.stages} == stages
    assert all(stage.reused for stage in record.stages)


def test_another_threshold_touches_no_model() -> None:
    rateval.run(spec())
    record = rateval.run(spec(evidence=[{"use": "relevance-mass", "threshold": 0.1}]))
    computed = {stage.stage for stage in record.stages if not stage.reused}
    assert computed == {"judge", "score", "thresholds", "pictures"}


def test_how_to_run_is_no_part_of_an_identity() -> None:
    first = rateval.run(spec())
    second = rateval.run(spec(), batch_size=3, readers=2)
    assert all(stage.reused for stage in second.stages)
    assert first.cells == second.cells


def test_a_limit_is_other_data() -> None:
    rateval.run(spec())
    record = rateval.run(spec(), limit=6)
    assert not any(stage.reused for stage in record.stages if stage.label.endswith("ft"))
    assert [cell.count for cell in record.cells] == [6, 6]
    assert record.limit == 6
    assert (record.datasets[0].train_count, record.datasets[0].test_count) == (6, 6)


def test_two_test_sets_share_the_classifier_of_one_training_split(acme: Path) -> None:
    datasets = [{"use": "squares"}, {"use": "squares", "name": "again"}]
    record = rateval.run(spec(dataset=datasets))
    trained = [stage for stage in record.stages if stage.stage == "finetune"]
    assert [stage.label for stage in trained] == ["tiny · zs", "tiny · ft"]


def test_shifts_come_beside_the_unshifted_test() -> None:
    record = rateval.run(spec(shift=[{"use": "darken"}]))
    names = [(cell.key.finetuner, str(cell.key.shift)) for cell in record.cells]
    assert names == [("zs", "None"), ("zs", "darken"), ("ft", "None"), ("ft", "darken")]
    plain, dark = (record.rows(cell)["probabilities"] for cell in record.cells[:2])
    assert not plain.equals(dark)


def test_tiny_relevance_survives_float16() -> None:
    record = rateval.run(spec(attribution=[{"use": "any-map"}]))
    maps = record.relevance(record.cells[0])
    assert maps.dtype == np.float16
    assert maps.max(axis=(1, 2)).tolist() == [1.0] * 12
    assert record.rows(record.cells[0])["relevance_max"][0].as_py() == pytest.approx(1e-9)


def test_skipped_samples_and_undefined_scores_are_counted() -> None:
    data = [{"use": "squares", "skipped": 2, "without_mask": 5, "empty_mask": 6}]
    record = rateval.run(spec(dataset=data))
    for cell in record.cells:
        assert cell.count == 10
        assert [(s.id, s.reason) for s in cell.skipped] == [
            ("0000", "truncated file"),
            ("0001", "truncated file"),
        ]
        assert cell.evidence[0].undefined == {"no mask": 3, "empty mask": 1}
        rows = record.rows(cell).to_pydict()
        assert rows["score"][:4] == [None] * 4
        assert rows["valid"][:4] == [False] * 4
        assert rows["undefined"][:5] == ["no mask"] * 3 + ["empty mask", None]
        assert rows["mask_area"][:4] == [None, None, None, 0.0]
        assert sum(cell.evidence[0].quadrants.values()) == 10


def test_without_masks_accuracy_is_computed_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = {"use": "squares", "masks": False, "without_mask": 24}
    record = rateval.run(spec(dataset=[bare]))
    masked = rateval.run(spec())
    for cell, other in zip(record.cells, masked.cells, strict=True):
        (evidence,) = cell.evidence
        accuracy, pt, ir = evidence.scores
        beside = other.evidence[0].scores[0]
        assert accuracy == beside.model_copy(update={"areas": ()})  # without masks, without areas
        assert accuracy.value.value is not None
        for score in (pt, ir):
            value = score.value
            assert (value.value, value.numerator, value.denominator) == (None, 0, 0)
            assert (value.low, value.high, score.change) == (None, None, None)
        assert evidence.undefined == {"no mask": 12}
        rows = record.rows(cell).to_pydict()
        assert rows["undefined"] == ["no mask"] * 12
        assert rows["mask_area"] == rows["score"] == [None] * 12
        assert rows["valid"] == [False] * 12
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["report", str(record.path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    note = (
        "accuracy alone: none of these images has an evidence mask, and PT and IR can't be computed"
    )
    assert printed.count(note) == 1
    assert "left out of" not in printed
    assert "is undefined" not in printed
    assert "have no score" not in printed


def test_samples_skipped_in_training_are_named_once() -> None:
    record = rateval.run(spec(dataset=[{"use": "squares", "unreadable": 2}]))
    zero_shot, trained = record.cells
    assert zero_shot.skipped_in_training == ()
    assert [s.id for s in trained.skipped_in_training] == ["0000", "0001"]
    assert trained.skipped == ()


def test_a_constant_map_is_never_valid() -> None:
    record = rateval.run(spec(attribution=[{"use": "any-map", "returns": "constant"}]))
    (evidence,) = record.cells[0].evidence
    assert evidence.undefined == {"constant relevance": 12}
    _, pt, ir = (score.value for score in evidence.scores)
    assert (ir.value, ir.denominator) == (None, 0)
    assert (pt.value, pt.numerator) == (0.0, 0)


def test_a_test_split_without_samples_is_refused_before_the_start() -> None:
    with pytest.raises(RatevalError, match="holds no sample"):
        rateval.run(spec(dataset=[{"use": "squares", "test": 0}]))
    assert not list(Path("runs").glob("tiny-*"))


@pytest.mark.parametrize(
    ("changes", "stage", "message"),
    [
        ({"dataset": [{"use": "squares", "train": 0}]}, "finetune", "training split holds no"),
        ({"dataset": [{"use": "squares", "trainable": False}]}, "finetune", "no training split"),
        (
            {"dataset": [{"use": "squares", "skipped": 12}]},
            "infer",
            "all 12 samples of the test split were skipped.*truncated file",
        ),
        (
            {"attribution": [{"use": "any-map", "returns": "shape"}]},
            "infer",
            r"relevance of shape \(5, 2, 4\), not \(5, 3, 4\).*any-map.*acme 1.2",
        ),
        (
            {"attribution": [{"use": "any-map", "returns": "nan"}]},
            "infer",
            'relevance that is NaN for image "',
        ),
        (
            {"attribution": [{"use": "any-map", "returns": "negative"}]},
            "infer",
            'relevance that is negative for image "',
        ),
        (
            {"attribution": [{"use": "any-map", "returns": "logits"}]},
            "infer",
            r"logits of shape \(5, 99\), not \(5, 3\)",
        ),
        ({"evidence": [{"use": "any-verdict"}]}, "judge", "not finite.*any-verdict.*acme 1.2"),
        (
            {"evidence": [{"use": "any-verdict", "returns": "valid"}]},
            "judge",
            "valid where its score is undefined",
        ),
        (
            {"evidence": [{"use": "any-verdict", "returns": "short"}]},
            "judge",
            r"verdict of shapes \[\(4,\)\]",
        ),
        (
            {"metric": [{"use": "any-metric", "value": 0.7}]},
            "score",
            'metric "any-metric".*not numerator / denominator',
        ),
    ],
)
def test_what_breaks_a_promise_is_named(changes: Changes, stage: str, message: str) -> None:
    record = rateval.run(spec(**changes))
    assert record.status == "failed"
    assert {failure.stage for failure in record.failures} == {stage}
    assert all(re.search(message, failure.error, re.DOTALL) for failure in record.failures)


def test_a_run_that_fails_later_keeps_what_it_had() -> None:
    data = [{"use": "squares", "trainable": False}]
    rateval.run(spec(dataset=data))
    (folder,) = Path("runs").glob("tiny-*")
    record = rateval.load(folder)
    assert record.status == "failed"
    (failure,) = record.failures
    assert (failure.stage, failure.label) == ("finetune", "tiny · ft")
    assert "no training split" in failure.error
    assert [key.finetuner for key in failure.cells] == ["ft"]
    assert [key.finetuner for key in record.planned] == ["zs", "ft"]
    assert [cell.key.finetuner for cell in record.cells] == ["zs"]


def test_the_record_holds_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    text = """
        [study]
        name = "tiny"
        seed = 3
        [[dataset]]
        use = "squares"
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
    """
    path.write_text(text)
    record = rateval.run(path, device="cpu")
    again = rateval.load(record.path)
    assert again == record
    assert again.path == record.path
    assert (record.spec_given, record.seeds, record.status) == (text, (3,), "finished")
    assert (record.path / "spec.toml").read_text() == text
    metric = record.spec_resolved["metric"][1]
    assert (metric["component"], metric["distribution"][:8]) == ("pt", "rateval ")
    assert record.spec_resolved["model"][0]["distribution"] == "acme 1.2"
    assert record.environment.distributions["torch"] == torch.__version__.partition("+")[0]
    assert {"rateval", "numpy", "acme"} <= set(record.environment.distributions)
    assert record.environment.device == "cpu"
    assert record.datasets[0].classes == tiny_dataset().classes
    assert "NaN" not in (record.path / "run.json").read_text()
    assert json.loads((record.path / "run.json").read_text())["format"] == 6


def test_two_runs_in_one_second_have_two_folders() -> None:
    folders = {rateval.run(spec()).path for _ in range(3)}
    assert len(folders) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "holds no run"), ("{}", "not a run record of format 4, 5 or 6: study")],
)
def test_what_is_no_run_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RatevalError, match=message):
        rateval.load(tmp_path / "run.json")


def test_rows_whose_store_is_gone() -> None:
    record = rateval.run(spec())
    moved = record.path.rename(Path("elsewhere"))
    with pytest.raises(RatevalError, match="the stored result is gone"):
        rateval.load(moved).rows(record.cells[0])


OBSERVER = """
from rateval.api import hookimpl
seen = []

@hookimpl
def rateval_run_started(plan):
    seen.append(("started", len(plan.keys)))

@hookimpl
def rateval_stage_finished(stage):
    seen.append((stage.stage, stage.label))

@hookimpl
def rateval_run_finished(record):
    seen.append(("finished", record.status))
    raise ValueError("observer trouble")
"""


def test_observers_see_a_run_and_cannot_break_it(make_plugin: MakePlugin) -> None:
    make_plugin(OBSERVER, distribution="watcher")
    record = rateval.run(spec(finetune=[{"use": "zs"}]))
    import watcher_entry  # type: ignore[import-not-found]  # installed by this test

    assert record.status == "finished"
    assert watcher_entry.seen == [
        ("started", 1),
        ("load", "tiny"),
        ("finetune", "tiny · zs"),
        ("infer", "tiny · zs on squares"),
        ("judge", "tiny · zs on squares by relevance-mass"),
        ("score", "tiny · zs on squares by relevance-mass: accuracy"),
        ("score", "tiny · zs on squares by relevance-mass: pt"),
        ("score", "tiny · zs on squares by relevance-mass: ir"),
        ("thresholds", "tiny · zs on squares by relevance-mass"),
        ("pictures", "squares"),
        ("finished", "finished"),
    ]


def test_a_large_test_split_is_kept_in_shards_that_make_the_same_whole() -> None:
    data = [{"use": "squares", "test": 23, "skipped": 9, "without_mask": 12}]
    whole = rateval.run(spec(dataset=data), output="whole")
    small = {"device": "cpu", "batch_size": 5, "shard_size": 5}  # the first is skipped altogether
    parted = rateval.run(spec(dataset=data, run=small), output="parted")
    assert parted.cells == whole.cells
    for ours, theirs in zip(parted.cells, whole.cells, strict=True):
        assert parted.rows(ours).equals(whole.rows(theirs))
        assert np.array_equal(parted.relevance(ours), whole.relevance(theirs))
        assert whole.rows(theirs)["index"].to_pylist() == list(range(9, 23))
    assert {path.name for path in Path("parted/store").iterdir()} == {
        "finetune",
        "infer",
        "judge",
        "score",
        "thresholds",
        "pictures",
        "view",
    }


def test_an_interrupted_shard_loses_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from rateval.stages.infer import infer as real

    data = [{"use": "squares", "test": 12}]
    small = {"device": "cpu", "batch_size": 5, "shard_size": 5}
    seen: list[int] = []

    def interrupted(job: Any, part: range, *rest: Any) -> Any:
        seen.append(part.start)
        if seen == [0, 5]:
            raise KeyboardInterrupt
        return real(job, part, *rest)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(spec(dataset=data, finetune=[{"use": "zs"}], run=small))
    record = rateval.run(spec(dataset=data, finetune=[{"use": "zs"}], run=small))
    assert seen == [0, 5, 5, 10]
    assert record.cells[0].count == 12


def test_a_half_finished_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from rateval.stages.infer import infer as real

    calls = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(spec())
    (folder,) = Path("runs").glob("tiny-*")
    half: RunRecord = rateval.load(folder)
    assert (half.status, [cell.key.finetuner for cell in half.cells]) == ("interrupted", ["zs"])
    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", real)
    whole = rateval.run(spec())
    computed = [(s.stage, s.label) for s in whole.stages if not s.reused and s.stage != "score"]
    assert computed == [
        ("load", "tiny"),
        ("infer", "tiny · ft on squares"),
        ("judge", "tiny · ft on squares by relevance-mass"),
        ("thresholds", "tiny · ft on squares by relevance-mass"),
        ("pictures", "squares"),
    ]
    assert whole.cells[0] == half.cells[0]
