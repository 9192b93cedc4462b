"""Weights that were fine-tuned elsewhere, as a row of a study."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import rateval
from rateval.api import Classifier, Context, RatevalError
from rateval.cli.main import main
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.testing import (
    RecordingLogbook,
    TinyModel,
    check_component,
    check_finetuner,
    tiny_dataset,
    tiny_model,
)
from rateval_finetune.loading.files import digest
from rateval_finetune.methods.checkpoint import CheckpointLoader, make_checkpoint
from rateval_finetune.methods.zero_shot import make_zero_shot
from rateval_finetune.params import CheckpointParams, ZsParams
from rateval_finetune.plugin import rateval_register_finetuners

State = dict[str, torch.Tensor]
Images = Callable[[TinyModel], torch.Tensor]
CLASSES = tiny_dataset().classes


def random_head(width: int = 24, classes: int = 3) -> State:
    draw = torch.Generator().manual_seed(5)
    return {
        "weight": torch.randn(classes, width, generator=draw),
        "bias": torch.randn(classes, generator=draw),
    }


def named(head: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in head.items()}


@pytest.fixture
def tuned() -> TinyModel:
    """A model whose weights are others than those of the study's model."""
    return tiny_model(seed=7)


@pytest.fixture
def weights(tuned: TinyModel, tmp_path: Path) -> Path:
    """The folder that holds the tuned model's weights, and nothing else."""
    folder = tmp_path / "mine"
    folder.mkdir()
    tuned.export_checkpoint(folder)
    return folder


def loader(path: Path, head: Path | None = None) -> CheckpointLoader:
    return make_checkpoint(CheckpointParams(path=path, head=head), Context())


def load(path: Path, head: Path | None = None, classes: tuple[str, ...] = CLASSES) -> Classifier:
    return loader(path, head).fit(tiny_model(), None, classes, RecordingLogbook())


def test_without_a_head_it_is_zero_shot_of_the_other_model(
    tuned: TinyModel, weights: Path, images: Images
) -> None:
    expected = make_zero_shot(ZsParams(), Context()).fit(tuned, None, CLASSES, RecordingLogbook())
    for path in (weights, weights / "tiny.safetensors"):
        found = load(path)
        assert found.logits(images(tuned)).equal(expected.logits(images(tuned)))
        assert set(found.state()) == {f"model.{name}" for name in tuned.module.state_dict()}


def in_the_folder(weights: Path, head: State, prefix: str) -> tuple[Path, Path | None]:
    save_file(named(head, prefix), weights / "head.safetensors")
    return weights, None


def in_the_file(weights: Path, head: State, prefix: str) -> tuple[Path, Path | None]:
    state = tiny_model(seed=7).module.state_dict() | named(head, prefix or "head.")
    torch.save({"model": state}, weights.parent / "all.pth")
    return weights.parent / "all.pth", None


def given_apart(weights: Path, head: State, prefix: str) -> tuple[Path, Path | None]:
    torch.save(named(head, prefix), weights.parent / "probe.pt")
    return weights / "tiny.safetensors", weights.parent / "probe.pt"


def given_beside(weights: Path, head: State, prefix: str) -> tuple[Path, Path | None]:
    """By another spelling of its path, which must not make it a second file of weights."""
    torch.save(named(head, prefix), weights / "probe.pt")
    return weights, weights / ".." / weights.name / "probe.pt"


@pytest.mark.parametrize("prefix", ["", "head.", "embedding_head."])
@pytest.mark.parametrize("place", [in_the_folder, in_the_file, given_apart, given_beside])
def test_a_head_is_found_wherever_it_lies(
    place: Any, prefix: str, tuned: TinyModel, weights: Path, images: Images
) -> None:
    on_embedding = prefix == "embedding_head."
    head = random_head(12 if on_embedding else 24)
    path, apart = place(weights, head, prefix)
    classifier = load(path, apart)
    seen = images(tuned)
    inputs = F.normalize(tuned.encode_image(seen), dim=1) if on_embedding else tuned.features(seen)
    expected = inputs.double() @ head["weight"].double().T + head["bias"].double()
    torch.testing.assert_close(classifier.logits(seen).double(), expected, rtol=0, atol=1e-5)
    kept = {name for name in classifier.state() if not name.startswith("model.")}
    own = "embedding_head." if on_embedding else "head."
    assert kept == {f"{own}weight", f"{own}bias"}


