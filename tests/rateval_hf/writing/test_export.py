"""What is exported of each family is a folder like the one that was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from rateval.api import Context
from rateval_hf.writing.making import make_vlm
from rateval_hf.writing.params import VlmParams


def test_it_loads_back_and_answers_as_before(
    case: Any, images: Any, questions: Any, answers: Any, pictures: Any, tmp_path: Path
) -> None:
    model = case.make()
    with torch.no_grad():
        for weight in model.module.parameters():  # as after a training
            weight.add_(torch.randn_like(weight), alpha=0.01)
    folder = tmp_path / "out"
    written = model.export_checkpoint(folder)
    assert {path.name for path in written} == {path.name for path in folder.iterdir()}
    assert len(set(written)) == len(written)
    again = make_vlm(VlmParams(folder=str(folder), **case.params), Context())
    given = images(model)
    scores = [one.score(given, questions, answers) for one in (model, again)]
    assert torch.equal(scores[0].log_probabilities, scores[1].log_probabilities)
    assert model.generate(given, questions) == again.generate(given, questions)
    assert torch.equal(model.preprocess(pictures[0]), again.preprocess(pictures[0]))
    loader: Any = AutoModelForImageTextToText
    module = loader.from_pretrained(folder, local_files_only=True)
    ours = model.module.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in module.state_dict().items())
    processor: Any = AutoProcessor
    assert type(processor.from_pretrained(folder, local_files_only=True)) is type(case.processor)
