"""What is exported of a BLIP that answers: transformers reads it, and it answers as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BlipForConditionalGeneration, BlipForQuestionAnswering

from rateval.api import Context
from rateval_vlp.answering.making import make_blip_caption, make_blip_vqa
from rateval_vlp.answering.params import BlipCaptionParams, BlipVqaParams


def load_back(kind: Any, folder: Path, **params: Any) -> Any:
    given = {"pretrained": str(folder)} | params
    if kind.asks:
        return make_blip_vqa(BlipVqaParams(**given), Context())
    return make_blip_caption(BlipCaptionParams(**given), Context())


def compare(one: Any, other: Any, images: torch.Tensor, questions: Any, answers: Any) -> None:
    scores = [model.score(images, questions, answers) for model in (one, other)]
    assert torch.equal(scores[0].log_probabilities, scores[1].log_probabilities)
    assert scores[0].spans == scores[1].spans
    assert one.generate(images, questions) == other.generate(images, questions)


def test_it_loads_back_and_answers_as_before(
    kind: Any, images: torch.Tensor, answers: Any, tmp_path: Path
) -> None:
    model = kind.make(image_mean=[0.5, 0.4, 0.3])
    with torch.no_grad():
        for weight in model.module.parameters():  # as after a training
            weight.add_(torch.randn_like(weight), alpha=0.01)
    written = model.export_checkpoint(tmp_path / "out")
    assert all(path.is_file() for path in written)
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    again = load_back(kind, tmp_path / "out", image_mean=[0.5, 0.4, 0.3])
    compare(model, again, images, kind.questions, answers)
    preparation = json.loads((tmp_path / "out/preprocessor_config.json").read_text())
    assert preparation["image_mean"] == [0.5, 0.4, 0.3]


def test_transformers_reads_it_alone(kind: Any, tmp_path: Path) -> None:
    model = kind.make()
    model.export_checkpoint(tmp_path / "out")
    loader: Any = BlipForQuestionAnswering if kind.asks else BlipForConditionalGeneration
    module, told = loader.from_pretrained(
        tmp_path / "out", output_loading_info=True, local_files_only=True
    )
    assert not any(told[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    theirs, ours = module.state_dict(), model.module.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("begins", ["[ENC]", "[CLS]"])
def test_questions_begin_as_they_did(
    vqa: Any, images: torch.Tensor, answers: Any, tmp_path: Path, begins: str
) -> None:
    model = vqa.make(question_begins=begins)
    model.export_checkpoint(tmp_path / "out")
    again = load_back(vqa, tmp_path / "out")
    compare(model, again, images, vqa.questions, answers)
    other = load_back(vqa, tmp_path / "out", question_begins="[CLS]" if "E" in begins else "[ENC]")
    scores = [one.score(images, vqa.questions, answers) for one in (model, other)]
    assert not torch.equal(*(one.log_probabilities for one in scores))
