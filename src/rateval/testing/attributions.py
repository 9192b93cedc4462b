"""What every attribution promises."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, cast

import torch

from rateval.api.protocols import Attribution, Classifier
from rateval.api.tasks.texts import TextAttribution
from rateval.api.values import Explanation
from rateval.testing.answering.attributions import check_text_attribution
from rateval.testing.failure import difference, part, require, require_members, require_tensor
from rateval.testing.tiny.model import tiny_classifier
from rateval.testing.tiny.texts import Form

_COUNT = 4
_WHERE = "Attribution.explain"
_FORMS: dict[str, Form] = {"vqa": "vqa", "captioning": "caption"}
"""A task of texts to what a tiny model of it does."""
TRIED = frozenset({"classification", *_FORMS})
"""Tasks that attributions are tried at."""


def check_attribution(
    attribution: Attribution,
    classifier: Classifier | None = None,
    images: torch.Tensor | None = None,
    ids: Sequence[str] | None = None,
    *,
    tasks: Sequence[str] = ("classification",),
) -> None:
    """Check form and sign of the maps, batch invariance, and that the model is left as it was.

    ``tasks`` are those that its component serves: what explains texts is tried on a tiny model of
    texts by ``check_text_attribution``. ``classifier`` is a tiny one, ``images`` are four random
    ones (B, 3, H, W) float32, and ``ids`` are ``0000``, ``0001`` and so on, when None. Raises
    ConformanceError at the first broken promise.
    """
    for task, form in _FORMS.items():
        if task in tasks:
            check_text_attribution(cast(TextAttribution, attribution), form)
    if "classification" not in tasks:
        return
    require_members(attribution, Attribution)
    classifier = classifier or tiny_classifier()
    if images is None:
        images = torch.randn(_COUNT, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = classifier.logits(images)
    labels = torch.arange(len(images), device=images.device) % logits.shape[1]
    if ids is None:
        ids = [f"{index:04d}" for index in range(len(images))]
    before = _snapshot(classifier)
    with part(_WHERE):
        _check_takes_ids(attribution, classifier, images, labels, ids)
    with part(_WHERE):
        explanation = attribution.explain(classifier, images, labels, ids)
        _check_form(explanation, classifier, len(images))
        if explanation.logits is not None:
            off = difference(explanation.logits, logits)
            asked = "give the classifier's logits or None"
            require(off <= 1e-4, _WHERE, asked, f"a relative difference of {off:.1e}")
    with part(_WHERE):
        _check_left_alone(classifier, images, logits, before)
    with part(_WHERE):
        whole = attribution.explain(classifier, images, labels, ids).relevance
        _check_batch_invariance(attribution, classifier, images, labels, ids, whole)
    if hasattr(attribution, "explain_together"):
        with part("Sharing.explain_together"):
            _check_sharing(attribution, classifier, images, labels, ids)
            _check_left_alone(classifier, images, logits, before)


def _check_sharing(
    attribution: Any,
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    ids: Sequence[str],
) -> None:
    """Check that several at once are what each is alone, and that what is wanted doesn't tell."""
    where, given = "Sharing.explain_together", (classifier, images, labels, ids)
    alone = attribution.explain(*given).relevance
    planned = [attribution, attribution]
    both, second = (attribution.explain_together(planned, at, *given) for at in ((0, 1), (1,)))
    counts = [len(both), len(second)]
    require(counts == [2, 1], where, "return an Explanation for each that is wanted", counts)
    for explanation in (*both, *second):
        _check_form(explanation, classifier, len(images))
        off = difference(explanation.relevance, alone)
        asked = "return what explain returns, but for rounding"
        require(off <= 1e-5, where, asked, f"a relative difference of {off:.1e}")
    same = both[1].relevance.equal(second[0].relevance)
    asked = "return what hangs on what is planned, and not on what is wanted"
    require(same, where, asked, "other maps where fewer are wanted")


def _check_takes_ids(attribution: Attribution, *arguments: object) -> None:
    signature = inspect.signature(attribution.explain)
    asked = "be callable as (classifier, images, labels, ids)"
    try:
        signature.bind(*arguments)
    except TypeError:
        require(False, _WHERE, asked, f"explain{signature}")


def _check_form(explanation: Explanation, classifier: Classifier, count: int) -> None:
    is_one = isinstance(explanation, Explanation)
    require(is_one, _WHERE, "return an Explanation", repr(explanation))
    relevance, where = explanation.relevance, "Explanation.relevance"
    shape = (count, *classifier.model.grid)
    require_tensor(relevance, shape, torch.float32, where, "(B, rows, cols)")
    finite = relevance.isfinite().all()
    require(finite, where, "be finite", f"{int((~relevance.isfinite()).sum())} that are not")
    require((relevance >= 0).all(), where, "not be negative", f"{relevance.min().item():.2e}")
    for tensor in (relevance, explanation.logits):
        kept = tensor is not None and tensor.requires_grad
        require(not kept, "Explanation", "be detached; a graph would keep the batch", "a graph")


def _snapshot(classifier: Classifier) -> dict[str, tuple[torch.Tensor, bool]]:
    return {
        name: (weight.detach().clone(), weight.requires_grad)
        for name, weight in classifier.model.module.named_parameters()
    }


def _check_left_alone(
    classifier: Classifier,
    images: torch.Tensor,
    logits: torch.Tensor,
    before: dict[str, tuple[torch.Tensor, bool]],
) -> None:
    for name, weight in classifier.model.module.named_parameters():
        value, trained = before[name]
        require(weight.grad is None, _WHERE, "leave no gradient on weights", f"one on {name}")
        require(weight.equal(value), _WHERE, "change no weight", f"a change of {name}")
        flag = weight.requires_grad
        require(flag == trained, _WHERE, f"leave requires_grad of {name} {trained}", flag)
    untouched = not images.requires_grad and images.grad is None
    require(untouched, _WHERE, "leave the images as they are", "a gradient on them")
    with torch.no_grad():
        again = classifier.logits(images)
    same = again.equal(logits)
    require(same, _WHERE, "leave the classifier as it was", "other logits afterwards")


def _check_batch_invariance(
    attribution: Attribution,
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    ids: Sequence[str],
    relevance: torch.Tensor,
) -> None:
    for some in (slice(0, 1), slice(1, len(images))):
        alone = attribution.explain(classifier, images[some], labels[some], ids[some]).relevance
        for index, (one, other) in enumerate(zip(alone, relevance[some], strict=True)):
            off = difference(one, other)
            require(
                off <= 1e-5,
                _WHERE,
                "give each image a map that depends on that image alone",
                f"a relative difference of {off:.1e} for image {some.start + index} "
                "between batches",
            )
