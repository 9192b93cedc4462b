"""The row of relevance equals a plain float64 loop that keeps every matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Attended, Passed
from rateval_attention.answers.generic import weigh
from rateval_attention.answers.rules import image_row
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams

from .naive import naive_answer, naive_row
from .toy import RIVALS, Form, ask, make_toy

Random = tuple[list[Attended | Passed], list[torch.Tensor | None]]

VQA = [*["ii"] * 3, *["qq", "qi"] * 3, *["aa", "aq"] * 2]
CAPTION = [*["ii"] * 2, *["aa", "ai"] * 4]
DECODER = [*["ii"] * 2, "t<i", *["tt"] * 3]
FLOWS = {
    "vqa": (VQA, {"i": 9, "q": 5, "a": 4}),
    "caption": (CAPTION, {"i": 6, "a": 7}),
    "decoder": (DECODER, {"i": 8, "t": 7}),
    "decoder without a vision tower": (DECODER[2:], {"i": 8, "t": 7}),
    "queries that become words": (["ii", "xx", "xi", "xx", "xi", "t<x", "tt", "tt"], {}),
    "an encoder with image tokens, read by a decoder": (
        ["ii", "t<i", "tt", "tt", "aa", "at", "aa", "at"],
        {},
    ),
    "an answer that looks at question and image": (["ii", "qq", "qi", "aa", "aq", "ai"], {}),
    "the image last": (["qi", "ii", "aq", "ai", "ii"], {}),
}
NAMES = {"i": "image", "q": "question", "a": "answer", "t": "text", "x": "queries"}


def draw(kinds: Sequence[str], lengths: dict[str, int], scale: float, seed: int) -> Random:
    """Draw attention and gradients of two answers: (B, 3 heads, N, N) float32 each."""
    generator = torch.Generator().manual_seed(seed)
    lengths = {"i": 8, "q": 5, "a": 4, "t": 7, "x": 3} | lengths
    steps: list[Attended | Passed] = []
    gradients: list[torch.Tensor | None] = []
    for kind in kinds:
        to, of = kind[0], kind[-1]
        if "<" in kind:
            # Of neighbours that are merged into one, and of dropped ones.
            places = torch.stack([torch.arange(lengths[of]) // 2 + 1 + row for row in range(2)])
            places[:, 0] = -1
            places[1, -1] = -1
            steps.append(Passed(NAMES[to], NAMES[of], places))
            gradients.append(None)
            continue
        shape = (2, 3, lengths[to], lengths[of])
        probabilities = (2 * torch.randn(shape, generator=generator)).softmax(dim=-1)
        slopes = torch.randn(shape, generator=generator) * scale
        slopes[0, :, 0] = 0  # a token that nothing rests on, as padding is
        steps.append(Attended(NAMES[to], NAMES[of], probabilities))
        gradients.append(slopes)
    return steps, gradients


@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", FLOWS)
def test_random_flows(name: str, seed: int, scale: float) -> None:
    steps, gradients = draw(*FLOWS[name], scale, seed)
    final = steps[-1].to if name != "the image last" else "answer"
    (length,) = {
        s.probabilities.shape[-2] for s in steps if isinstance(s, Attended) and s.to == final
    }
    start = torch.rand(2, length, generator=torch.Generator().manual_seed(seed))
    weighed = [weigh(*each) for each in zip(steps, gradients, strict=True)]
    expected = naive_row(steps, gradients, final, start)
    found = image_row(weighed, final, start)
    assert found.dtype == torch.float32
    peak = expected.amax(dim=1, keepdim=True)
    assert bool((peak > 0).all())
    assert float(((found.double() - expected).abs() / peak).max()) < 1e-5


def test_streams_that_look_at_each_other_are_refused() -> None:
    steps, gradients = draw(["ii", "qq", "qi", "iq", "aq"], {}, 1.0, 0)
    weighed = [weigh(*each) for each in zip(steps, gradients, strict=True)]
    with pytest.raises(RatevalError, match=r"streams answer, image, question .*; use token-att"):
        image_row(weighed, "answer", torch.ones(2, 4))


def explain(model: Any, answered: Any, **params: Any) -> torch.Tensor:
    attribution = make_generic_attention(GenericAttentionParams(**params), Context())
    return attribution.explain_answers(model, answered).relevance


LAST: dict[str, list[int]] = {"vqa": [1, 4, 5, 8, 9], "caption": [1, 4, 5], "decoder": [1, 2, 4]}
SPANS: dict[str, Any] = {
    "all": (None, [slice(None)] * 3),
    "some": (((0, 5), (0, 3), (4, 8)), [[0, 1], [0], [1, 2]]),
}


@pytest.mark.parametrize("score", ["raw", "margin"])
@pytest.mark.parametrize("layers", ["all", "last"])
@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
def test_a_model(form: Form, spans: str, layers: str, score: str) -> None:
    given, columns = SPANS[spans]
    answered = ask(form, spans=given, rivals=RIVALS)
    exact, _ = make_toy(form, dtype="float64")
    keep = LAST[form] if layers == "last" else None
    margin = score == "margin"
    expected = torch.stack(
        [
            naive_row(
                *_final(
                    naive_answer(
                        exact, answered, row, keep=keep, columns=columns[row], margin=margin
                    )
                )
            )[0, 1:].reshape(2, 3)
            for row in range(3)
        ]
    )
    toy, answerer = make_toy(form)
    found = explain(answerer, answered, layers=layers, score=score)
    peak = expected.amax(dim=(1, 2), keepdim=True)
    assert bool((peak > 0).all())
    assert float(((found.double() - expected).abs() / peak).max()) < 1e-4
    assert toy.scored == 1 + margin


def _final(found: tuple[Any, Any, Any]) -> tuple[Any, Any, str, Any]:
    steps, gradients, start = found
    return steps, gradients, steps[-1].to, start


@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
def test_every_option_makes_a_difference(form: Form) -> None:
    _, answerer = make_toy(form)
    spans = ((0, 5), (0, 3), (4, 8))
    asked = ask(form, rivals=RIVALS)
    maps = [
        explain(answerer, asked),
        explain(answerer, asked, layers="last"),
        explain(answerer, asked, score="margin"),
        explain(answerer, ask(form, spans=spans)),
    ]
    unit = [torch.nn.functional.normalize(one.flatten(1), dim=1) for one in maps]
    for at, one in enumerate(unit):
        for other in unit[:at]:
            assert float((one - other).abs().max()) > 1e-3


def test_what_answers_have_no_use_for_is_refused() -> None:
    _, answerer = make_toy("vqa")
    for params, message in (
        ({"layers": 2}, r"layers = 2: .*; give \"all\", or \"last\""),
        ({"layers": [0, 1]}, r"layers = \[0, 1\]: "),
        ({"target": "prediction"}, "target = 'prediction': an answer is a text"),
        ({"target": 1}, "target = 1: "),
        ({"score": "margin"}, r'score = "margin": .* \(answer = "rank"\)'),
    ):
        with pytest.raises(RatevalError, match=message):
            explain(answerer, ask("vqa"), **params)
    with pytest.raises(
        RatevalError, match=r"spans = \(10, 12\): no token of the answer 'a red ball'"
    ):
        explain(answerer, ask("vqa", spans=((10, 12), (0, 1), (0, 1))))
