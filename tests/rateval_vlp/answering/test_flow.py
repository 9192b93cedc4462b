"""What is recorded is what ran: equal scores, equal probabilities, nothing left behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers.models.blip.modeling_blip_text import BlipTextSelfAttention

from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Attended
from rateval_vlp.answering.recording import attend_text, watch_image, watch_text

ORDER = {
    True: (
        [("image", "image")] * 2
        + [("question", "question"), ("question", "image")] * 2
        + [("answer", "answer"), ("answer", "question")] * 2
    ),
    False: [("image", "image")] * 2 + [("answer", "answer"), ("answer", "image")] * 2,
}


class _OnPurposeError(Exception):
    pass


def _is_patched(model: Any) -> bool:
    return any("forward" in vars(part) for part in model.module.modules())


def _attended(flow: Any) -> list[Attended]:
    assert all(isinstance(step, Attended) for step in flow.steps)
    return list(flow.steps)


def _grid_of(step: Any) -> tuple[int, int]:
    rows, columns = step.probabilities.shape[-2:]
    return int(rows), int(columns)


def test_steps_stand_in_the_order_in_which_they_ran(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    model = kind.make()
    with model.record_flow() as flow:
        model.score(images, kind.questions, answers)
    steps = _attended(flow)
    assert [(step.to, step.of) for step in steps] == ORDER[kind.asks]
    length = {"image": 17, "question": 12, "answer": len(kind.before) + 5}
    assert [_grid_of(step) for step in steps] == [
        (length[to], length[of]) for to, of in ORDER[kind.asks]
    ]
    for step in steps:
        assert step.probabilities.dtype == torch.float32
        heads = 3 if step.to == "image" else 2
        assert step.probabilities.shape[:2] == (3, heads)
    assert flow.final == "answer"


def test_scores_are_those_without_recording(kind: Any, images: torch.Tensor, answers: Any) -> None:
    model = kind.make()
    with torch.no_grad():
        plain = model.score(images, kind.questions, answers).log_probabilities
        with model.record_flow():
            watched = model.score(images, kind.questions, answers).log_probabilities
    assert float((watched - plain).abs().max()) <= 1e-5
    with torch.no_grad():
        assert torch.equal(model.score(images, kind.questions, answers).log_probabilities, plain)


def test_probabilities_and_their_gradients_are_those_of_float64(
    kind: Any, exact: Any, images: torch.Tensor, answers: Any, answer_ids: Any
) -> None:
    model = kind.make()
    for weight in model.module.parameters():
        weight.requires_grad_(False)
    with model.record_flow() as flow:
        scores = model.score(images, kind.questions, answers)
    steps = _attended(flow)
    found = torch.autograd.grad(
        scores.log_probabilities.sum(), [step.probabilities for step in steps]
    )
    for row, ids in enumerate(answer_ids):
        exact.steps.clear()
        read = exact.read(images[row], kind.question_ids[row])
        after = exact.write(read, [*kind.before, *ids[:-1]], kind.of)[len(kind.before) - 1 :]
        expected = torch.autograd.grad(
            after[range(len(ids)), ids].sum(), [weights for _, _, weights in exact.steps]
        )
        assert [names[:2] for names in exact.steps] == ORDER[kind.asks]
        for index, (_, _, weights) in enumerate(exact.steps):
            to, of = weights.shape[-2:]
            own = steps[index].probabilities.detach()[row, :, :to, :of]
            assert float((own - weights.detach()[0]).abs().max()) <= 1e-5
            off = (found[index][row, :, :to, :of] - expected[index][0]).abs().max()
            assert float(off) <= 1e-4 * max(1.0, float(expected[index].abs().max()))


def test_rows_sum_to_one_over_what_may_be_attended(
    kind: Any, images: torch.Tensor, answers: Any, answer_ids: Any
) -> None:
    model = kind.make()
    with model.record_flow() as flow:
        model.score(images, kind.questions, answers)
    longest = len(kind.before) + 5
    kept = {
        "image": torch.ones(3, 17).bool(),
        "question": torch.tensor(
            [[i < len(q or ()) for i in range(12)] for q in kind.question_ids]
        ),
        "answer": torch.tensor(
            [[i < len(kind.before) + len(ids) - 1 for i in range(longest)] for ids in answer_ids]
        ),
    }
    for step in _attended(flow):
        probabilities = step.probabilities.detach()
        allowed = kept[step.of][:, None, None, :].expand_as(probabilities)
        if step.to == step.of == "answer":
            allowed = allowed & torch.ones(longest, longest).tril().bool()
        sums = probabilities.where(allowed, torch.zeros(())).sum(dim=-1)
        assert float((sums - 1).abs().max()) <= 1e-5
        assert not probabilities[~allowed].any()


def test_reading_marks_what_predicts_the_answer_and_its_end(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    model = kind.make()
    with model.record_flow() as flow:
        model.score(images, kind.questions, answers)
    first = len(kind.before) - 1
    expected = torch.zeros(3, len(kind.before) + 5).bool()
    for row, count in enumerate((3, 2, 6)):
        expected[row, first : first + count] = True
    assert flow.reading is not None
    assert torch.equal(flow.reading, expected)


def test_a_further_score_replaces_what_was_recorded(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    model = kind.make()
    with model.record_flow() as flow:
        model.score(images, kind.questions, answers)
        model.score(images[:1], kind.questions[:1], answers[1:2])
    assert len(flow.steps) == len(ORDER[kind.asks])
    assert flow.reading is not None
    assert flow.reading.shape == (1, len(kind.before) + 1)


def test_nothing_but_scores_is_recorded(kind: Any, images: torch.Tensor) -> None:
    model = kind.make()
    expected = model.generate(images, kind.questions), model.rank(images, kind.questions, ["sea"])
    with model.record_flow() as flow:
        assert model.generate(images, kind.questions) == expected[0]
        assert torch.equal(model.rank(images, kind.questions, ["sea"]), expected[1])
    assert flow.steps == []
    assert flow.reading is None


def test_nothing_stays_patched_after_an_exception(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    model = kind.make()

    def fail(*_: Any) -> None:
        assert _is_patched(model)
        raise _OnPurposeError

    handle = model.module.text_decoder.cls.register_forward_hook(fail)
    with pytest.raises(_OnPurposeError), model.record_flow():
        model.score(images, kind.questions, answers)
    handle.remove()
    assert not _is_patched(model)
    with model.record_flow() as outer:
        with model.record_flow() as inner:
            model.score(images, kind.questions, answers)
        assert inner.steps
        assert not outer.steps
        model.score(images, kind.questions, answers)
    assert outer.steps
    count = len(outer.steps)
    model.score(images, kind.questions, answers)
    assert len(outer.steps) == count


def test_a_copy_records_its_own_attention(kind: Any, images: torch.Tensor, answers: Any) -> None:
    model = kind.make()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.module.parameters():
            weight.mul_(1.2)
    with model.record_flow() as own, twin.record_flow() as others:
        model.score(images, kind.questions, answers)
        assert not others.steps
        twin.score(images, kind.questions, answers)
    last = [_attended(flow)[-1].probabilities.detach() for flow in (own, others)]
    assert float((last[0] - last[1]).abs().max()) > 1e-3


def test_half_precision_records_float32(kind: Any, images: torch.Tensor, answers: Any) -> None:
    model = kind.make(dtype="bfloat16")
    with model.record_flow() as flow:
        scores = model.score(images, kind.questions, answers).log_probabilities
    assert {step.probabilities.dtype for step in _attended(flow)} == {torch.float32}
    gradients = torch.autograd.grad(scores.sum(), [step.probabilities for step in _attended(flow)])
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_relevance_is_put_on_the_patches_row_by_row(kind: Any) -> None:
    model = kind.make()
    placed = model.put_on_grid(torch.arange(34.0).view(2, 17))
    assert model.grid == (4, 4)
    assert placed.shape == (2, 4, 4)
    assert placed[0, 0].tolist() == [1, 2, 3, 4]
    assert placed[1, 3].tolist() == [30, 31, 32, 33]


def test_dropout_is_refused(caption: Any, images: torch.Tensor, answers: Any) -> None:
    model = caption.make()
    model.module.train()
    with pytest.raises(PluginError, match=r"dropout_p=0\.1 .*eval mode"), model.record_flow():
        model.score(images, caption.questions, answers)


def test_a_cache_is_refused(vqa: Any) -> None:
    layer = vqa.make().module.text_decoder.bert.encoder.layer[0].attention.self
    with pytest.raises(PluginError, match="with a cache"):
        attend_text(layer, torch.zeros(1, 2, 24), past_key_values=object())


def test_unknown_attention_is_refused_by_name(vqa: Any) -> None:
    class Other(BlipTextSelfAttention):
        pass

    module = vqa.make().module
    layer = module.text_encoder.encoder.layer[1].crossattention
    make: Any = Other
    layer.self = make(module.config.text_config, is_cross_attention=True)
    with pytest.raises(RatevalError, match=r"cannot be recorded: it is .*Other; only transformers"):
        watch_text(module.text_encoder, "question", "image")
    module.vision_model.encoder.layers[0].self_attn = torch.nn.Identity()
    with pytest.raises(RatevalError, match="Identity; only"):
        watch_image(module.vision_model)
