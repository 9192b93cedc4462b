"""What every finetuner and its classifiers promise."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch

from rateval.api.protocols import Classifier, Dataset, Model
from rateval.api.training import Finetuner
from rateval.api.values import HeadDecision, PromptDecision
from rateval.checkpoints.decision import decide
from rateval.data.batches import load_batches
from rateval.errors import RatevalError
from rateval.testing.failure import difference, part, require, require_members, require_tensor
from rateval.testing.logbook import RecordingLogbook
from rateval.testing.tiny.dataset import tiny_dataset
from rateval.testing.tiny.model import tiny_model
from rateval.workbench.lending import leaves_weights


def check_finetuner(
    finetuner: Finetuner, model: Model | None = None, dataset: Dataset | None = None
) -> None:
    """Check fit, restore, progress and repeatability; a trained state must survive its storage.

    ``model`` and ``dataset`` are tiny ones when None; the dataset's train split then holds a sample
    that can't be read. Every fit gets a copy of ``model``, so choose short training.
    Raises ConformanceError at the first broken promise.
    """
    require_members(finetuner, Finetuner)
    trains = finetuner.trains
    require(isinstance(trains, bool), "Finetuner.trains", "be a bool", repr(trains))
    leaves = getattr(finetuner, "leaves_weights", False)
    require(isinstance(leaves, bool), "Finetuner.leaves_weights", "be a bool", repr(leaves))
    model = model or tiny_model()
    dataset = dataset or tiny_dataset(unreadable=(3,))
    images = _test_images(model, dataset)
    logbook = RecordingLogbook()
    train = dataset.train if trains else None
    with part("Finetuner.fit, without a train split,"):
        _check_no_train_split(finetuner, model, dataset)
    classifier = None
    with part("Finetuner.fit"):
        classifier = finetuner.fit(copy.deepcopy(model), train, dataset.classes, logbook)
        if trains:
            _check_progress(logbook)
    if classifier is not None:
        _check_fitted(finetuner, model, dataset, classifier, images)


def _check_fitted(
    finetuner: Finetuner,
    model: Model,
    dataset: Dataset,
    classifier: Classifier,
    images: torch.Tensor,
) -> None:
    trains = finetuner.trains
    with part("Classifier.logits"):
        _check_classifier(classifier, images, len(dataset.classes))
    with part("Classifier.decision"):
        _check_decision(classifier, images, dataset.classes)
    with part("Classifier.state"):
        state = classifier.state()
        _check_state(state)
        if not trains and not state:
            _check_unchanged(model, classifier, "that it gives no state of")
    with part("Finetuner.fit"):
        if leaves_weights(finetuner):
            _check_unchanged(model, classifier, "of a model, as it has leaves_weights = True")
    with part("Finetuner.fit"):
        _check_same_seed(finetuner, model, dataset, classifier.state())
    with part("Finetuner.fit"):
        if trains:
            _check_resume(finetuner, model, dataset, classifier.state())
    with part("Finetuner.restore"):
        _check_restore(finetuner, model, dataset, classifier, images)


def _check_unchanged(
    model: Model, classifier: Classifier, which: str, where: str = "Finetuner.fit"
) -> None:
    before, after = model.module.state_dict(), classifier.model.module.state_dict()
    require(_equal(before, after), where, f"change no weight {which}", "changes")


def _test_images(model: Model, dataset: Dataset) -> torch.Tensor:
    weight = next(model.module.parameters())
    for batch in load_batches(dataset.test, model, batch_size=8):
        if len(batch):
            return batch.images.to(device=weight.device, dtype=weight.dtype)
    raise ValueError("the dataset given to the check has no readable test sample")


def _check_classifier(classifier: Classifier, images: torch.Tensor, classes: int) -> None:
    require_members(classifier, Classifier)
    where = "Classifier.logits"
    seen = images.clone().requires_grad_()
    logits = classifier.logits(seen)
    require_tensor(logits, (len(images), classes), torch.float32, where, "(B, K)")
    require(logits.isfinite().all(), where, "be finite", logits.tolist())
    require(logits.requires_grad, where, "be differentiable", "a tensor without a graph")
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), seen, allow_unused=True)
    flows = gradient is not None and bool(gradient.isfinite().all() and (gradient != 0).any())
    require(flows, where, "be differentiable by the images", "no gradient")
    with torch.no_grad():
        repeated = classifier.logits(images)
        require(
            difference(repeated, logits) <= 1e-5,
            where,
            "be the same for the same images (is the classifier in eval mode?)",
            f"a relative difference of {difference(repeated, logits):.1e}",
        )
        alone = classifier.logits(images[:1])
        off = difference(alone, logits[:1])
        require(off <= 1e-4, where, "not depend on the batch", f"a difference of {off:.1e}")


def _check_decision(classifier: Classifier, images: torch.Tensor, classes: Sequence[str]) -> None:
    decision, where = classifier.decision, "Classifier.decision"
    if decision is None:
        return
    known = isinstance(decision, PromptDecision | HeadDecision)
    asked = "be a PromptDecision or a HeadDecision, or None for another way to decide"
    require(known, where, asked, repr(decision))
    with torch.no_grad():
        wanted = classifier.logits(images)
        found = decide(classifier.model, decision, classes, images)
    require_tensor(found, tuple(wanted.shape), torch.float32, where, "(B, K)")
    off = difference(found, wanted)
    require(
        off <= 1e-4, where, "make the classifier's logits", f"a relative difference of {off:.1e}"
    )


def _check_state(state: dict[str, torch.Tensor]) -> None:
    where = "Classifier.state"
    right = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    )
    require(right, where, "be a dict of names and tensors", type(state).__name__)
    try:
        safetensors.torch.save(state)
    except (RuntimeError, ValueError) as error:
        require(False, where, "hold contiguous tensors that share no memory", error)


def _check_progress(logbook: RecordingLogbook) -> None:
    once = len(logbook.totals) == 1
    require(once, "Finetuner.fit", "call logbook.begin once", f"{len(logbook.totals)} calls")
    total = logbook.totals[0]
    require(
        logbook.done == total,
        "Finetuner.fit",
        f"advance the logbook by the {total} samples announced, skipped ones included",
        logbook.done,
    )


def _check_no_train_split(finetuner: Finetuner, model: Model, dataset: Dataset) -> None:
    if not finetuner.trains:
        return
    asked = "raise RatevalError when there is no train split"
    try:
        finetuner.fit(copy.deepcopy(model), None, dataset.classes, RecordingLogbook())
    except RatevalError:
        return
    except Exception as error:
        require(False, "Finetuner.fit", asked, f"{type(error).__name__}: {error}")
    require(False, "Finetuner.fit", asked, "a classifier")


def _check_same_seed(
    finetuner: Finetuner, model: Model, dataset: Dataset, state: dict[str, torch.Tensor]
) -> None:
    # Another state of the global generator: a seed must not lean on it.
    with torch.random.fork_rng([]):
        torch.manual_seed(12345)
        again = finetuner.fit(
            copy.deepcopy(model), dataset.train, dataset.classes, RecordingLogbook()
        ).state()
    different = sorted(
        name
        for name in state.keys() | again.keys()
        if name not in state or name not in again or not state[name].equal(again[name])
    )
    require(
        not different,
        "Finetuner.fit",
        "give the same state for the same seed",
        f"differences in {', '.join(different[:5])}",
    )


def _check_resume(
    finetuner: Finetuner, model: Model, dataset: Dataset, state: dict[str, torch.Tensor]
) -> None:
    interrupted = RecordingLogbook(interrupt_after=1)
    try:
        finetuner.fit(copy.deepcopy(model), dataset.train, dataset.classes, interrupted)
        return  # it keeps nothing, so that an interrupted training starts anew
    except KeyboardInterrupt:
        going_on = RecordingLogbook(kept=interrupted.kept)
    again = finetuner.fit(copy.deepcopy(model), dataset.train, dataset.classes, going_on).state()
    _check_progress(going_on)
    require(
        _equal(state, again),
        "Finetuner.fit",
        "come to the same state when it goes on from what it saved",
        "another state",
    )


def _check_restore(
    finetuner: Finetuner,
    model: Model,
    dataset: Dataset,
    classifier: Classifier,
    images: torch.Tensor,
) -> None:
    stored = safetensors.torch.load(safetensors.torch.save(classifier.state()))
    restored = finetuner.restore(copy.deepcopy(model), dataset.classes, stored)
    with torch.no_grad():
        off = difference(restored.logits(images), classifier.logits(images))
    require(
        off <= 1e-5,
        "Finetuner.restore",
        "rebuild the classifier that gave the state",
        f"logits with a relative difference of {off:.1e}",
    )
    if leaves_weights(finetuner):
        which = "of a model, as it has leaves_weights = True"
        _check_unchanged(model, restored, which, "Finetuner.restore")
    if hasattr(classifier, "kept"):
        _check_kept(finetuner, model, dataset, classifier, images)


def _check_kept(
    finetuner: Any, model: Model, dataset: Dataset, classifier: Any, images: torch.Tensor
) -> None:
    where, able = "Finetuner.restore", "kept" in inspect.signature(finetuner.restore).parameters
    require(able, where, "take kept, as its classifiers have kept()", "no such parameter")
    kept = safetensors.torch.load(safetensors.torch.save(classifier.kept()))
    state = classifier.state()
    restored = finetuner.restore(copy.deepcopy(model), dataset.classes, state, kept=kept)
    with torch.no_grad():
        same = restored.logits(images).equal(classifier.logits(images))
    require(same, where, "give the same logits, bit by bit, by what was kept", "others")


def _equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)
