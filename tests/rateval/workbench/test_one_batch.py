"""One batch explained, predicted and judged: checked alike wherever that is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rateval.api.protocols import Metric
from rateval.api.values import Explanation, Verdict
from rateval.data.batches import Batch
from rateval.errors import PluginError, RatevalError
from rateval.facade import create
from rateval.tasks.classification import OneOf
from rateval.testing import tiny_classifier, tiny_dataset
from rateval.training.examiner import Examiner
from rateval.workbench.cell import Job, Shared
from rateval.workbench.explain import explain_batch, explain_each, predict_batch
from rateval.workbench.verdicts.judging import judge_batch

Change = Callable[[torch.Tensor], torch.Tensor]
DATA = tiny_dataset(train=4, test=6)


class Says:
    """An attribution whose maps, and logits if any, are changed before they are returned."""

    def __init__(self, maps: Change = torch.clone, logits: Change | None = None) -> None:
        self._maps, self._logits = maps, logits

    def explain(self, classifier: Any, images: Any, labels: Any, ids: Any = None) -> Explanation:
        maps = self._maps(torch.rand(len(images), *classifier.model.grid))
        logits = None if self._logits is None else self._logits(classifier.logits(images))
        return Explanation(maps, logits)


def make_job(attribution: Any, classifier: Any = None) -> Job:
    return Job(
        classifier or tiny_classifier(),
        attribution,
        DATA.test,
        None,
        OneOf(3),
        "cpu",
        4,
        1,
    )


def first(job: Job) -> Batch:
    return next(job.batches(range(6), masks=True))


def spoil(value: float) -> Change:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        changed.view(-1)[0] = value
        return changed

    return change


def cut(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:, :-1]


FAULTS = [
    (Says(cut), PluginError, r"relevance of shape \(4, 2, 4\), not \(4, 3, 4\)"),
    (
        Says(spoil(float("nan"))),
        PluginError,
        r'relevance that is NaN for image "0000" \(1 of 4 images in its batch\), where the logits',
    ),
    (
        Says(spoil(float("inf"))),
        PluginError,
        r'relevance that is infinite for image "0000" \(1 of 4',
    ),
    (
        Says(spoil(-1)),
        PluginError,
        r'relevance that is negative for image "0000" \(1 of 4 .*\), as low as -1',
    ),
    (Says(logits=cut), PluginError, r"logits of shape \(4, 2\), not \(4, 3\)"),
    (
        Says(logits=spoil(float("inf"))),
        RatevalError,
        r'logits are infinite for image "0000" \(1 of 4 .*\); its weights are finite, but',
    ),
]


@pytest.mark.parametrize(("attribution", "error", "message"), FAULTS)
def test_a_broken_promise_shows_in_a_test_and_on_samples_held_out(
    attribution: Says, error: type[RatevalError], message: str
) -> None:
    job = make_job(attribution)
    with pytest.raises(error, match=message):
        explain_batch(job, first(job))
    metrics: dict[str, Metric] = {"pt": create("metric", "pt")}
    validator = create("validator", "relevance-mass")
    examiner = Examiner(lambda c: make_job(attribution, c), validator, metrics)
    with pytest.raises(error, match=message):
        examiner(tiny_classifier())


def test_logits_are_asked_for_once_where_an_explanation_has_none() -> None:
    job = make_job(Says())
    batch = first(job)
    found = explain_batch(job, batch)
    assert found.outputs is not None
    assert found.outputs.numbers.equal(predict_batch(job, batch).numbers)
    assert found.outputs.numbers.equal(job.classifier.logits(batch.images))


def test_predictions_without_evidence_are_checked_as_well() -> None:
    classifier = tiny_classifier()
    classifier.head.weight.fill_(float("nan"))
    with pytest.raises(RatevalError, match="fine-tuning diverged"):
        Examiner(lambda c: make_job(None, c), None, {})(classifier)


@pytest.mark.parametrize("own_logits", [True, False])
def test_logits_and_weights_are_looked_at_before_relevance(own_logits: bool) -> None:
    """Where weights are broken, relevance is too, through no fault of the attribution."""
    classifier = tiny_classifier()
    name, weight = next(iter(classifier.model.module.named_parameters()))
    with torch.no_grad():
        weight.view(-1)[:3] = float("nan")
    said = torch.clone if own_logits else None
    job = make_job(Says(spoil(float("nan")), said), classifier)
    with pytest.raises(
        RatevalError,
        match=rf'^model .*: logits are NaN for image "0000" \(4 of 4 images in its batch\); its '
        rf"weights are not finite: {name} \(NaN, 3 of {weight.numel()} numbers\): its checkpoint",
    ):
        explain_batch(job, first(job))


def test_a_head_is_part_of_what_is_looked_at() -> None:
    classifier = tiny_classifier()
    classifier.head.bias.data[1] = float("inf")
    job = make_job(Says(), classifier)
    with pytest.raises(RatevalError, match=r": bias \(infinite, 1 of 3 numbers\): its check"):
        predict_batch(job, first(job))


def test_an_image_that_is_not_finite_is_named() -> None:
    job = make_job(Says())
    batch = first(job)
    batch.images[2, 0, 0, 0] = float("nan")
    with pytest.raises(RatevalError, match=r'image "0002" \(1 of 4 .*prepared image is NaN'):
        predict_batch(job, batch)


def test_permuted_weights_may_lead_to_maps_and_logits_that_are_not_finite() -> None:
    attribution = Says(spoil(float("nan")), spoil(float("inf")))
    job = make_job(attribution)
    found = explain_batch(job, first(job), permuted=True)
    assert found.explanation.relevance.isfinite().flatten(1).all(1).tolist() == [
        False,
        True,
        True,
        True,
    ]
    for attribution in (Says(spoil(-1)), Says(cut)):  # no weights excuse these
        with pytest.raises(PluginError):
            explain_batch(make_job(attribution), first(job), permuted=True)


def test_permuted_weights_predict_nothing() -> None:
    class Silent:
        model = tiny_classifier().model

    job = make_job(Says(), Silent())
    assert explain_batch(job, first(job), permuted=True).outputs is None


class Judges:
    """A validator that says the same of every image, with something changed."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        count = len(relevance)
        yes = torch.ones(count, dtype=torch.bool)
        said = {"score": torch.full((count,), 0.75), "valid": yes, "defined": yes}
        return Verdict(**{**said, "reasons": ("",) * count, **self._changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": torch.tensor([0.5, float("nan")])}, "not finite yet called defined"),
        ({"defined": torch.tensor([True, False])}, "valid where its score is undefined"),
        ({"valid": torch.ones(3, dtype=torch.bool)}, "verdict of shapes"),
        ({"reasons": ("",)}, "1 reasons for 2 images"),
    ],
)
def test_a_verdict_that_breaks_its_promise(changes: dict[str, Any], message: str) -> None:
    maps = np.ones((2, 3, 4), np.float16)
    masks = torch.ones(2, 24, 32, dtype=torch.bool)
    with pytest.raises(PluginError, match=message):
        judge_batch(Judges(**changes), maps, masks, (True, True), "cpu")


