"""Grad-CAM of words on the image, and plain attention, by float64 loops; broken flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rateval.api import Context, PluginError, RatevalError
from rateval.api.tasks.texts import Attended, Flow, Passed, TokenScores
from rateval_attention.answers.cross_grad_cam import find_layer, make_cross_attention_grad_cam
from rateval_attention.answers.flows import check_flow
from rateval_attention.answers.recorded import differentiate, record_answers
from rateval_attention.answers.scores import choose_tokens, start_row
from rateval_attention.answers.token_attention import attended_row, make_token_attention
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import (
    CrossAttentionGradCamParams,
    GenericAttentionParams,
    TokenAttentionParams,
)

from .naive import naive_answer
from .toy import RIVALS, Form, ask, make_toy

Row = list[list[float]]


def grad_cam(answerer: Any, asked: Any, **params: Any) -> torch.Tensor:
    made = make_cross_attention_grad_cam(CrossAttentionGradCamParams(**params), Context())
    return made.explain_answers(answerer, asked).relevance


@pytest.mark.parametrize("score", ["raw", "margin"])
@pytest.mark.parametrize(("layer", "of"), [(0, 0), (1, 1), ("last", 1)])
@pytest.mark.parametrize(("form", "places"), [("vqa", (3, 5)), ("caption", (3, 5))])
def test_grad_cam_of_words(form: Form, places: Any, layer: Any, of: int, score: Any) -> None:
    asked = ask(form, rivals=RIVALS)
    exact, _ = make_toy(form, dtype="float64")
    found = grad_cam(make_toy(form)[1], asked, layer=layer, score=score)
    for row in range(3):
        (step,), (slope,), _ = naive_answer(
            exact, asked, row, keep=[places[of]], margin=score == "margin"
        )
        attention, gradient = step.probabilities[0].detach(), slope[0]  # type: ignore[index]
        expected = torch.zeros(7).double()
        for head in range(2):
            for word in range(attention.shape[1]):
                expected += attention[head, word] * gradient[head, word].clamp(min=0) / 2
        off = (found[row].flatten().double() - expected[1:]).abs().max()
        assert float(off) < 1e-4 * float(expected[1:].max())


def test_a_layer_that_is_not_there_is_named() -> None:
    _, answerer = make_toy("vqa")
    with pytest.raises(
        RatevalError, match=r"layer = 8: .* \(its stream 'question'\) are 0, 1; give .*\"last\""
    ):
        grad_cam(answerer, ask("vqa"), layer=8)
    with pytest.raises(RatevalError, match="use generic-attention or token-attention"):
        grad_cam(make_toy("decoder")[1], ask("decoder"))
    for wrong in (-1, True, "first", 1.5):
        with pytest.raises(ValidationError):
            CrossAttentionGradCamParams.model_validate({"layer": wrong})


@pytest.mark.parametrize(
    ("depth", "looking", "found"),
    [
        (12, range(6, 12), 8),  # ALBEF
        (12, range(12), 8),  # BLIP
        (2, range(2), 1),
        (1, range(1), 0),
        (24, range(24), 16),
        (12, (0, 11), 11),
        (6, (3, 5), 5),
    ],
)
def test_the_published_layer_lies_at_two_thirds(depth: int, looking: Any, found: int) -> None:
    steps: list[Any] = []
    at = {}
    for layer in range(depth):
        steps.append(step("question", "question"))
        if layer in looking:
            at[layer] = len(steps)
            steps.append(step("question", "image"))
    assert find_layer(steps, "published") == find_layer(steps, found) == at[found]


def step(to: str, of: str) -> Attended:
    return Attended(to, of, torch.ones(1, 1, 1, 1))


def test_layers_are_counted_as_the_authors_count_them() -> None:
    own, looks = step("question", "question"), step("question", "image")
    albef = [step("image", "image"), *[own] * 6, *[own, looks] * 6]
    assert albef[find_layer(albef, 6)] is looks
    assert find_layer(albef, 8) == 7 + 2 * 2 + 1
    with pytest.raises(RatevalError, match=r"are 6, 7, 8, 9, 10, 11;"):
        find_layer(albef, 2)
    first = [looks, own, looks, own]
    assert [find_layer(first, layer) for layer in (0, 1)] == [0, 2]
    alone = [own, looks, looks]
    assert [find_layer(alone, layer) for layer in (0, 1)] == [1, 2]


@pytest.mark.parametrize("spans", [None, ((0, 5), (0, 3), (4, 8))])
@pytest.mark.parametrize("form", ["vqa", "caption", "decoder"])
def test_token_attention(form: Form, spans: Any) -> None:
    columns: list[Any] = [slice(None)] * 3 if spans is None else [[0, 1], [0], [1, 2]]
    asked = ask(form, spans=spans)
    exact, _ = make_toy(form, dtype="float64")
    made = make_token_attention(TokenAttentionParams(), Context())
    found = made.explain_answers(make_toy(form)[1], asked).relevance
    for row in range(3):
        steps, _, start = naive_answer(exact, asked, row, columns=columns[row])
        mean = [s.probabilities[0].mean(0).detach() for s in steps if isinstance(s, Attended)]
        expected = start[0] @ mean[-1]
        if form == "vqa":
            expected = expected @ mean[5]
        if form == "decoder":
            (passed,) = [s for s in steps if isinstance(s, Passed)]
            places = passed.places[0].tolist()
            shared = [float(expected[at]) / 2 if at >= 0 else 0.0 for at in places]
            expected = torch.tensor(shared).double()
        assert found[row].flatten().tolist() == pytest.approx(expected[1:].tolist(), rel=1e-4)


def attend(to: str, of: str, rows: Row) -> Attended:
    return Attended(to, of, torch.tensor([[rows]]))


def test_ways_from_an_answer_to_the_image() -> None:
    start = torch.tensor([[1.0, 0.0]])
    # A decoder looks at an encoder that has image tokens among its words.
    passed = Passed("text", "image", torch.tensor([[0, 0, -1]]))
    own = attend("text", "text", [[0.5, 0.5], [0.5, 0.5]])
    looks = attend("answer", "text", [[0.6, 0.4], [0.0, 1.0]])
    found = attended_row([passed, own, own, looks], "answer", start)
    assert found.tolist() == [pytest.approx([0.3, 0.3, 0.0])]
    # Queries look at the image and become words, at which a decoder looks.
    queries = attend("queries", "image", [[0.2, 0.8]])
    became = Passed("text", "queries", torch.tensor([[0]]))
    words = attend("text", "text", [[1.0, 0.0], [0.25, 0.75]])
    found = attended_row([queries, became, words], "text", torch.tensor([[0.0, 1.0]]))
    assert found.tolist() == [pytest.approx([0.05, 0.2])]
    # Where an answer looks at the image itself, its question doesn't matter.
    direct = attend("answer", "image", [[0.9, 0.1], [0.5, 0.5]])
    other = attend("answer", "question", [[1.0], [1.0]])
    asked = attend("question", "image", [[0.0, 1.0]])
    found = attended_row([asked, direct, other], "answer", start)
    assert found.tolist() == [pytest.approx([0.9, 0.1])]
    with pytest.raises(PluginError, match="leads from the stream 'answer' to the image"):
        attended_row([step("image", "image"), step("answer", "answer")], "answer", start[:, :1])


def test_broken_flows_are_named() -> None:
    reading = torch.ones(1, 1, dtype=torch.bool)
    good = [step("image", "image"), step("answer", "image"), step("answer", "answer")]
    assert check_flow(Flow(list(good), "answer", reading), 1) is reading
    wide = Attended("answer", "image", torch.ones(1, 1, 1, 2))
    beyond = Passed("answer", "image", torch.tensor([[1]]))
    for flow, message in (
        (Flow([*good, wide], "answer", reading), "'image' has 1 tokens in one step and 2"),
        (Flow([*good, beyond], "answer", reading), "became token 1 of 'answer', which has 1"),
        (Flow(list(good), "text", reading), "no step is of the stream 'text'"),
        (Flow([good[2]], "answer", reading), "no step is of the stream 'image'"),
        (Flow(list(good), "answer", None), r"reading must be \(1, 1\) bool, and is None"),
        (Flow(list(good), "answer", reading.repeat(2, 1)), r"and is \(2, 1\)"),
    ):
        with pytest.raises(PluginError, match=message):
            check_flow(flow, 1)


def test_scores_that_do_not_fit_are_named() -> None:
    scores = TokenScores(torch.zeros(1, 1), (((0, 3), (3, 3)),))
    with pytest.raises(PluginError, match=r"1 tokens at most, but spans of \[2\] tokens"):
        choose_tokens(scores, ["red"], None)
    with pytest.raises(PluginError, match=r"has \[1\] of \[2\]"):
        start_row(torch.tensor([[True, False]]), torch.tensor([[True, True]]))


class Unrecorded:
    """A toy whose scores are not computed from what it recorded."""

    def __init__(self, toy: Any, *, detached: bool) -> None:
        self.toy, self.detached = toy, detached

    def __getattr__(self, name: str) -> Any:
        return getattr(self.toy, name)

    def score(self, *given: Any) -> TokenScores:
        scores: TokenScores = self.toy.score(*given)
        found = scores.log_probabilities.detach()
        return replace(scores, log_probabilities=found.requires_grad_(not self.detached))


@pytest.mark.parametrize("detached", [True, False])
def test_a_score_of_something_else_is_refused(detached: bool) -> None:
    toy, answerer = make_toy("vqa")
    answerer.model = Unrecorded(toy, detached=detached)  # type: ignore[misc]
    made = make_generic_attention(GenericAttentionParams(), Context())
    with pytest.raises(PluginError, match="not computed from the recorded attention"):
        made.explain_answers(answerer, ask("vqa"))


def test_rivals_are_scored_by_the_same_steps() -> None:
    toy, _ = make_toy("vqa")
    asked = ask("vqa")
    own, rival = (record_answers(toy, asked, texts, None) for texts in (asked.answers, RIVALS))
    shorter = replace(rival, steps=rival.steps[1:])
    with pytest.raises(PluginError, match="step 1, 'image' looking at 'image', is another one"):
        differentiate(own, shorter, [1])
