from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import rateval
from rateval.api import Classifier
from rateval.errors import RatevalError, SpecError
from rateval.machine.precision import in_precision, require_precision
from rateval.modelkit import load_batches
from rateval.records.cell import CellRecord
from rateval.records.run import RunRecord
from rateval.report.terminal.report import render
from rateval.testing import TinyModel, tiny_classifier, tiny_model


def spec(**run: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 2, "lr": 0.01, "batch_size": 8}],
        "faithfulness": {"images": 7, "steps": 4},
        "run": {"device": "cpu", "batch_size": 5} | run,
    }


@pytest.fixture
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def stages(record: RunRecord) -> dict[tuple[str, str], str]:
    # A model is loaded only where something is computed with it.
    made = (stage for stage in record.stages if stage.stage != "load")
    return {(stage.stage, stage.label): stage.identity for stage in made}


def predictions(record: RunRecord, cell: CellRecord) -> Any:
    return np.array(record.rows(cell).column("probabilities").to_pylist())


@pytest.mark.usefixtures("_study")
def test_a_study_in_half_precision_is_another_result_of_the_same_classifiers() -> None:
    exact, rounded = rateval.run(spec()), rateval.run(spec(precision="bfloat16"))
    before, after = stages(exact), stages(rounded)
    assert {key for key in before if before[key] != after[key]} == {
        key for key in before if key[0] in {"infer", "judge", "faithfulness", "score"}
    }
    assert {stage.stage for stage in rounded.stages if stage.reused} == {"finetune"}
    for one, other in zip(exact.cells, rounded.cells, strict=True):
        difference = np.abs(predictions(exact, one) - predictions(rounded, other)).max()
        assert 0 < difference < 0.02
        moved = exact.relevance(one).astype(float) - rounded.relevance(other)
        assert 0 < np.abs(moved).max() < 0.1


@pytest.mark.usefixtures("_study")
def test_results_in_float32_keep_their_identity() -> None:
    given = rateval.run(spec(precision="float32"))
    assert stages(given) == stages(rateval.run(spec()))
    for manifest in Path("runs/store/infer").glob("*/manifest.json"):
        inputs = json.loads(manifest.read_text())["inputs"]
        assert set(inputs) == {"classifier", "test", "shift", "attribution"}


@pytest.mark.usefixtures("_study")
def test_the_report_names_a_precision_that_is_not_float32() -> None:
    def head(record: RunRecord) -> str:
        console = Console(file=io.StringIO(), width=80)
        console.print(render(record, 80))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    assert "\npredicted and explained in bfloat16\n" in head(
        rateval.run(spec(precision="bfloat16"))
    )
    assert "predicted and explained" not in head(rateval.run(spec()))


def test_precisions_that_are_not_there() -> None:
    with pytest.raises(SpecError, match="must be 'float32', 'bfloat16' or 'float16'"):
        rateval.run(spec(precision="half"))


@pytest.mark.usefixtures("_study")
def test_probes_follow_the_predictions_of_the_same_precision() -> None:
    record = rateval.run(spec(precision="bfloat16"))
    cell = record.cells[0]
    whole = [curve[0] for curve in record.curves(cell).column("deletion_curve").to_pylist()]
    assert np.allclose(whole, predictions(record, cell)[:7].max(axis=1), atol=1e-6)


def bits(model: TinyModel) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in model.module.parameters()]


def test_all_is_as_before_afterwards() -> None:
    model = tiny_model()
    before = bits(model)
    with pytest.raises(ZeroDivisionError), in_precision(model, "bfloat16", "cpu"):
        assert not all(map(torch.equal, before, bits(model)))
        raise ZeroDivisionError
    assert all(map(torch.equal, before, bits(model)))
    assert not {"encode_image", "features"} & set(vars(model))


def test_what_was_replaced_before_comes_back() -> None:
    model = tiny_model()

    def mine(images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))

    model.encode_image = mine  # type: ignore[method-assign]
    with in_precision(model, "bfloat16", "cpu"):
        assert model.encode_image is not mine
    assert model.encode_image is mine


