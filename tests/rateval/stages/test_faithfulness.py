"""Faithfulness in whole runs of tiny components, checked against computations of their own."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import rateval
from rateval.cli.main import main
from rateval.data.drawing import draw
from rateval.errors import RatevalError
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.explainers import FaithfulnessRecord
from rateval.testing import tiny_dataset, tiny_model

Array = NDArray[np.float64]
ROOT = Path(__file__).parents[3]


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "faithfulness": {"images": 7, "steps": 5},
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


def faithfulness(cell: CellRecord) -> FaithfulnessRecord:
    assert cell.faithfulness is not None
    return cell.faithfulness


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


class Reference:
    """Zero-shot of the tiny model in float64, and curves by replacing one patch after the other."""

    def __init__(self) -> None:
        self.model, data = tiny_model(), tiny_dataset()
        samples = data.test.samples(range(12))
        images = [self.model.preprocess(s.image) for s in samples]  # type: ignore[union-attr]
        self.images = [image.double().numpy() for image in images]
        with torch.no_grad():
            text = [
                torch.nn.functional.normalize(self.model.encode_text(prompts).double(), dim=1)
                for prompts in self.model.prompts(data.classes)
            ]
        means = torch.stack([prompts.mean(0) for prompts in text])
        self.classes = torch.nn.functional.normalize(means, dim=1)
        self.model.module.double()

    def probability(self, image: Array, prediction: int) -> float:
        with torch.no_grad():
            embedded = self.model.encode_image(torch.from_numpy(image)[None])[0]
        logits = (20 * self.classes @ embedded / embedded.norm()).numpy()
        exponentials = np.exp(logits - logits.max())
        return float(exponentials[prediction] / exponentials.sum())

    def without(self, image: Array, patches: list[int], prediction: int) -> float:
        changed = image.copy()
        for patch in patches:
            top, left = 8 * (patch // 4), 8 * (patch % 4)
            for channel in range(3):
                changed[channel, top : top + 8, left : left + 8] = image[channel].mean()
        return self.probability(changed, prediction)


def test_curves_and_areas_equal_an_independent_computation() -> None:
    record = rateval.run(spec())
    (cell,) = record.cells
    rows, curves = record.rows(cell).to_pydict(), record.curves(cell).to_pydict()
    reference = Reference()
    counts = [0, 2, 5, 7, 10, 12]
    drawn = [rows["id"].index(name) for name in curves["id"]]
    assert drawn == draw(rows["id"], rows["label"], 7) != list(range(7))
    assert {rows["label"][at] for at in drawn} == set(rows["label"])
    for row, (at, name) in enumerate(zip(drawn, curves["id"], strict=True)):
        seed = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16)
        places = np.random.default_rng(seed).permutation(12).tolist()
        chance = sorted(range(12), key=places.__getitem__)
        relevance = record.relevance(cell)[at].ravel().tolist()
        order = sorted(range(12), key=lambda patch: (-relevance[patch], places[patch]))
        image, prediction = reference.images[at], rows["prediction"][at]
        expected = {
            "deletion": [reference.without(image, order[:count], prediction) for count in counts],
            "insertion": [reference.without(image, order[count:], prediction) for count in counts],
            "chance": [reference.without(image, chance[:count], prediction) for count in counts],
        }
        for curve, heights in expected.items():
            assert curves[f"{curve}_curve"][row] == pytest.approx(heights, abs=1e-5)
            area = sum(
                (right - left) / 12 * (heights[step] + heights[step + 1]) / 2
                for step, (left, right) in enumerate(pairwise(counts))
            )
            assert curves[curve][row] == pytest.approx(area, abs=1e-5)
    found = faithfulness(cell)
    assert (found.count, found.undefined) == (7, {})
    for key in ("deletion", "insertion", "chance"):
        assert getattr(found, key) == pytest.approx(np.mean(curves[key]), abs=1e-6)
    for gain, better, worse in (
        (found.deletion_gain, "chance", "deletion"),
        (found.insertion_gain, "insertion", "chance"),
    ):
        pairs = zip(curves[better], curves[worse], strict=True)
        differences = [one - other for one, other in pairs]
        mean = sum(differences) / 7
        variance = sum((difference - mean) ** 2 for difference in differences) / 6
        half = 1.959964 * (variance / 7) ** 0.5
        assert gain is not None
        ends = (gain.value, gain.low, gain.high)
        assert ends == pytest.approx((mean, mean - half, mean + half), abs=1e-6)
        assert gain.above_0 == (mean - half > 0)


def test_permuting_weights_changes_maps_that_depend_on_them_and_leaves_no_trace() -> None:
    record = rateval.run(spec(faithfulness={"images": 12}))
    plain = rateval.run(spec(faithfulness={"images": 12, "randomisation": False}), output="plain")
    checked = faithfulness(record.cells[0]).randomisation
    assert checked is not None
    assert checked.correlation is not None
    assert checked.count == 12
    assert not checked.ignores_weights
    values = record.curves(record.cells[0])["randomised_correlation"].to_pylist()
    assert checked.correlation == pytest.approx(np.mean(values), abs=1e-6)
    assert len(set(values)) > 6
    assert faithfulness(plain.cells[0]).randomisation is None
    assert plain.curves(plain.cells[0])["randomised_correlation"].null_count == 12
    for key in ("deletion", "insertion", "chance"):
        assert getattr(faithfulness(record.cells[0]), key) == getattr(
            faithfulness(plain.cells[0]), key
        )


def test_what_follows_sees_the_weights_as_they_were() -> None:
    """A classifier's faithfulness is tried, then it explains another test set."""
    data = [{"use": "squares"}, {"use": "squares", "name": "again", "train": 23}]
    faithful = rateval.run(spec(dataset=data), output="with")
    asked = spec(dataset=data)
    del asked["faithfulness"]
    without = rateval.run(asked, output="without")
    for ours, theirs in zip(faithful.cells, without.cells, strict=True):
        assert faithful.rows(ours).equals(without.rows(theirs))
        assert np.array_equal(faithful.relevance(ours), without.relevance(theirs))


