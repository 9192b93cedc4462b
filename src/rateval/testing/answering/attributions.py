"""The promises of an attribution that explains texts, tried on a tiny model of texts."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace

import torch

from rateval.api.tasks.texts import Answered, Answerer, TextAttribution
from rateval.api.values import Explanation
from rateval.testing.failure import difference, require, require_members, require_tensor
from rateval.testing.tiny.reading import Side
from rateval.testing.tiny.texts import SIZE, Form, tiny_answerer

_WHERE = "TextAttribution.explain_answers"
_CLOSE = 1e-4
"""What a map may differ by in another batch, as a share of its largest value."""
_QUESTIONS = ("what is it", "which colour has the large ball left of the cube", "how many")
_OTHER_QUESTIONS = ("and where does the small one of the two stand then", "who", "why not this one")
_ANSWERS = ("a red ball", "red", "two or three small cubes")
_OTHER_ANSWERS = ("blue", "a pale green cube", "nine")
_SPANS = ((2, 5), (0, 3), (13, 18))
_OTHER_SPANS = ((6, 10), (0, 3), (19, 24))
"""Other words of the first and the last answer."""
_Rows = Sequence[int]
_SIDES: tuple[Side, ...] = ("left", "right")
"""Where a model may pad."""


def check_text_attribution(
    attribution: TextAttribution, form: Form = "vqa", ids: Sequence[str] = ("0000", "0001", "0002")
) -> None:
    """Check form and sign of the maps, what each depends on, and that the model is left alone.

    It is tried on three answers of a tiny model of random weights, which pads on either side:
    ``form`` says whether it answers questions, writes captions, or is a decoder of one stream.
    ``ids`` are those that the three samples have. Raises ConformanceError at the first broken
    promise.
    """
    require_members(attribution, TextAttribution)
    asked = _ask(form, tuple(ids))
    _check_signature(attribution, tiny_answerer(form), asked)
    first, again = (_explain(attribution, tiny_answerer(form), asked) for _ in range(2))
    _require_close(again, first, "draw nothing at random")
    left, right = (_explain(attribution, tiny_answerer(form, pad=pad), asked) for pad in _SIDES)
    _require_close(left, right, "give maps that the side of padding is nothing to")
    for pad in _SIDES:
        answerer = tiny_answerer(form, pad=pad)
        _check_left_alone(attribution, answerer, asked)
        for given in (asked, replace(asked, spans=_SPANS)):
            _check_alone(attribution, answerer, given)
            _check_others(attribution, answerer, given)
    _check_spans(attribution, tiny_answerer(form), asked)


def _ask(form: Form, ids: tuple[str, ...]) -> Answered:
    images = torch.randn(3, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    questions = ("", "", "") if form == "caption" else _QUESTIONS
    return Answered(images, questions, _ANSWERS, ids, rivals=_OTHER_ANSWERS)


def _take(asked: Answered, rows: _Rows) -> Answered:
    """Return some rows of what is asked."""

    def some(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(values[row] for row in rows)

    assert asked.rivals is not None
    spans = None if asked.spans is None else tuple(asked.spans[row] for row in rows)
    return Answered(
        asked.images[list(rows)],
        *(some(asked.questions), some(asked.answers), some(asked.ids)),
        rivals=some(asked.rivals),
        spans=spans,
    )


def _check_signature(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> None:
    signature = inspect.signature(attribution.explain_answers)
    try:
        signature.bind(answerer, asked)
    except TypeError:
        wanted = "be callable as (answerer, answered)"
        require(False, _WHERE, wanted, f"explain_answers{signature}")


def _explain(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> torch.Tensor:
    """Return the maps of B answers, whose form is as promised."""
    explanation = attribution.explain_answers(answerer, asked)
    require(isinstance(explanation, Explanation), _WHERE, "return an Explanation", explanation)
    maps, where = explanation.relevance, "Explanation.relevance"
    shape = (len(asked.answers), *answerer.model.grid)
    require_tensor(maps, shape, torch.float32, where, "(B, rows, cols)")
    finite = maps.isfinite()
    require(finite.all(), where, "be finite", f"{int((~finite).sum())} that are not")
    require((maps >= 0).all(), where, "not be negative", f"{maps.min().item():.2e}")
    kept = maps.requires_grad
    require(not kept, "Explanation", "be detached; a graph would keep the batch", "a graph")
    logits = explanation.logits
    require(logits is None, "Explanation.logits", "be None, as an answer has none", logits)
    return maps


def _check_left_alone(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> None:
    """Check that the model is as before, whatever gradients are asked for around it."""
    model = answerer.model
    given = (asked.images, asked.questions, asked.answers)
    with torch.no_grad():
        scores = model.score(*given).log_probabilities
    trains = next(model.module.parameters()).requires_grad_()  # others are frozen
    before = {name: (w.detach().clone(), w.requires_grad) for name, w in _weights(answerer)}
    modes, hooks = _modes(answerer), _hooks(answerer)
    maps = []
    for around in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with around():
            enabled = torch.is_grad_enabled()
            maps.append(_explain(attribution, answerer, asked))
            now = torch.is_grad_enabled()
            require(now == enabled, _WHERE, f"leave gradients enabled: {enabled}", now)
    for name, weight in _weights(answerer):
        value, flag = before[name]
        require(weight.grad is None, _WHERE, "leave no gradient on weights", f"one on {name}")
        require(weight.equal(value), _WHERE, "change no weight", f"a change of {name}")
        asks = weight.requires_grad
        require(asks == flag, _WHERE, f"leave requires_grad of {name} {flag}", asks)
    untouched = not asked.images.requires_grad and asked.images.grad is None
    require(untouched, _WHERE, "leave the images as they are", "a gradient on them")
    trains.requires_grad_(False)
    require(_modes(answerer) == modes, _WHERE, "leave modules in their mode", "another mode")
    require(_hooks(answerer) == hooks, _WHERE, "leave no hook on a module", "one more")
    with torch.no_grad():
        again = model.score(*given).log_probabilities
    require(again.equal(scores), _WHERE, "leave the model as it was", "other scores afterwards")
    for other in maps[1:]:
        _require_close(other, maps[0], "give the same maps whatever gradients are asked for around")


def _weights(answerer: Answerer) -> list[tuple[str, torch.nn.Parameter]]:
    return list(answerer.model.module.named_parameters())


def _modes(answerer: Answerer) -> list[bool]:
    return [part.training for part in answerer.model.module.modules()]


def _hooks(answerer: Answerer) -> list[int]:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    parts = answerer.model.module.modules()
    return [len(getattr(part, name)) for part in parts for name in names]


def _check_alone(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> None:
    """Check that a map is the same in another batch, whose texts are of other lengths."""
    whole = _explain(attribution, answerer, asked)
    for rows in ((0,), (1,), (2,), (2, 0)):
        alone = _explain(attribution, answerer, _take(asked, rows))
        wanted = "give each answer a map that does not depend on the rest of the batch"
        _require_close(alone, whole[list(rows)], wanted, rows)


def _check_others(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> None:
    """Check that what belongs to others of the batch tells nothing, one thing after another."""
    before = _explain(attribution, answerer, asked)[0]
    captions = not any(asked.questions)
    questions = asked.questions if captions else (asked.questions[0], *_OTHER_QUESTIONS[1:])
    images = torch.cat([asked.images[:1], asked.images[1:].flip(0) + 1])
    spans = None if asked.spans is None else (asked.spans[0], *((0, 3),) * 2)
    answers = (asked.answers[0], *_OTHER_ANSWERS[1:])
    changes = {
        "image": replace(asked, images=images),
        "question": replace(asked, questions=questions),
        "answer": replace(asked, answers=answers, spans=spans),
        "rival": replace(asked, rivals=(_OTHER_ANSWERS[0], "two", "a b c d e")),
    }
    for name, changed in changes.items():
        after = _explain(attribution, answerer, changed)[0]
        wanted = f"give each answer a map that depends on its own {name} alone"
        _require_close(after[None], before[None], wanted)


def _check_spans(attribution: TextAttribution, answerer: Answerer, asked: Answered) -> None:
    """Check that what depends on an answer's words depends on those that are asked for."""
    one = _take(asked, (0,))
    maps = _explain(attribution, answerer, one)
    other = _explain(attribution, answerer, replace(one, answers=_OTHER_ANSWERS[:1]))
    if difference(other, maps) <= _CLOSE:
        return  # of all answers the same: maps from files, or of no model
    first, second = (
        _explain(attribution, answerer, replace(one, spans=spans[:1]))
        for spans in (_SPANS, _OTHER_SPANS)
    )
    told = difference(first, second) > _CLOSE
    require(told, _WHERE, "explain the words that spans name", "one map for two of an answer's")


def _require_close(
    one: torch.Tensor, other: torch.Tensor, wanted: str, rows: _Rows | None = None
) -> None:
    named = range(len(one)) if rows is None else rows
    for row, ours, theirs in zip(named, one, other, strict=True):
        off = difference(ours, theirs)
        got = f"a relative difference of {off:.1e} for answer {row}"
        require(off <= _CLOSE, _WHERE, wanted, got)
