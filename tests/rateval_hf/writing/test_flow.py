"""What is recorded is what ran: equal scores, equal probabilities, nothing left behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from rateval.api import PluginError
from rateval.api.tasks.texts import Attended, Passed

LAYERS = {"llava": 2, "llava-siglip": 2}
"""Blocks of the tower that features come from, where not all of them: LLaVA reads the last but
one."""


class _OnPurposeError(Exception):
    pass


def _is_patched(model: Any) -> bool:
    return any("forward" in vars(part) for part in model.module.modules())


def _attended(flow: Any, stream: str) -> list[torch.Tensor]:
    return [s.probabilities for s in flow.steps if isinstance(s, Attended) and s.to == stream]


def test_steps_stand_in_the_order_in_which_they_ran(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with model.record_flow() as flow:
        model.score(images(model), questions, answers)
    count = LAYERS.get(case.kind, 3)
    kinds = [(type(step), step.to, step.of) for step in flow.steps]
    assert kinds == [
        *[(Attended, "image", "image")] * count,
        (Passed, "text", "image"),
        *[(Attended, "text", "text")] * 2,
    ]
    tokens = flow.steps[count].places.shape[1]
    heads = 2 if "qwen" in case.kind else 3
    for probabilities in _attended(flow, "image"):
        assert probabilities.shape == (3, heads, tokens, tokens)
    length = _attended(flow, "text")[0].shape[-1]
    for probabilities in _attended(flow, "text"):
        assert probabilities.shape == (3, 4, length, length)  # two groups of two heads
    assert {step.probabilities.dtype for step in flow.steps if isinstance(step, Attended)} == {
        torch.float32
    }
    assert flow.final == "text"


def test_scores_are_those_without_recording(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with torch.no_grad():
        plain = model.score(images(model), questions, answers).log_probabilities
        with model.record_flow():
            watched = model.score(images(model), questions, answers).log_probabilities
        again = model.score(images(model), questions, answers).log_probabilities
    assert float((watched - plain).abs().max()) <= 1e-4
    assert torch.equal(again, plain)


def test_probabilities_are_those_of_eager_attention(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with model.record_flow() as flow:
        model.score(images(model), questions, answers)
    eager = copy.deepcopy(model)
    eager.module.set_attn_implementation("eager")
    kept: list[torch.Tensor] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        kept.append(output[1].double())

    # Qwen's image towers return no probabilities; see the tests of windows.
    watched = [*([] if "qwen" in case.kind else eager._vision), *eager._text]
    for one in watched:
        one.layer.register_forward_hook(keep)
    with torch.no_grad():
        eager.score(images(model), questions, answers)
    streams = ([] if "qwen" in case.kind else ["image"]) + ["text"]
    own = [step for stream in streams for step in _attended(flow, stream)]
    assert len(own) == len(kept) == len(watched)
    mask = model._words.write(questions, answers).mask
    for found, expected in zip(own, kept, strict=True):
        found = found.detach().double()
        if len(expected) != len(found):  # tile by tile
            tiles = expected.view(3, -1, *expected.shape[1:]).transpose(0, 1)
            size = tiles.shape[-1]
            whole = torch.zeros_like(found)
            for index, tile in enumerate(tiles):
                at = slice(index * size, (index + 1) * size)
                whole[:, :, at, at] = tile
            expected = whole
        if found.shape[-1] == mask.shape[1]:  # rows of padding mean nothing
            seen = mask[:, None, :, None].bool()
            found, expected = found * seen, expected * seen
        assert float((found - expected).abs().max()) <= 1e-5


def test_rows_sum_to_one_over_what_may_be_attended(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with model.record_flow() as flow:
        model.score(images(model), questions, answers)
    for probabilities in (*_attended(flow, "image"), *_attended(flow, "text")):
        sums = probabilities.detach().sum(dim=-1)
        assert float((sums - 1).abs().max()) <= 1e-5
    mask = model._words.write(questions, answers).mask.bool()
    length = mask.shape[1]
    allowed = mask[:, None, None, :] & torch.ones(length, length).tril().bool()
    for probabilities in _attended(flow, "text"):
        inside = probabilities.detach() * mask[:, None, :, None]
        assert not inside[(~allowed).expand_as(inside)].any()


def test_windows_see_themselves_alone(one: Any, images: Any, questions: Any, answers: Any) -> None:
    model = one("qwen2_5_vl").make()
    with model.record_flow() as flow:
        model.score(images(model), questions, answers)
    tokens = model._family.places.shape[0]
    cells = torch.stack([model.put_on_grid(row[None])[0].nonzero()[0] for row in torch.eye(tokens)])
    windows = cells // 4  # of 16 pixels, four patches
    same = (windows[:, None] == windows[None, :]).all(dim=-1)
    first, whole, last = (found.detach() for found in _attended(flow, "image"))
    for found in (first, last):
        assert torch.equal(found > 0, same.expand_as(found))
    assert bool((whole > 0).all())


def test_reading_marks_what_predicts_the_answer_and_its_end(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with model.record_flow() as flow:
        scores = model.score(images(model), questions, answers)
    counts = [len(spans) for spans in scores.spans]
    assert flow.reading is not None
    assert flow.reading.sum(dim=1).tolist() == counts
    written = model._words.write(questions, answers)
    for row, count in enumerate(counts):
        assert bool(flow.reading[row, -count:].all())
        following = [*written.inputs[row].tolist(), model._words.ends[0]]
        read = flow.reading[row].nonzero()[:, 0].tolist()
        expected = written.targets[row, :count].tolist()
        assert [following[place + 1] for place in read] == expected


def test_frozen_weights_leave_a_gradient(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    model.module.requires_grad_(False)
    with model.record_flow() as flow:
        scores = model.score(images(model), questions, answers)
    steps = [*_attended(flow, "image"), *_attended(flow, "text")]
    assert all(step.requires_grad for step in steps)
    gradients = torch.autograd.grad(scores.log_probabilities.sum(), steps)
    for gradient in gradients:
        assert bool(gradient.isfinite().all())
        assert float(gradient.abs().max()) > 0


def test_a_gradient_is_the_scores_slope(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    # The tower's last attention is moved a little by its values: float64 differences say by how
    # much the score moves.
    model = case.make()
    model.module.requires_grad_(False).double()
    given = [images(model)[:1].double(), questions[:1], answers[:1]]
    with model.record_flow() as flow:
        scores = model.score(*given)
    (gradient,) = torch.autograd.grad(scores.log_probabilities.sum(), [_attended(flow, "text")[0]])
    layer = model._text[0].layer
    heads, length = gradient.shape[1], gradient.shape[-1]
    _, head, to, of = (int(x) for x in torch.unravel_index(gradient.abs().argmax(), gradient.shape))
    assert heads == 4
    values: list[torch.Tensor] = []
    layer.v_proj.register_forward_hook(lambda _, __, output: values.append(output))
    step = 1e-4

    def push(_: Any, arguments: Any) -> Any:
        mixed = arguments[0].clone()
        own = values[-1].view(1, length, 2, -1)[0, of, head // 2]
        width = own.shape[-1]
        mixed[0, to, head * width : (head + 1) * width] += step * own
        return (mixed, *arguments[1:])

    with torch.no_grad():
        plain = model.score(*given).log_probabilities.sum()
        layer.o_proj.register_forward_pre_hook(push)
        pushed = model.score(*given).log_probabilities.sum()
    slope = float(pushed - plain) / step
    assert slope == pytest.approx(float(gradient[0, head, to, of]), rel=2e-2)


def test_grouped_queries_are_expanded(
    one: Any, images: Any, questions: Any, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a graphics card transformers leaves the groups to the kernel; this asks for it here.
    model = one("llava").make()
    given = (images(model)[:1], questions[:1], answers[:1])
    with model.record_flow() as plain:
        expected = model.score(*given).log_probabilities
    monkeypatch.setenv("TRANSFORMERS_SDPA_FORCE_GQA", "1")
    with model.record_flow() as flow:
        found = model.score(*given).log_probabilities
    assert torch.equal(found, expected)
    for one_way, other in zip(_attended(flow, "text"), _attended(plain, "text"), strict=True):
        assert torch.equal(one_way, other)


def test_a_further_score_replaces_what_was_recorded(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    with model.record_flow() as flow:
        model.score(images(model), questions, answers)
        count = len(flow.steps)
        model.score(images(model)[:1], questions[:1], answers[:1])
        model.rank(images(model), questions, ["cat"])
        model.generate(images(model), questions)
    assert len(flow.steps) == count
    assert flow.reading is not None
    assert len(flow.reading) == 1


def test_nothing_stays_patched_after_an_exception(
    one: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = one("idefics3").make()

    def fail(*_: Any) -> None:
        assert _is_patched(model)
        raise _OnPurposeError

    handle = model._text[1].layer.register_forward_hook(fail)
    with pytest.raises(_OnPurposeError), model.record_flow():
        model.score(images(model), questions, answers)
    handle.remove()
    assert not _is_patched(model)
    model.score(images(model), questions, answers)
    assert not _is_patched(model)


def test_a_copy_records_its_own_attention(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.module.parameters():
            weight.mul_(1.1)
    with model.record_flow() as own, twin.record_flow() as others:
        model.score(images(model), questions, answers)
        assert not others.steps
        twin.score(images(model), questions, answers)
    last = [_attended(flow, "text")[-1].detach() for flow in (own, others)]
    assert float((last[0] - last[1]).abs().max()) > 1e-3


def test_half_precision_records_float32(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make(dtype="bfloat16")
    with model.record_flow() as flow:
        scores = model.score(images(model), questions, answers).log_probabilities
    steps = [*_attended(flow, "image"), *_attended(flow, "text")]
    assert {step.dtype for step in steps} == {torch.float32}
    assert scores.dtype == torch.float32
    gradients = torch.autograd.grad(scores.sum(), steps)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_dropout_and_other_attention_are_refused(
    one: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = one("llava").make()
    given = (images(model), questions, answers)
    model.module.train()
    model._text[0].layer.attention_dropout = 0.1
    with pytest.raises(PluginError, match=r"dropout_p=0\.1 .*eval mode"), model.record_flow():
        model.score(*given)
    model.module.eval()
    model.module.set_attn_implementation("eager")
    with pytest.raises(PluginError, match="0 times, not once"), model.record_flow():
        model.score(*given)