def test_maps_that_ignore_the_weights_are_found() -> None:
    record = rateval.run(spec(attribution=[{"use": "any-map"}]))
    checked = faithfulness(record.cells[0]).randomisation
    assert checked is not None
    assert (checked.correlation, checked.ignores_weights) == (1.0, True)


def test_constant_maps_have_no_curves() -> None:
    record = rateval.run(spec(attribution=[{"use": "any-map", "returns": "constant"}]))
    (cell,) = record.cells
    found = faithfulness(cell)
    assert found.undefined == {"constant relevance": 7}
    assert (found.count, found.deletion, found.chance) == (7, None, None)
    assert (found.deletion_gain, found.insertion_gain) == (None, None)
    assert found.randomisation is not None
    assert (found.randomisation.correlation, found.randomisation.count) == (None, 0)
    assert not found.randomisation.ignores_weights
    rows = record.curves(cell)
    assert rows["undefined"].to_pylist() == ["constant relevance"] * 7
    for name in ("deletion", "insertion_curve", "randomised_correlation"):
        assert rows[name].null_count == 7


def test_maps_that_are_not_finite_with_permuted_weights_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from acme import parts  # the copy that this test installed

    real = parts.AnyMap.explain
    seen: list[int] = []

    def explain(self: Any, classifier: Any, images: Any, labels: Any, ids: Any = None) -> Any:
        found = real(self, classifier, images, labels, ids)
        seen.append(len(images))
        if len(seen) > 3:  # the 12 test images come first, in batches of 5
            found.relevance[0] = float("nan")
        return found

    monkeypatch.setattr(parts.AnyMap, "explain", explain)
    record = rateval.run(spec(attribution=[{"use": "any-map"}]))
    assert seen == [5, 5, 2, 5, 2]
    checked = faithfulness(record.cells[0]).randomisation
    assert checked is not None
    assert (checked.correlation, checked.count) == (1.0, 5)
    values = record.curves(record.cells[0])["randomised_correlation"].to_pylist()
    assert values == [None, 1.0, 1.0, 1.0, 1.0, None, 1.0]


def test_one_image_has_no_interval() -> None:
    gain = faithfulness(rateval.run(spec(faithfulness={"images": 1})).cells[0]).deletion_gain
    assert gain is not None
    assert (gain.low, gain.high, gain.above_0) == (None, None, False)


def test_nothing_is_tried_without_the_table() -> None:
    asked = spec()
    del asked["faithfulness"]
    record = rateval.run(asked)
    assert record.cells[0].faithfulness is None
    assert "faithfulness" not in {stage.stage for stage in record.stages}
    assert "faithfulness" not in record.spec_resolved
    assert not Path("runs/store/faithfulness").exists()
    with pytest.raises(RatevalError, match=r"add \[faithfulness\]"):
        record.curves(record.cells[0])


def test_options_are_part_of_the_identity_and_batches_are_not() -> None:
    first = rateval.run(spec())
    assert "load" in {stage.stage for stage in first.stages}
    again = rateval.run(spec(run={"device": "cpu", "batch_size": 3, "readers": 2}))
    assert all(stage.reused for stage in again.stages)
    assert again.cells == first.cells
    other = rateval.run(spec(faithfulness={"images": 7, "steps": 4}))
    assert [stage.stage for stage in other.stages if not stage.reused] == ["load", "faithfulness"]
    assert other.cells[0].identity == first.cells[0].identity
    assert faithfulness(other.cells[0]).identity != faithfulness(first.cells[0]).identity


