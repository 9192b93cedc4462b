"""What is wrong with a batch or a metric is said, with what to give instead."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import rateval
from rateval.errors import RatevalError

pytest.importorskip("torchmetrics")

RIGHT = torch.tensor([True, False])
LOGITS, LABELS, MAPS = torch.eye(2), torch.tensor([0, 1]), torch.rand(2, 2, 2)
MASKS = torch.ones(2, 4, 4, dtype=torch.bool)
WHOLE = {"logits": LOGITS, "labels": LABELS, "relevance": MAPS, "masks": MASKS}
FORMS = "give correct and valid, or logits, labels, relevance and masks"


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        ((), {}, f"nothing is given; {FORMS}"),
        ((RIGHT,), {}, f"valid left out; {FORMS}"),
        ((LOGITS, LABELS), {}, "correct: is (2, 2) float32; give a tensor (B,) of bool"),
        ((RIGHT, RIGHT.long()), {}, "valid: is (2,) int64; give a tensor (B,) of bool"),
        ((RIGHT, [True, False]), {}, "valid: is [True, False]; give a tensor (B,) of bool"),
        ((RIGHT, RIGHT[:1]), {}, "valid: is of 1 image, the first argument of 2"),
        ((RIGHT, RIGHT, RIGHT[:1]), {}, "known: is of 1 image, the first argument of 2"),
        ((RIGHT, RIGHT), {"valid": RIGHT}, f"valid is given twice; {FORMS}"),
        ((RIGHT, RIGHT), {"masks": MASKS}, f"masks beside correct; {FORMS}"),
        ((), {"logits": LOGITS, "labels": LABELS}, f"relevance, masks left out; {FORMS}"),
        ((), {**WHOLE, "preds": LOGITS}, f"preds is given twice; {FORMS}"),
        ((RIGHT,) * 6, {}, f"has 6 arguments in order; {FORMS}"),
        ((), {**WHOLE, "logits": LABELS}, "logits: is (2,) int64; give a tensor (B, K) of floats"),
        ((), {**WHOLE, "logits": LOGITS * torch.nan}, "logits: are NaN: training has diverged"),
        ((), {**WHOLE, "labels": RIGHT}, "labels: is (2,) bool; give a tensor (B,) of whole"),
        ((), {**WHOLE, "labels": LABELS[:1]}, "labels: is of 1 image, the first argument of 2"),
        ((), {**WHOLE, "labels": LABELS - 100}, "labels[0] = -100: logits are of classes 0 to 1"),
        ((), {**WHOLE, "relevance": MAPS[0]}, "relevance: is (2, 2) float32; give a tensor (B, r"),
        ((), {**WHOLE, "relevance": -MAPS - 1}, "relevance: is negative; give maps that are fin"),
        ((), {**WHOLE, "relevance": MAPS / 0}, "relevance: is infinite; give maps that are finite"),
        ((), {**WHOLE, "masks": MASKS.long()}, "masks: is (2, 4, 4) int64; give a tensor (B, H, W"),
        ((), {**WHOLE, "masks": MASKS.long()}, "None where there is none; of numbers, masks > 0"),
        ((), {**WHOLE, "masks": 3}, "masks: is 3; give a tensor (B, H, W) of bool, or a list"),
        ((), {**WHOLE, "masks": [MASKS[0]]}, "masks: is of 1 image, the first argument of 2"),
        ((), {**WHOLE, "masks": [MASKS[0], "a.png"]}, "masks: holds 'a.png'; give a tensor (B, H"),
        ((), {**WHOLE, "masks": [MASKS[0], MASKS[0][:2]]}, "masks: have sizes [(2, 4), (4, 4)]"),
    ],
)  # fmt: skip
def test_a_batch_that_is_none_is_refused(
    given: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    metric = rateval.PredictionRationality()
    with pytest.raises(RatevalError) as raised:
        metric.update(*given, **named)
    assert str(raised.value).startswith("rateval.PredictionRationality.update: ")
    assert message in str(raised.value)
    metric.update(RIGHT, RIGHT)  # nothing of it was counted
    assert sum(metric.compute()[state] for state in ("RR", "RW", "WR", "WW", "RU", "WU")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 95}, "level = 95: must lie between 0 and 1, such as 0.95"),
        ({"validator": 3}, "validator is 3; give the name of a validator, or a dict with use"),
        ({"validator": {"threshold": 1}}, "validator is {'threshold': 1}; give the name of"),
        ({"validator": "relevance-mas"}, 'did you mean "relevance-mass"?'),
        ({"threshold": 1.5}, "threshold: must be less than or equal to 1"),
        ({"validator": {"use": "iou", "cutt": 1}}, "cutt"),
        (
            {"validator": {"use": "iou", "name": "a"}},
            "name is no param; rateval show validator iou",
        ),
        ({"validator": "counterfactual"}, "needs predictions under edits, which no batch holds"),
    ],
)
def test_a_metric_that_can_not_be_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RatevalError) as raised:
        rateval.PredictionRationality(**options)
    assert str(raised.value).startswith("rateval.PredictionRationality: ")
    assert message in str(raised.value)
