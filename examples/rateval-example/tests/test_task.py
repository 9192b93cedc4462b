"""The task against its rule, written out."""

from __future__ import annotations

import math

import numpy as np
import torch
from rateval_example.params import OrNoneParams, SignsParams
from rateval_example.plugin import OR_NONE
from rateval_example.task import OrNone

from rateval.api.tasks.task import Outputs
from rateval.testing import tiny_dataset


def expected(logits: list[float], sure: float) -> int:
    total = sum(math.exp(one) for one in logits)
    shares = [math.exp(one) / total for one in logits]
    return shares.index(max(shares)) if max(shares) >= sure else len(logits)


def test_it_answers_where_it_is_sure() -> None:
    dataset = tiny_dataset()
    posed = OrNone(0.6).pose(dataset)
    logits = torch.randn(64, posed.outputs, generator=torch.manual_seed(0)) * 2
    found = posed.predictions(Outputs(logits))
    wanted = [expected(row, 0.6) for row in logits.double().tolist()]
    assert found.numbers.tolist() == wanted
    assert {one < posed.outputs for one in wanted} == {True, False}
    labels = np.array([min(one, posed.outputs - 1) for one in wanted])
    right = posed.correct(found, labels, [None] * 64)
    assert right.tolist() == [one < posed.outputs for one in wanted]


def test_the_dataset_can_pose_it() -> None:
    assert SignsParams(task=OR_NONE.name).task == "or-none"
    assert OrNoneParams().sure == 0.6
