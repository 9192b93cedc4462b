"""Which questions are asked, and how often a background tells their answers."""

from __future__ import annotations

import numpy as np
import pytest

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.questions.crowds import PAIRS, plan_crowds
from rateval_shapes.questions.words import ANSWERS
from rateval_shapes.streams import Stream


def test_every_form_is_asked_as_often_and_every_answer_is_given() -> None:
    forms = [form for pair in PAIRS for form in pair]
    assert {form: forms.count(form) for form in ANSWERS} == dict.fromkeys(ANSWERS, 4)
    # 12 pairs, 2 turns of which is asked first, and 168 rounds: a multiple of all numbers of
    # answers.
    plans = plan_crowds(0, Stream.TRAIN_QUESTIONS, range(4032), per_image=1, bias=0.9)
    first = [(plan.forms[at // 12 % 2], plan.answer(at // 12 % 2)) for at, plan in enumerate(plans)]
    for form, answers in ANSWERS.items():
        counts = [first.count((form, told)) for told in answers]
        assert sum(counts) == 4032 / len(ANSWERS)
        assert max(counts) == min(counts)
    other = [plan.answer(1 - at // 12 % 2) for at, plan in enumerate(plans)]
    assert other.count("yes") / (other.count("yes") + other.count("no")) == pytest.approx(
        0.5, abs=0.04
    )


@pytest.mark.parametrize("bias", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("per_image", [1, 2])
def test_bias_is_how_often_a_background_tells_the_answer(bias: float, per_image: int) -> None:
    plans = plan_crowds(5, Stream.TRAIN_QUESTIONS, range(6000), per_image=per_image, bias=bias)
    for member in (0, 1):
        told, expected = [], []
        for at, plan in enumerate(plans):
            if per_image == 1 and at // 12 % 2 != member:
                continue
            period = min(len(ANSWERS[plan.forms[member]]), 10)
            told.append(plan.background % period == plan.answers[member] % period)
            bound = sum(b % period == plan.answers[member] % period for b in range(10))
            expected.append(bias + (1 - bias) * bound / 10)
        assert np.mean(told) == pytest.approx(np.mean(expected), abs=0.02)
    shown = np.bincount([plan.background for plan in plans], minlength=len(BACKGROUNDS))
    assert shown.min() > 300


def test_answer_that_is_not_asked_for_has_nothing_to_do_with_the_background() -> None:
    plans = plan_crowds(5, Stream.TRAIN_QUESTIONS, range(6000), per_image=1, bias=1.0)
    told = [
        plan.background % 2 == plan.answers[1 - at // 12 % 2]
        for at, plan in enumerate(plans)
        if len(ANSWERS[plan.forms[1 - at // 12 % 2]]) == 2
    ]
    assert np.mean(told) == pytest.approx(0.5, abs=0.04)