def test_batches_change_nothing_but_rounding() -> None:
    one = rateval.run(spec(), output="one", batch_size=1)
    many = rateval.run(spec(), output="many", batch_size=64)
    for name in ("deletion_curve", "chance_curve"):
        first, second = (
            np.array(run.curves(run.cells[0])[name].to_pylist()) for run in (one, many)
        )
        assert np.allclose(first, second, atol=1e-5)


def test_the_first_images_that_can_be_read_are_taken_as_they_were_shifted() -> None:
    data = [{"use": "squares", "skipped": 2}]
    asked = spec(dataset=data, shift=[{"use": "darken", "by": 0.3}])
    record = rateval.run(asked | {"faithfulness": {"images": 500, "steps": 2}})
    plain, dark = record.cells
    for cell in (plain, dark):
        rows, curves = record.rows(cell).to_pydict(), record.curves(cell).to_pydict()
        assert curves["id"] == rows["id"]
        assert faithfulness(cell).count == 10
        whole = [curve[0] for curve in curves["deletion_curve"]]
        predicted = [p[k] for p, k in zip(rows["probabilities"], rows["prediction"], strict=True)]
        assert whole == pytest.approx(predicted, abs=1e-5)
        assert [curve[-1] for curve in curves["insertion_curve"]] == pytest.approx(whole)
    assert faithfulness(plain).deletion != faithfulness(dark).deletion


def test_data_that_changed_since_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rateval.run({key: value for key, value in spec().items() if key != "faithfulness"})
    from acme import parts  # the copy that this test installed

    real = parts.Squares.change

    def gone(self: Any, index: int, sample: Any) -> Any:
        return real(self, index, sample) if index else rateval.api.values.Skipped("0000", "gone")

    monkeypatch.setattr(parts.Squares, "change", gone)
    (failure,) = rateval.run(spec()).failures
    assert failure.stage == "faithfulness"
    assert re.search(r"not those that were explained before.*--fresh", failure.error)


def test_logits_that_are_not_finite_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rateval.stages.faithfulness.blank_patches", lambda images, blank: images / 0
    )
    failures = rateval.run(spec()).failures
    assert failures[0].label == "tiny · zs on squares"
    assert "not finite for blanked" in failures[0].error


def test_a_trained_classifier_that_was_stored_is_tried_alike() -> None:
    trained = {"use": "ft", "epochs": 2, "lr": 0.01, "batch_size": 8}
    asked = spec(finetune=[trained])
    plain = {key: value for key, value in asked.items() if key != "faithfulness"}
    rateval.run(plain)
    restored = rateval.run(asked)
    fresh = rateval.run(asked, output="fresh")
    assert [s.stage for s in restored.stages if not s.reused] == ["load", "faithfulness"]
    assert restored.cells == fresh.cells


def test_a_record_from_before_there_was_faithfulness_still_loads() -> None:
    asked = {key: value for key, value in spec().items() if key != "faithfulness"}
    record = rateval.run(asked)
    path = record.path / "run.json"
    values = json.loads(path.read_text())
    assert (values.pop("agreements"), values.pop("ranking_changes")) == ([], [])
    assert values["cells"][0].pop("faithfulness") is None
    path.write_text(json.dumps(values))
    assert rateval.load(path) == record


def test_the_command_line_prints_faithfulness(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    Path("spec.toml").write_text(
        """
        [study]
        name = "tiny"
        [[dataset]]
        use = "squares"
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        [[attribution]]
        use = "generic-attention"
        [[attribution]]
        use = "any-map"
        [faithfulness]
        images = 4
        [run]
        device = "cpu"
        """
    )
    assert main(["run", "spec.toml"]) == 0
    printed = capsys.readouterr()
    assert "✓ faithfulness   tiny · zs on squares · any-map  4 images" in printed.err
    (folder,) = Path("runs").glob("tiny-*")
    record = rateval.load(folder)
    assert "squares  faithfulness · 4 test images" in printed.out
    for cell in record.cells:
        found = faithfulness(cell)
        areas = [f"{value:.2f}" for value in (found.deletion, found.insertion)]
        pattern = rf"tiny +zs +{cell.key.attribution} +{'[* ] +'.join(map(re.escape, areas))} "
        assert re.search(pattern, printed.out)
    flat = " ".join(printed.out.split())
    assert "any-map (tiny · zs): the maps hardly change when the weights are permuted" in flat
    assert re.search(r"squares agreement of \S+ and \S+ · relevance-mass", flat)
    assert max(map(len, printed.out.splitlines())) <= 80


def test_every_key_of_the_table_is_documented() -> None:
    from rateval.spec.extras import Faithfulness

    text = (ROOT / "docs" / "spec.md").read_text()
    assert "`[faithfulness]`" in text
    for key, field in Faithfulness.model_fields.items():
        shown = json.dumps(field.default)
        assert f"| `{key}` | {shown} |" in text