def test_an_image_without_a_mask_has_no_verdict() -> None:
    maps = np.ones((2, 3, 4), np.float16)
    masks = torch.zeros(2, 24, 32, dtype=torch.bool)
    found = judge_batch(Judges(), maps, masks, (True, False), "cpu")
    assert found.valid.tolist() == found.defined.tolist() == [True, False]
    assert found.reasons == ("", "no mask")


class SaysTogether(Says):
    """Attributions of which several give as many explanations as they are told to."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def explain_together(self, planned: Any, wanted: Any, *given: Any) -> Any:
        return [self.explain(*given) for _ in range(self._count)]


@pytest.mark.parametrize(
    ("attribution", "message"),
    [
        (Says(), "says that it shares a pass, and so it must offer explain_together"),
        (SaysTogether(1), "must return a sequence of 2, an Explanation for each"),
    ],
)
def test_attributions_that_share_must_give_one_explanation_each(
    attribution: Says, message: str
) -> None:
    job = replace(make_job(attribution), shared=Shared((attribution,) * 3, (0, 2)))
    with pytest.raises(PluginError, match=message):
        explain_each(job, first(job))


def test_attributions_that_share_a_pass_are_explained_in_parts_where_memory_is_short() -> None:
    attribution = SaysTogether(2)
    job = replace(make_job(attribution), shared=Shared((attribution,) * 3, (0, 2)))
    real, sizes = attribution.explain_together, list[int]()

    def short(planned: Any, wanted: Any, classifier: Any, images: Any, *rest: Any) -> Any:
        sizes.append(len(images))
        if len(images) > 2:
            raise MemoryError
        return real(planned, wanted, classifier, images, *rest)

    attribution.explain_together = short  # type: ignore[method-assign]
    found = explain_each(job, first(job))
    assert sizes == [4, 2, 2]
    assert [len(one.explanation.relevance) for one in found] == [4, 4]
