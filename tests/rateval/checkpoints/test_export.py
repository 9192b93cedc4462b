"""What cannot be exported is refused with a reason, and then nothing is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rateval.api.values import HeadDecision, PromptDecision
from rateval.checkpoints.export import describe_decision, export
from rateval.checkpoints.restore import Restored, choose_classifier, restore_classifier
from rateval.errors import RatevalError
from rateval.facade import run
from rateval.records.run import RunRecord
from rateval.records.shift import ShiftKey
from rateval.registry.discovery import discover
from rateval.stages.finetune import restore as restore_stored
from rateval.store.manifest import read_manifest, seal
from rateval.testing import TinyModel, tiny_classifier, tiny_model

CLASSES = ("dog", "cat", "bird")


@pytest.fixture
def record(tmp_path: Path, acme: Path) -> RunRecord:
    spec = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 6, "test": 3}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "ft", "epochs": 1, "lr": 0.01}],
    }
    return run(spec, device="cpu", output=tmp_path / "runs")


@pytest.fixture
def restored(record: RunRecord) -> Restored:
    return restore_classifier(record, choose_classifier(record, {}), discover())


class Decides:
    """A classifier that decides as it is told."""

    def __init__(
        self,
        model: TinyModel,
        logits: Callable[[TinyModel, torch.Tensor], torch.Tensor],
        decision: PromptDecision | HeadDecision | None,
    ) -> None:
        self.model = model
        self.decision = decision
        self._logits = logits

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self._logits(self.model, images)

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def test_a_head_on_the_features() -> None:
    bare = tiny_classifier(3)
    decision = describe_decision(bare, bare.decision, CLASSES)
    assert decision["head"]["inputs"] == "model.features(image)"
    assert decision["head"]["feature"] == "class token, not projected"


@pytest.mark.parametrize("with_head", [False, True])
def test_a_decision_of_another_kind_is_refused(with_head: bool) -> None:
    head = torch.nn.Linear(24, 3)
    decision = HeadDecision(head.weight, head.bias) if with_head else PromptDecision(20.0)
    classifier = Decides(
        tiny_model(),
        lambda model, images: head(model.features(images)).relu() + 1,
        decision,
    )
    alone = "its linear head" if with_head else "prompts"
    with pytest.raises(RatevalError, match=f"its model with {alone} alone gives logits"):
        describe_decision(classifier, decision, CLASSES)


@pytest.mark.parametrize("declared", ["none", "no such member"])
def test_a_classifier_that_does_not_say_how_it_decides(
    declared: str, restored: Restored, tmp_path: Path
) -> None:
    silent = Decides(tiny_model(), lambda _, images: images, None)
    if declared == "no such member":
        del silent.decision
    with pytest.raises(RatevalError) as caught:
        export(replace(restored, classifier=silent), tmp_path / "out", {})
    message = str(caught.value)
    assert message.startswith('finetune "ft" of plugin "finetune" (rateval ')
    assert "does not say how it decides" in message
    assert "docs/plugins.md" in message
    assert not (tmp_path / "out").exists()


def test_a_classifier_without_a_decision_still_runs(
    tmp_path: Path, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rateval_finetune.methods.zero_shot import PromptClassifier

    monkeypatch.delattr(PromptClassifier, "decision")
    spec = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 6, "test": 3}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
    }
    record = run(spec, device="cpu", output=tmp_path / "runs")
    assert record.status == "finished"
    restored = restore_classifier(record, choose_classifier(record, {}), discover())
    with pytest.raises(RatevalError, match=r'finetune "zs" of plugin .* does not say how'):
        export(restored, tmp_path / "out", {})


def test_nothing_is_written_when_the_model_cannot(restored: Restored, tmp_path: Path) -> None:
    export(restored, tmp_path / "out", {})
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    model: Any = restored.classifier.model

    def fail(folder: Path) -> tuple[Path, ...]:
        (folder / "half").write_text("half")
        raise RatevalError("the disk is full")

    model.export_checkpoint = fail
    with pytest.raises(RatevalError, match="the disk is full"):
        export(restored, tmp_path / "out", {})
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "runs", "site"}


def test_a_folder_that_cannot_be_made(restored: Restored, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RatevalError, match=r"out: cannot be written to: .*; choose another folder"):
        export(restored, tmp_path / "file" / "out", {})


def test_the_weights_are_those_that_were_trained(restored: Restored, tmp_path: Path) -> None:
    export(restored, tmp_path / "out", {})
    written = load_file(tmp_path / "out" / "tiny.safetensors")
    stored = restored.classifier.state()
    untrained = tiny_model().module.state_dict()
    for key, value in written.items():
        tower = key.replace("image.", "image_tower.", 1)
        assert value.equal(stored.get(tower, untrained[key]))
    assert any(not value.equal(untrained[key]) for key, value in written.items())


def test_a_stored_result_that_is_gone(record: RunRecord) -> None:
    shutil.rmtree(record.path.parent / "store" / "finetune")
    with pytest.raises(RatevalError, match="the stored result is gone; run the spec again"):
        restore_classifier(record, choose_classifier(record, {}), discover())


def test_a_model_whose_files_changed(record: RunRecord) -> None:
    cell = choose_classifier(record, {})
    folder = record.classifier_folder(cell)
    content = read_manifest(folder)
    content["inputs"]["model"]["digest"] = "another"
    seal(folder, content)
    with pytest.raises(RatevalError, match='model "tiny": its digest changed since this run'):
        restore_classifier(record, cell, discover())


def test_a_component_that_is_not_installed(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEVAL_DISABLE_PLUGINS", "acme")
    with pytest.raises(RatevalError, match=r'run.json: model\[0\].use = "tiny": unknown model'):
        restore_classifier(record, choose_classifier(record, {}), discover())


def test_weights_that_a_method_adds_within_the_model(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:

    def restore(finetuner: Any, model: Any, classes: Sequence[str], folder: Path) -> Any:
        classifier = restore_stored(finetuner, model, classes, folder)
        classifier.model.module.register_parameter("adapter", torch.nn.Parameter(torch.zeros(1)))
        return classifier

    monkeypatch.setattr("rateval.checkpoints.restore.restore", restore)
    with pytest.raises(RatevalError, match=r'finetune "ft": changed which weights .*\(adapter\)'):
        restore_classifier(record, choose_classifier(record, {}), discover())


def test_labels_that_do_not_go_together(record: RunRecord) -> None:
    (cell,) = record.cells
    other = cell.model_copy(
        update={
            "key": cell.key.model_copy(update={"model": "m2", "finetuner": "lp"}),
            "classifier": "x",
        }
    )
    two = record.model_copy(update={"cells": (cell, other)})
    two._path = record.path
    assert choose_classifier(two, {"model": "m2"}) is other
    with pytest.raises(RatevalError) as caught:
        choose_classifier(two, {"model": "m2", "finetune": "ft"})
    assert str(caught.value).startswith("--model m2 --finetune ft: this run has no such combin")
    assert "\n  --model m2 --finetune lp --dataset squares" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "why"), [("running", "hasn't come to it yet"), ("finished", "it failed, or")]
)
def test_what_is_planned_and_not_there_yet_is_told(
    record: RunRecord, status: str, why: str
) -> None:
    (cell,) = record.cells
    later = cell.key.model_copy(update={"finetuner": "later"})
    going = record.model_copy(update={"planned": (cell.key, later), "status": status})
    going._path = record.path
    assert choose_classifier(going, {"finetune": cell.key.finetuner}) is cell
    with pytest.raises(RatevalError) as caught:
        choose_classifier(going, {"finetune": "later"})
    assert str(caught.value).startswith(f"--finetune later: {record.path} has no result of it: ")
    assert why in str(caught.value)
    with pytest.raises(RatevalError, match="this run has no such finetune"):
        choose_classifier(going, {"finetune": "never"})


def test_cells_of_one_classifier_are_one(record: RunRecord) -> None:
    (cell,) = record.cells
    named = {"dataset": "unbiased", "shift": ShiftKey(family="darken")}
    again = cell.model_copy(update={"key": cell.key.model_copy(update=named)})
    two = record.model_copy(update={"cells": (cell, again)})
    assert choose_classifier(two, {}) is cell
    assert choose_classifier(two, {"dataset": "unbiased"}) is again


def test_origin_and_card_are_told(restored: Restored, tmp_path: Path) -> None:
    moved = replace(restored, identity="moved")
    files = export(moved, tmp_path / "out", {"study": "mine"})
    content = json.loads(files[-1].read_text(encoding="utf-8"))
    assert (content["run"], content["identity"]) == ({"study": "mine"}, "moved")
    assert content["model"]["component"] == "tiny"
    assert content["model"]["card"]["architecture"] == "tiny"