@pytest.mark.parametrize(
    ("order", "message"),
    [((2, 1, 0), "its classes are in another order than the dataset's"), ((0, 1), "are others")],
)
def test_a_head_that_names_other_classes_is_refused(
    order: tuple[int, ...], message: str, weights: Path
) -> None:
    names = json.dumps([CLASSES[index] for index in order])
    save_file(random_head(), weights / "head.safetensors", {"classes": names})
    with pytest.raises(RatevalError, match=message):
        loader(weights).fit(tiny_model(), None, CLASSES, RecordingLogbook())


@pytest.mark.parametrize(
    "named", ["5", "{}", "null", '"abc"', "[1, 2, 3]", "[", "[" * 100_000, "9" * 5000, "\0"]
)
def test_a_head_whose_classes_are_no_list_of_names(named: str, weights: Path) -> None:
    save_file(random_head(), weights / "head.safetensors", {"classes": named})
    with pytest.raises(
        RatevalError,
        match=r"^checkpoint: head .*head\.safetensors: its metadata has classes = .{,60}: must be "
        "a JSON list of names",
    ):
        load(weights)


def test_a_head_that_names_the_datasets_classes_is_taken(weights: Path) -> None:
    named = {"classes": json.dumps(list(CLASSES))}
    save_file(random_head(), weights / "head.safetensors", named)
    classifier = loader(weights).fit(tiny_model(), None, CLASSES, RecordingLogbook())
    assert "head.weight" in classifier.state()


@pytest.mark.parametrize("head", [None, random_head(), named(random_head(12), "embedding_head.")])
def test_conformance(head: State | None, weights: Path) -> None:
    if head is not None:
        save_file(head, weights / "head.safetensors")
    check_finetuner(loader(weights))


def test_the_declaration_keeps_its_promises(weights: Path) -> None:
    component = next(c for c in rateval_register_finetuners() if c.name == "checkpoint")
    check_component(component, "finetuner", path=weights)


def test_afterwards_nothing_trains(weights: Path) -> None:
    save_file(random_head(), weights / "head.safetensors")
    classifier: Any = load(weights)
    for module in (classifier.model.module, classifier.head):
        assert not any(weight.requires_grad for weight in module.parameters())
        assert not any(part.training for part in module.modules())


def head_of_another_width(folder: Path) -> None:
    save_file(random_head(12), folder / "head.safetensors")


def embedding_head_of_another_width(folder: Path) -> None:
    save_file(named(random_head(24), "embedding_head."), folder / "head.safetensors")


def head_of_other_classes(folder: Path) -> None:
    save_file(random_head(classes=5), folder / "head.safetensors")


def head_without_weight(folder: Path) -> None:
    save_file({"bias": random_head()["bias"]}, folder / "head.safetensors")


def two_files(folder: Path) -> None:
    save_file({"a": torch.ones(1)}, folder / "old.pt")


def no_file(folder: Path) -> None:
    (folder / "tiny.safetensors").rename(folder / "tiny.txt")


def another_model(folder: Path) -> None:
    state = tiny_model(readout="attention pool").module.state_dict()
    save_file(state, folder / "tiny.safetensors")


def unsafe_weights(folder: Path) -> None:
    torch.save({"a": Path()}, folder / "tiny.safetensors")


def unsafe_head(folder: Path) -> None:
    torch.save({"weight": Path()}, folder / "head.safetensors")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            head_of_another_width,
            r"^checkpoint: head of .*tiny.safetensors: it takes 12 inputs, and the model's "
            r"features are 24; give the head that was trained on this model's features",
        ),
        (embedding_head_of_another_width, "takes 24 inputs, and the model's embedding are 12"),
        (
            head_of_other_classes,
            r"head\.bias is \(5,\), needed is \(3,\), head\.weight is \(5, 24\), needed is "
            r"\(3, 24\).*\(the dataset has 3 classes\)$",
        ),
        (head_without_weight, r"head\.weight is missing"),
        (
            two_files,
            r"^checkpoint: path = .*: the folder must hold one file of weights .* but holds "
            r"old\.pt, tiny\.safetensors; give the file itself$",
        ),
        (no_file, r"but holds none; give the file itself$"),
        (another_model, r"the tiny model.*image\.pool"),
        (unsafe_weights, r"tiny\.safetensors: refused, and nothing in it was executed"),
        (unsafe_head, r"head\.safetensors: refused, and nothing in it was executed"),
    ],
)
def test_what_does_not_fit_says_so(
    spoil: Callable[[Path], None], message: str, weights: Path
) -> None:
    spoil(weights)
    with pytest.raises(RatevalError, match=message):
        load(weights)


