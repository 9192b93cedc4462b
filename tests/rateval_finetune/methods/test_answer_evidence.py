"""The penalty on what an answer rests on outside of its region: its value and its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rateval
from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Asked, Attended, Flow
from rateval.testing import RecordingLogbook, TinyTextModel, tiny_text_model
from rateval_finetune.methods.answer_evidence import AnswerEvidenceObjective, AnswerEvidenceTask
from rateval_finetune.params import EvidenceFtParams
from rateval_finetune.relevance.words import relevance_of_answers

QUESTIONS = ("what is it", "which colour has the large ball left of the cube", "how many")
ANSWERS = ("a red ball", "red", "two or three small cubes")
LABELS = torch.zeros(3, dtype=torch.int64)


def make(form: Any = "vqa", *, pad: Any = "right", dtype: str = "float64") -> TinyTextModel:
    model = tiny_text_model(form, 5, pad=pad)
    model.module.to(getattr(torch, dtype)).requires_grad_(True)
    return model


def ask(form: Any = "vqa") -> tuple[Asked, ...]:
    questions = ("",) * 3 if form == "caption" else QUESTIONS
    return tuple(Asked(q, (a,)) for q, a in zip(questions, ANSWERS, strict=True))


def pictures(dtype: str = "float64") -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    images = torch.randn(3, 3, 8, 12, generator=draw).to(getattr(torch, dtype))
    masks = torch.rand(3, 8, 12, generator=draw) < 0.4
    return images, masks


def cover(mask: torch.Tensor) -> list[float]:
    """Return the part of each patch of 4 x 4 px that a mask covers."""
    return [
        float(mask[row : row + 4, column : column + 4].double().mean())
        for row in (0, 4)
        for column in (0, 4, 8)
    ]


def map_alone(model: TinyTextModel, image: torch.Tensor, one: Asked, layers: Any) -> list[float]:
    """Return the relevance of six patches for one answer, by loops over heads and words."""
    with model.record_flow() as flow:
        found = model.score(image[None], [one.question], [one.most_given])
    score = found.log_probabilities.sum()
    of = "text" if model.form == "decoder" else "image"
    to = {"vqa": "question", "caption": "answer", "decoder": "text"}[model.form]
    steps = [
        step for step in flow.steps if isinstance(step, Attended) and (step.to, step.of) == (to, of)
    ]
    steps = {"last": steps[-1:], "all": steps, 2: steps[-2:]}[layers]
    slopes = torch.autograd.grad(score, [step.probabilities for step in steps])
    assert flow.reading is not None
    tokens = [0.0] * steps[0].probabilities.shape[3]
    for step, slope in zip(steps, slopes, strict=True):
        _, heads, words, seen = slope.shape
        for head in range(heads):
            for word in range(words):
                if of == "text" and not bool(flow.reading[0, word]):
                    continue
                for token in range(seen):
                    product = float(slope[0, head, word, token])
                    product *= float(step.probabilities[0, head, word, token].detach())
                    tokens[token] += max(product, 0.0) / heads
    if of == "image":
        return tokens[1:]  # the first is the class token
    # Two that begin, three pairs of patches, and the words.
    line = 5 + len(one.question.split()) + len(one.most_given.split())
    first = flow.reading.shape[1] - line if model.pad == "left" else 0
    return [tokens[first + 1 + pair] / 2 for pair in (0, 0, 1, 1, 2, 2)]


@pytest.mark.parametrize("pad", ["left", "right"])
@pytest.mark.parametrize("layers", ["last", "all", 2])
@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
def test_the_loss_equals_loops_over_words_in_float64(form: Any, layers: Any, pad: Any) -> None:
    model = make(form, pad=pad)
    images, masks = pictures()
    masks[1] = False  # an answer that no region tells
    made = AnswerEvidenceObjective(model, EvidenceFtParams(weight=3.0, layers=layers))
    weights = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    loss, correct = made(images, LABELS, weights, masks, ask(form))
    expected = 0.0
    for row, one in enumerate(ask(form)):
        scores = model.score(images[row : row + 1], [one.question], [one.most_given])
        expected -= float(scores.log_probabilities.detach().sum())
        if row != 1:
            relevance = map_alone(model, images[row], one, layers)
            inside = sum(a * b for a, b in zip(relevance, cover(masks[row]), strict=True))
            expected += 3 * (1 - inside / sum(relevance))
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    assert correct is None


def test_what_only_fills_counts_nothing() -> None:
    model, (images, masks) = make(), pictures()
    made = AnswerEvidenceObjective(model, EvidenceFtParams(weight=3.0))
    weights = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    some = made(images, LABELS, weights, masks, ask())[0]
    two = made(images[:2], LABELS[:2], weights[:2], masks[:2], ask()[:2])[0]
    assert some.item() == pytest.approx(two.item(), rel=1e-9)


def test_the_gradient_is_that_of_finite_differences() -> None:
    """Through the gradient that the relevance holds, along random directions."""
    model, (images, masks) = make(), pictures()
    made = AnswerEvidenceObjective(model, EvidenceFtParams(weight=3.0, layers="all"))
    weights, draw = torch.ones(3, dtype=torch.float64), torch.Generator().manual_seed(3)

    def value() -> torch.Tensor:
        loss: torch.Tensor = made(images, LABELS, weights, masks, ask())[0]
        return loss

    trained = list(model.module.parameters())
    slopes = torch.autograd.grad(value(), trained, materialize_grads=True)
    for _ in range(3):
        ways = [torch.randn(w.shape, generator=draw, dtype=torch.float64) for w in trained]
        expected = sum(float((g * w).sum()) for g, w in zip(slopes, ways, strict=True))
        values = []
        for step in (1e-7, -2e-7, 1e-7):
            with torch.no_grad():
                for weight, way in zip(trained, ways, strict=True):
                    weight.add_(way, alpha=step)
            values.append(value().item())
        assert (values[0] - values[1]) / 2e-7 == pytest.approx(expected, rel=1e-4)


def test_one_step_down_lowers_the_loss_and_the_penalty() -> None:
    model, (images, masks) = make(), pictures()
    made = AnswerEvidenceObjective(model, EvidenceFtParams(weight=100.0))
    plain = AnswerEvidenceObjective(model, EvidenceFtParams())
    plain.factor = 0.0
    weights = torch.ones(3, dtype=torch.float64)
    given = (images, LABELS, weights, masks, ask())
    before, likely = made(*given)[0], plain(*given)[0]
    before.backward()
    with torch.no_grad():
        for weight in model.module.parameters():
            if weight.grad is not None:
                weight.sub_(weight.grad, alpha=1e-5)
    after, likely_after = made(*given)[0], plain(*given)[0]
    assert after.item() < before.item()
    assert (after - likely_after).item() < (before - likely).item()


def test_an_answer_without_relevance_is_not_penalised() -> None:
    """Output words of zeros have no gradient, and so no relevance; nothing is divided by it."""
    model, (images, masks) = make(), pictures()
    with torch.no_grad():
        for weight in model.parts["vocabulary"].parameters():
            weight.zero_()
    made = AnswerEvidenceObjective(model, EvidenceFtParams(weight=3.0))
    loss, _ = made(images, LABELS, torch.ones(3, dtype=torch.float64), masks, ask())
    loss.backward()
    found = [weight.grad for weight in model.module.parameters() if weight.grad is not None]
    assert found
    assert all(bool(one.isfinite().all()) for one in found)
    plain = AnswerEvidenceObjective(model, EvidenceFtParams())
    plain.factor = 0.0
    likely = plain(images, LABELS, torch.ones(3, dtype=torch.float64), masks, ask())[0]
    assert loss.item() == pytest.approx(likely.item(), rel=1e-12)


def test_the_penalty_rises_over_its_warm_up() -> None:
    task = AnswerEvidenceTask(make(), EvidenceFtParams(weight=2.0, penalty_warmup=0.5))
    factors = []
    for step in range(1, 9):
        task.at_step(step, 8)
        assert isinstance(task.objective, AnswerEvidenceObjective)
        factors.append(task.objective.factor)
    assert factors == pytest.approx([0, 0.5, 1, 1.5, 2, 2, 2, 2])


def test_what_cannot_be_trained_on_is_named() -> None:
    model, (images, _) = make(), pictures()
    with model.record_flow() as flow:
        scores = model.score(images, QUESTIONS, ANSWERS).log_probabilities.sum(dim=1)
    message = r"layers = 5: the model has 2 layers in which words look at the image; give .* to 2"
    with pytest.raises(RatevalError, match=message):
        relevance_of_answers(flow, scores, 5)
    words = [s for s in flow.steps if isinstance(s, Attended) and "image" not in (s.to, s.of)]
    with pytest.raises(RatevalError, match=r"no words of this model look at the image.*use ft"):
        relevance_of_answers(Flow(list(words), "answer", flow.reading), scores, "last")
    decoder = make("decoder")
    with decoder.record_flow() as flow:
        scores = decoder.score(images, QUESTIONS, ANSWERS).log_probabilities.sum(dim=1)
    flow.reading = None
    with pytest.raises(PluginError, match="reading must say"):
        relevance_of_answers(flow, scores, "last")


def test_training_moves_the_maps_into_the_regions(tmp_path: Path) -> None:
    """More than ft does, on drawn scenes, by the map that it is trained on; then from its state."""
    data: Any = rateval.create("dataset", "shapes-vqa", train_size=48, test_size=8)
    found = {}
    asked: dict[str, dict[str, Any]] = {"ft": {}, "evidence-ft": {"weight": 5.0}}
    for name, more in asked.items():
        model: Any = rateval.create("model", "blip-vqa")
        more |= {"epochs": 3, "lr": 1e-3, "batch_size": 8}
        finetuner: Any = rateval.create("finetuner", name, **more)
        logbook = RecordingLogbook()
        answerer = finetuner.fit(model, data.train, data.classes, logbook)
        found[name] = share_of(answerer, data)
        assert not any(weight.requires_grad for weight in model.module.parameters())
    assert found["evidence-ft"] > found["ft"] + 0.1
    other: Any = rateval.create("model", "blip-vqa")
    again = finetuner.restore(other, data.classes, answerer.state())
    assert share_of(again, data) == pytest.approx(found["evidence-ft"], abs=1e-5)


def share_of(answerer: Any, data: Any) -> float:
    """Return the mean share of Grad-CAM inside the regions of the training's own questions."""
    from rateval.api.tasks.texts import Answered

    attribution: Any = rateval.create("attribution", "cross-attention-grad-cam", layer="last")
    samples = [s for s in data.train.samples(range(24)) if s.mask is not None and s.mask.any()]
    images = torch.stack([answerer.model.preprocess(sample.image) for sample in samples])
    asked = Answered(
        images,
        tuple(sample.asked.question for sample in samples),
        tuple(sample.asked.most_given for sample in samples),
        tuple(sample.id for sample in samples),
    )
    maps = attribution.explain_answers(answerer, asked).relevance.double()
    masks = torch.stack([answerer.model.preprocess_mask(sample.mask) for sample in samples])
    covered = torch.nn.functional.adaptive_avg_pool2d(masks[:, None].double(), maps.shape[1:])[:, 0]
    return float(((maps * covered).sum((1, 2)) / maps.sum((1, 2))).mean())


def test_a_head_has_no_rate_here() -> None:
    data: Any = rateval.create("dataset", "shapes-vqa", train_size=8, test_size=8)
    model: Any = rateval.create("model", "blip-vqa")
    finetuner: Any = rateval.create("finetuner", "evidence-ft", head_lr=0.1)
    with pytest.raises(RatevalError, match=r"evidence-ft: head_lr = 0\.1: .* no linear head"):
        finetuner.fit(model, data.train, data.classes, RecordingLogbook())
