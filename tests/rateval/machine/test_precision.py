from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import rateval
from rateval.api import Classifier
from rateval.cli.main import main
from rateval.errors import RatevalError, SpecError
from rateval.machine.precision import in_precision, require_precision
from rateval.machine.processor import Processor, read_processor, time_bfloat16
from rateval.modelkit import load_batches
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
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


@pytest.mark.usefixtures("_study", "native_bfloat16")
def test_a_study_in_half_precision_is_another_result_of_the_same_classifiers() -> None:
    exact, rounded = rateval.run(spec()), rateval.run(spec(precision="bfloat16"))
    before, after = stages(exact), stages(rounded)
    assert {key for key in before if before[key] != after[key]} == {
        key
        for key in before
        if key[0] in {"infer", "judge", "faithfulness", "score", "thresholds", "pictures"}
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


@pytest.mark.usefixtures("_study", "native_bfloat16")
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


@pytest.mark.usefixtures("_study", "native_bfloat16")
def test_probes_follow_the_predictions_of_the_same_precision() -> None:
    record = rateval.run(spec(precision="bfloat16"))
    cell = record.cells[0]
    curves = record.curves(cell)
    whole = [curve[0] for curve in curves.column("deletion_curve").to_pylist()]
    ids = record.rows(cell).column("id").to_pylist()
    rows = [ids.index(one) for one in curves.column("id").to_pylist()]
    assert len(rows) == 7
    assert np.allclose(whole, predictions(record, cell)[rows].max(axis=1), atol=1e-6)


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


@pytest.mark.usefixtures("native_bfloat16")
def test_processors_are_slow_in_float16() -> None:
    with pytest.raises(RatevalError, match="use float32 or bfloat16, or another device"):
        require_precision("float16", "cpu")


def be(monkeypatch: pytest.MonkeyPatch, flags: str, slowdown: float) -> list[str]:
    """Let the processor be another one; return a list that grows when it is timed."""
    timed: list[str] = []

    def measure() -> float:
        timed.append(flags)
        return slowdown

    other = Processor("Old EPYC", frozenset(flags.split()), measure)
    monkeypatch.setattr("rateval.machine.precision.HERE", other)
    return timed


@pytest.mark.parametrize("flags", ["sse avx512_bf16", "amx_bf16 avx2", "asimd bf16"])
def test_a_processor_with_the_instructions_is_believed(
    flags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = be(monkeypatch, flags, 9.0)
    require_precision("bfloat16", "cpu")
    assert timed == []


@pytest.mark.parametrize(("slowdown", "fine"), [(0.6, True), (1.0, False), (8.25, False)])
@pytest.mark.parametrize("flags", ["", "avx2 avx512f"])
def test_one_without_them_is_timed(
    flags: str, slowdown: float, fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = be(monkeypatch, flags, slowdown)
    if fine:
        require_precision("bfloat16", "cpu")
    else:
        with pytest.raises(
            RatevalError,
            match=rf'run.precision = "bfloat16": cpu \(Old EPYC\) has no .* {slowdown:.1f} times '
            r"as long in it as in float32; use float32, or another device",
        ):
            require_precision("bfloat16", "cpu")
    assert timed


def test_what_is_timed_is_timed_once_and_shortly() -> None:
    time_bfloat16.cache_clear()
    begin = time.perf_counter()
    assert 0 < time_bfloat16() < 1000
    once = time.perf_counter() - begin
    assert once < 5  # half a second where nothing else runs
    begin = time.perf_counter()
    time_bfloat16()
    assert time.perf_counter() - begin < once / 10 + 0.01


def test_processors_are_described_by_what_linux_says(tmp_path: Path) -> None:
    intel, arm = tmp_path / "intel", tmp_path / "arm"
    intel.write_text("processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu amx_bf16 amx_tile\n")
    arm.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\nCPU part\t: 0xd40\n")
    assert read_processor(intel).name == "Xeon"
    assert read_processor(intel).has_bfloat16
    assert read_processor(arm).has_bfloat16
    assert read_processor(arm).name
    arm.write_text("Features\t: fp asimd asimdhp\n")
    assert not read_processor(arm).has_bfloat16
    assert not read_processor(tmp_path / "absent").has_bfloat16


SPEC = """
[study]
name = "tiny"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[run]
device = "{device}"
precision = "{precision}"
"""


@pytest.mark.usefixtures("_study")
@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_spec_for_a_processor_without_them_is_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    be(monkeypatch, "avx2", 8.25)
    monkeypatch.setenv("COLUMNS", "2000")
    Path("spec.toml").write_text(SPEC.format(device="cpu", precision="bfloat16"))
    assert main([command, "spec.toml"]) == 2
    said = capsys.readouterr().err
    assert "takes 8.2 times as long in it as in float32; use float32, or another device" in said
    assert not Path("runs").exists()
    assert main(["validate", "spec.toml", "--set", "precision=float32"]) == 0


@pytest.mark.usefixtures("_study", "native_bfloat16")
def test_a_spec_for_a_device_elsewhere_is_valid_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for device, precision in (("cpu", "bfloat16"), ("cuda:7", "float16")):
        Path("spec.toml").write_text(SPEC.format(device=device, precision=precision))
        assert main(["validate", "spec.toml"]) == 0


def test_weights_that_are_broken_are_named_where_the_tower_is_rounded() -> None:
    model, images = tiny_model(), torch.ones(1, 3, 24, 32)
    name = next(name for name, weight in model.module.named_parameters() if weight.dim() > 1)
    with torch.no_grad():
        model.module.get_parameter(name).view(-1)[0] = float("nan")
    with (
        in_precision(model, "bfloat16", "cpu"),
        pytest.raises(RatevalError, match=rf"its weights are not finite: {name} \(NaN, 1 of "),
    ):
        model.encode_image(images)


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


SCENES = 600
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