def test_casting_weights_once_is_what_autocast_does_for_each_batch() -> None:
    model, images = tiny_model(), torch.randn(4, 3, 24, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model.encode_image(images).float()
    with in_precision(model, "bfloat16", "cpu"):
        assert torch.equal(model.encode_image(images), expected)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_only_the_tower_is_rounded(precision: str) -> None:
    classifier = tiny_classifier()
    seen: list[torch.Tensor] = []
    classifier.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    attribution = rateval.create("attribution", "generic-attention")
    images, labels = torch.randn(4, 3, 24, 32), torch.tensor([0, 1, 2, 0])
    with in_precision(classifier.model, precision, "cpu"):
        with classifier.model.record_attention([2]) as recorded:
            logits = classifier.logits(images)
        explanation = attribution.explain(classifier, images, labels)
    assert {tensor.dtype for tensor in (*seen, recorded[2], logits)} == {torch.float32}
    assert explanation.relevance.dtype == torch.float32
    # The head's products of what the tower returned, without a rounding of their own.
    exact = seen[0].double() @ classifier.head.weight.double().T + classifier.head.bias.double()
    assert torch.allclose(logits.double(), exact, atol=1e-6, rtol=0)


def test_numbers_that_outgrow_the_format() -> None:
    model, images = tiny_model(), torch.full((1, 3, 24, 32), 1e5)
    with in_precision(model, "bfloat16", "cpu"):
        model.encode_image(images)
    with (
        in_precision(model, "float16", "cpu"),
        pytest.raises(RatevalError, match=r'run.precision = "float16": .* use "float32"'),
    ):
        model.encode_image(images)


def test_processors_are_slow_in_float16() -> None:
    with pytest.raises(RatevalError, match="use float32 or bfloat16, or another device"):
        require_precision("float16", "cpu")


@pytest.mark.usefixtures("_study")
def test_a_run_says_so_before_anything_is_computed() -> None:
    with pytest.raises(RatevalError, match="cpu does not compute in that"):
        rateval.run(spec(precision="float16"))
    assert not Path("runs").exists()


@pytest.mark.parametrize("native", [True, False])
def test_cards_that_only_emulate_bfloat16(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        def __init__(self, device: str) -> None:
            assert device == "cuda:0"

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(torch.cuda, "device", Card)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Old Card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda emulated: emulated or native)
    require_precision("float16", "cuda:0")
    if native:
        require_precision("bfloat16", "cuda:0")
    else:
        with pytest.raises(RatevalError, match=r"cuda:0 \(Old Card\).* use float32 or float16"):
            require_precision("bfloat16", "cuda:0")


SCENES = 192
TYPICAL, NEARLY_ALL = 0.02, 0.1
"""What half and 95 % of the maps may be off by at most, of their own maximum."""
FLIPS = 0.01
"""Share of the verdicts that may turn."""


@pytest.fixture(scope="module")
def explain() -> Callable[[str, str], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Return a function: explain drawn scenes with the tiny CLIP, give maps, scores, verdicts."""
    model = rateval.create("model", "clip")
    data = rateval.create("dataset", "shapes", test_size=SCENES)
    classifier: Classifier = rateval.create("finetuner", "zs").restore(model, data.classes, {})
    batches = list(load_batches(data.test, model, batch_size=64, masks=True))
    validator = rateval.create("validator", "relevance-mass")

    def run(layers: str, precision: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        attribution = rateval.create("attribution", "generic-attention", layers=layers)
        maps, scores, valid = [], [], []
        with in_precision(model, precision, "cpu"):
            for batch in batches:
                assert batch.masks is not None
                relevance = attribution.explain(classifier, batch.images, batch.labels).relevance
                verdict = validator.judge(relevance, batch.masks)
                maps.append(relevance)
                scores.append(verdict.score)
                valid.append(verdict.valid)
        return torch.cat(maps), torch.cat(scores), torch.cat(valid)

    return run


@pytest.mark.parametrize("layers", ["last", "all"])
def test_maps_of_real_weights_stay_within_tolerance(layers: str, explain: Any) -> None:
    exact, scores, valid = explain(layers, "float32")
    rounded, other_scores, other_valid = explain(layers, "bfloat16")
    largest = exact.amax((1, 2))
    off = ((rounded - exact).abs().amax((1, 2)) / largest)[largest > 0]
    assert len(off) > 0.95 * SCENES
    assert 1e-4 < float(off.median()) < TYPICAL
    assert float(off.quantile(0.95)) < NEARLY_ALL
    assert float((scores - other_scores).abs().median()) < TYPICAL
    assert int((valid != other_valid).sum()) <= FLIPS * SCENES