def test_files_that_are_not_there_are_named(weights: Path) -> None:
    gone = weights / "gone.pt"
    with pytest.raises(
        RatevalError, match=r"^checkpoint: path = .*gone\.pt: there is no such file"
    ):
        load(gone)
    with pytest.raises(
        RatevalError, match=r"^checkpoint: head = .*gone\.pt: there is no such file"
    ):
        load(weights, gone)
    with pytest.raises(RatevalError, match=r"^checkpoint: head = .*mine: there is no such file"):
        load(weights, weights)


def test_the_digest_goes_by_the_bytes(weights: Path) -> None:
    file = weights / "tiny.safetensors"
    first = digest(CheckpointParams(path=file))
    assert digest(CheckpointParams(path=weights)) == first
    renamed = file.rename(weights / "renamed.safetensors")
    assert digest(CheckpointParams(path=renamed)) == first
    apart = weights.parent / "probe.pt"
    torch.save(random_head(), apart)
    with_head = digest(CheckpointParams(path=renamed, head=apart))
    assert with_head != first
    torch.save(random_head(classes=4), apart)
    assert digest(CheckpointParams(path=renamed, head=apart)) not in (first, with_head)
    renamed.write_bytes(renamed.read_bytes() + b" ")
    assert digest(CheckpointParams(path=renamed)) != first
    with pytest.raises(RatevalError, match="there is no such file or folder"):
        digest(CheckpointParams(path=file))


def test_it_needs_nothing_that_training_needs() -> None:
    program = (
        "import sys; import rateval_finetune.loading.files; "
        "assert 'torch' not in sys.modules; "
        "sys.modules['accelerate'] = None; import rateval_finetune.methods.checkpoint"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


SHAPES = {"use": "shapes", "train_size": 24, "test_size": 16, "seed": 4}
QUICK = {"epochs": 1, "lr": 1e-3, "seed": 1}


def study(*finetune: dict[str, Any]) -> dict[str, Any]:
    return {
        "study": {"name": "small"},
        "dataset": [SHAPES],
        "model": [{"use": "clip"}],
        "finetune": list(finetune),
        "run": {"device": "cpu"},
    }


def probabilities(record: RunRecord, cell: CellRecord) -> Any:
    return np.array(record.rows(cell)["probabilities"].to_pylist())


def test_what_was_exported_is_the_same_row_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods = ("ft", "wise-ft", "flcp")
    first = rateval.run(study({"use": "zs"}, *({"use": m} | QUICK for m in methods)))
    for method in methods:
        arguments = ("export-checkpoint", str(first.path), "--finetune", method, "--to", method)
        assert main(arguments) == 0, capsys.readouterr().err
    rows = [{"use": "checkpoint", "name": f"my {m}", "path": m} for m in methods]
    # Zero-shot comes last: what came from a file is no baseline although it trains nothing.
    second = rateval.run(study(*rows, {"use": "zs"}))
    before = {cell.key.finetuner: cell for cell in first.cells}
    for cell in second.cells:
        same = before[cell.key.finetuner.removeprefix("my ")]
        theirs, ours = probabilities(first, same), probabilities(second, cell)
        assert np.abs(theirs - ours).max() < 1e-5
        assert np.abs(first.relevance(same) - second.relevance(cell)).max() < 2e-3
        assert cell.trained == (cell.key.finetuner != "zs")
        found = [(score.value, score.change) for score in cell.evidence[0].scores]
        assert found == [(score.value, score.change) for score in same.evidence[0].scores]
        assert (found[0][1] is None) == (cell.key.finetuner == "zs")
    assert second.trainings == ()
    described = json.loads((Path("ft") / "rateval.json").read_text())
    assert described["decision"]["head"]["file"] == "head.safetensors"
    again = rateval.run(study(*rows))
    assert all(stage.reused for stage in again.stages if stage.stage == "finetune")
    # A row from a file can be exported like any other.
    assert main(["export-checkpoint", str(second.path), "--finetune", "my ft", "--to", "out"]) == 0
    third = rateval.run(study({"use": "checkpoint", "path": "out"}))
    assert np.array_equal(
        probabilities(third, third.cells[0]), probabilities(second, second.cells[0])
    )
