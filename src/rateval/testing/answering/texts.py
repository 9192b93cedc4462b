"""The promises of a model that answers by texts, tried on noise."""

from __future__ import annotations

import copy
from typing import Any

import torch
from PIL import Image

from rateval.api.tasks.texts import Attended, Flow, Passed, TextModel
from rateval.testing.failure import part, require, require_members, require_tensor
from rateval.testing.half_precision import check_half_texts

_QUESTIONS = ("what is it?", "what colour is the one on the left?", "how many?")
_ANSWERS = ("a cat", "red", "two of them there")
_CLOSE = 1e-4
"""What a log probability may differ by in another batch, as a share of the largest."""


def check_text_model(model: Any) -> None:
    """Check answers, scores and the recorded flow; raises ConformanceError where one is broken.

    The model must know words for ordinary questions; questions of captioning models are empty.
    """
    require_members(model, TextModel)
    questions = _QUESTIONS if _can_be_asked(model) else ("", "", "")
    images = _prepare(model)
    with part("TextModel.score"):
        _check_scores(model, images, questions)
    with part("TextModel.generate"):
        _check_answers(model, images, questions)
    with part("TextModel.record_flow"):
        _check_flow(model, images, questions)
    with part("TextModel in half precision"):
        check_half_texts(model, images, questions, _ANSWERS)
    with part("TextModel"):
        _check_copy(model)


def _check_copy(model: Any) -> None:
    rows, columns = model.grid
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.zero_()
    alive = any(bool(weight.any()) for weight in model.module.parameters())
    require(alive, "TextModel", "be copied whole by deepcopy", "weights that two copies share")
    require(rows > 0 and columns > 0, "TextModel.grid", "be rows and columns", model.grid)


def _can_be_asked(model: Any) -> bool:
    try:
        model.score(_prepare(model)[:1], _QUESTIONS[:1], _ANSWERS[:1])
    except Exception:  # then it writes captions, which is tried next
        return False
    return True


def _prepare(model: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (3, 40, 56, 3), generator=generator, dtype=torch.uint8)
    images = torch.stack([model.preprocess(Image.fromarray(one.numpy())) for one in noise])
    height, width = model.card.image_size
    where, axes = "TextModel.preprocess()", "(B, 3, H, W) stacked"
    require_tensor(images, (3, 3, height, width), torch.float32, where, axes)
    return images


def _check_scores(model: Any, images: torch.Tensor, questions: tuple[str, ...]) -> None:
    scores = model.score(images, questions, _ANSWERS)
    found, where = scores.log_probabilities, "TextModel.score()"
    require_tensor(found, (3, None), torch.float32, where, "(B, T)")
    require(bool((found <= 0).all()), where, "be natural logarithms, 0 at padding", found)
    require(len(scores.spans) == 3, f"{where}.spans", "be one tuple for each answer", scores.spans)
    _require_close(
        found.sum(dim=1),
        torch.cat(
            [
                model.score(
                    images[at : at + 1], questions[at : at + 1], (_ANSWERS[at],)
                ).log_probabilities.sum(dim=1)
                for at in range(3)
            ]
        ),
        where,
        "not depend on the rest of the batch",
    )
    ranked = model.rank(images, questions, _ANSWERS)
    require_tensor(ranked, (3, 3), torch.float32, "TextModel.rank()", "(B, K)")
    _require_close(
        ranked.diagonal(), found.sum(dim=1), "TextModel.rank()", "sum what score() gives"
    )


def _check_answers(model: Any, images: torch.Tensor, questions: tuple[str, ...]) -> None:
    where = "TextModel.generate()"
    answers = model.generate(images, questions)
    texts = [answer.text for answer in answers]
    require(len(texts) == 3, where, "answer each question", texts)
    alone = [model.generate(images[at : at + 1], questions[at : at + 1])[0].text for at in range(3)]
    require(texts == alone, where, "not depend on the rest of the batch", (texts, alone))
    again = [answer.text for answer in model.generate(images, questions)]
    require(texts == again, where, "draw nothing at random", (texts, again))


def _check_flow(model: Any, images: torch.Tensor, questions: tuple[str, ...]) -> None:
    where = "TextModel.record_flow()"
    before = model.score(images, questions, _ANSWERS).log_probabilities
    with model.record_flow() as flow:
        during = model.score(images, questions, _ANSWERS).log_probabilities
    _require_close(during, before, where, "leave the scores as they are")
    _require_close(
        model.score(images, questions, _ANSWERS).log_probabilities,
        before,
        where,
        "restore the modules",
    )
    require(isinstance(flow, Flow) and bool(flow.steps), where, "fill a Flow", flow)
    sizes: dict[str, int] = {}
    for step in flow.steps:
        _check_step(step, sizes, where)
    require("image" in sizes, where, "begin at the stream image", sorted(sizes))
    require(flow.final in sizes, f"{where}.final", f"be one of {sorted(sizes)}", flow.final)
    reading = flow.reading
    shape = (3, sizes[flow.final])
    require_tensor(reading, shape, torch.bool, f"{where}.reading", "(B, N)")
    relevance = model.put_on_grid(torch.rand(3, sizes["image"]))
    require_tensor(
        relevance, (3, *model.grid), torch.float32, "TextModel.put_on_grid()", "(B, rows, cols)"
    )
    attended = [step.probabilities for step in flow.steps if isinstance(step, Attended)]
    gradients = torch.autograd.grad(during.sum(), attended, allow_unused=True)
    reached = [gradient is not None for gradient in gradients]
    require(any(reached), where, "record probabilities that the scores come from", reached)


def _check_step(step: object, sizes: dict[str, int], where: str) -> None:
    require(isinstance(step, Attended | Passed), where, "record Attended and Passed alone", step)
    if isinstance(step, Attended):
        tensor = step.probabilities
        known = (sizes.get(step.to), sizes.get(step.of))
        require_tensor(tensor, (3, None, *known), torch.float32, where, "(B, heads, N, N)")
        sizes.setdefault(step.to, tensor.shape[2])
        sizes.setdefault(step.of, tensor.shape[3])
        require(bool((tensor >= 0).all()), where, "record probabilities", tensor.min())
        sums = tensor.sum(dim=-1)
        require(bool((sums <= 1 + _CLOSE).all()), where, "sum to 1 at most", sums.max())
    elif isinstance(step, Passed):
        require_tensor(step.places, (3, sizes.get(step.of)), torch.int64, where, "(B, N)")
        sizes.setdefault(step.of, step.places.shape[1])


def _require_close(one: torch.Tensor, other: torch.Tensor, where: str, asked: str) -> None:
    one, other = one.detach(), other.detach()
    allowed = _CLOSE * max(1.0, float(other.abs().max()))
    gap = float((one - other).abs().max())
    require(gap <= allowed, where, asked, f"a difference of {gap:.3g}")
