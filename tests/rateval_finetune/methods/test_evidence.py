"""The penalty on relevance outside of the mask: its value, its gradient, and its training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import rateval
from rateval.api import Model, RatevalError, Readout, Sample, Skipped, Split
from rateval.modelkit import load_batches
from rateval.testing import RecordingLogbook, tiny_classifier, tiny_dataset, tiny_model
from rateval_finetune.methods.evidence_ft import EvidenceObjective, EvidenceTask
from rateval_finetune.params import EvidenceFtParams
from rateval_finetune.relevance.patches import choose_depth, relevance_of, share_inside
from rateval_finetune.training.linear_head import HeadClassifier, new_head
from rateval_finetune.training.sources import MaskedShare, SplitSource

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
READOUTS: tuple[Readout, ...] = get_args(Readout)
TINY = 1e-9  # so that hardly any product changes its sign on the way
LAYERS: tuple[Any, ...] = ("last", "all", 2)


def pictures(model: Model, split: Split) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Preprocess a split: images, labels and masks."""
    (batch,) = load_batches(split, model, batch_size=len(split), masks=True)
    assert batch.masks is not None
    return batch.images, batch.labels, batch.masks


def share_by_hand(relevance: torch.Tensor, masks: torch.Tensor) -> list[float]:
    """Weigh every patch of 8 x 8 px by the part of it that the mask covers, in float64.

    A map of zeros has NaN.
    """
    maps, covered = relevance.double().numpy().reshape(-1, 3, 4), masks.numpy()
    shares = []
    for one, mask in zip(maps, covered, strict=True):
        inside = sum(
            one[row, column] * mask[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].mean()
            for row in range(3)
            for column in range(4)
        )
        shares.append(inside / one.sum() if one.any() else math.nan)
    return shares


def explained(classifier: Any, layers: Any, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    """Return maps (B, rows, cols) of generic-attention, and masks."""
    images, labels, masks = pictures(classifier.model, split)
    attribution = rateval.create("attribution", "generic-attention", layers=layers)
    return attribution.explain(classifier, images, labels).relevance, masks


def mean_share(classifier: Any, layers: Any, split: Split) -> float:
    return float(np.nanmean(share_by_hand(*explained(classifier, layers, split))))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("layers", LAYERS)
def test_the_relevance_is_that_of_generic_attention(readout: Readout, layers: Any) -> None:
    classifier = tiny_classifier(readout=readout)
    model = classifier.model
    images, labels, _ = pictures(model, tiny_dataset().test)
    chosen = choose_depth(layers, model.depth)
    with model.record_attention(chosen) as recorded:
        scores = classifier.logits(images).gather(1, labels[:, None])[:, 0]
    found = relevance_of(model, recorded, scores, chosen)
    assert found.requires_grad
    expected, _ = explained(classifier, layers, tiny_dataset().test)
    assert expected.max() > 0
    torch.testing.assert_close(
        found.reshape(expected.shape), expected, rtol=0, atol=1e-6 * float(expected.max())
    )


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("layers", LAYERS)
def test_the_gradient_is_that_of_finite_differences(readout: Readout, layers: Any) -> None:
    """Through the gradient that the relevance holds, in float64, along random directions."""
    model = tiny_model(readout=readout)
    model.module.double().requires_grad_(True)
    images, labels, masks = pictures(model, tiny_dataset().test)
    draw = torch.Generator().manual_seed(3)
    head = torch.randn(3, 24, generator=draw, dtype=torch.float64)
    weights = list(model.image_tower.parameters())
    chosen = choose_depth(layers, model.depth)

    def relevance() -> torch.Tensor:
        with model.record_attention(chosen) as recorded:
            logits = model.features(images.double()) @ head.T
        scores = logits.gather(1, labels[:, None])[:, 0]
        return relevance_of(model, recorded, scores, chosen)

    some = relevance().sum(1) > 0
    assert some.sum() > 6

    def penalty() -> torch.Tensor:
        return share_inside(relevance()[some], masks[some], model.grid).sum()

    # The last bias and what comes after the features are in no relevance.
    gradients = torch.autograd.grad(penalty(), weights, materialize_grads=True)
    for _ in range(3):
        ways = [torch.randn(w.shape, generator=draw, dtype=torch.float64) for w in weights]
        expected = sum(float((g * w).sum()) for g, w in zip(gradients, ways, strict=True))
        values = []
        for step in (TINY, -2 * TINY, TINY):  # there, to the other side, and back
            with torch.no_grad():
                for weight, way in zip(weights, ways, strict=True):
                    weight.add_(way, alpha=step)
            values.append(penalty().item())
        assert abs(expected) > 1e-3
        assert (values[0] - values[1]) / (2 * TINY) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_share_inside_equals_a_computation_by_patches() -> None:
    draw = torch.Generator().manual_seed(2)
    relevance = torch.rand(6, 12, generator=draw) ** 4
    masks = torch.rand(6, 24, 32, generator=draw) < torch.linspace(0, 1, 6)[:, None, None]
    found = share_inside(relevance, masks, (3, 4)).tolist()
    assert found == pytest.approx(share_by_hand(relevance, masks), abs=1e-6)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1)


def test_more_layers_than_there_are_say_so(make: Make, fit: Fit) -> None:
    message = r"^evidence-ft: layers = 4: the model has 3 vision layers; give a number up to 3"
    with pytest.raises(RatevalError, match=message):
        fit(make("evidence-ft", layers=4))


def objective(seed: int = 0, **params: Any) -> tuple[EvidenceObjective, HeadClassifier]:
    model = tiny_model(seed)
    model.image_tower.requires_grad_(True)
    head = new_head(24, 3, torch.Generator().manual_seed(1), "cpu", torch.float32)
    classifier = HeadClassifier(model, head)
    return EvidenceObjective(classifier, EvidenceFtParams(**params)), classifier


@pytest.mark.parametrize("layers", LAYERS)
def test_the_loss_is_cross_entropy_and_what_lies_outside(layers: Any) -> None:
    made, classifier = objective(weight=3.0, layers=layers)
    images, labels, masks = pictures(classifier.model, tiny_dataset().test)
    masks[2] = False  # an image without a mask, or whose mask vanished
    weights = torch.ones(12)
    weights[5] = 0  # what only fills
    loss, correct = made(images, labels, weights, masks)
    logits = classifier.logits(images).detach()
    relevance, _ = explained(classifier, layers, tiny_dataset().test)
    shares = share_by_hand(relevance, masks)
    real = [at for at in range(12) if at != 5]
    expected = F.cross_entropy(logits[real].double(), labels[real], reduction="sum").item()
    expected += 3 * sum(1 - shares[at] for at in real if at != 2)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert correct is not None
    assert int(correct) == int((logits.argmax(1) == labels)[real].sum())
    made.factor = 0.0
    plain = made(images, labels, weights, masks)[0].item()
    assert plain == pytest.approx(F.cross_entropy(logits[real], labels[real]).item() * 11, rel=1e-5)


def test_a_map_of_zeros_is_not_penalised() -> None:
    """A head of zeros has no gradient, and so no relevance; nothing is divided by it."""
    made, classifier = objective(weight=3.0)
    images, labels, masks = pictures(classifier.model, tiny_dataset().test)
    torch.nn.init.zeros_(classifier.head.weight)
    torch.nn.init.zeros_(classifier.head.bias)
    loss, _ = made(images, labels, torch.ones(12), masks)
    loss.backward()
    assert loss.item() == pytest.approx(12 * math.log(3), rel=1e-5)
    gradients = [w.grad for w in made.parameters() if w.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize(
    ("warmup", "shares"),
    [
        (0.0, [1, 1, 1, 1, 1, 1, 1, 1]),
        (0.5, [0, 1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1]),
        (0.3, [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1]),  # 2.4 steps are three
    ],
)
def test_the_penalty_rises_over_its_warm_up(warmup: float, shares: list[float]) -> None:
    params = EvidenceFtParams(weight=2.0, penalty_warmup=warmup)
    _, classifier = objective()
    task = EvidenceTask(classifier, params)
    factors = []
    for step in range(1, 9):
        task.at_step(step, 8)
        assert isinstance(task.objective, EvidenceObjective)
        factors.append(task.objective.factor)
    assert factors == pytest.approx([2 * share for share in shares])


def chosen_of(method: Any, count: int = 26) -> frozenset[int]:
    chosen: frozenset[int] = method._choose_masked(count)
    return chosen


def test_a_share_of_the_masks_is_used(make: Make) -> None:
    def chosen(share: float, **seeds: int) -> frozenset[int]:
        return chosen_of(make("evidence-ft", mask_share=share, **seeds))

    assert [len(chosen(share)) for share in (1.0, 0.5, 0.1, 1e-9)] == [26, 13, 3, 1]
    assert chosen(0.1) < chosen(0.5)  # more masks are the same and others
    assert chosen(0.5, study_seed=1) == chosen(0.5, seed=1) != chosen(0.5)


def test_the_masks_of_the_others_are_hidden() -> None:
    data, model, params = tiny_dataset(train=26, unreadable=(4,)), tiny_model(), EvidenceFtParams()
    assert data.train is not None
    whole = SplitSource(data.train, model, params, 0, masks=True)
    shown = frozenset({0, 3, 4, 17})
    chunks: list[Sequence[int]] = [[0, 1, 17, 3], [], [4], [9, 4, 5]]
    pairs = zip(whole.load(chunks, 1), MaskedShare(whole, shown).load(chunks, 1), strict=True)
    seen = set()
    for before, after in pairs:
        assert after.images.equal(before.images)
        assert after.indices == before.indices
        assert before.masks is not None
        assert after.masks is not None
        for at, index in enumerate(after.indices):
            expected = before.masks[at] if index in shown else torch.zeros(24, 32).bool()
            assert after.masks[at].equal(expected)
            assert after.has_mask[at] == (index in shown)
            seen.add(index)
    assert seen == {0, 1, 17, 3, 9, 5}
    assert len(MaskedShare(whole, shown)) == 26


class Unmasked:
    """A split that has masks only where they are asked for."""

    def __init__(self, masked: frozenset[int]) -> None:
        self._whole: Any = tiny_dataset(train=26).train
        self._masked = masked
        self.identity = f"some masks {sorted(masked)}"

    def __len__(self) -> int:
        return len(self._whole)

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        return [
            sample if index in self._masked else dataclasses.replace(sample, mask=None)
            for index, sample in zip(indices, self._whole.samples(indices), strict=True)
        ]


def test_no_mask_at_all_says_so_and_leaves_the_model_frozen(make: Make, data: Any) -> None:
    model, logbook = tiny_model(), RecordingLogbook()
    message = r"^evidence-ft: no training sample has an evidence mask, .* in its train split, or ft"
    with pytest.raises(RatevalError, match=message):
        make("evidence-ft").fit(model, Unmasked(frozenset()), data.classes, logbook)
    assert logbook.epochs == []  # in the first epoch, not after the last one
    assert not any(weight.requires_grad for weight in model.module.parameters())


@pytest.mark.parametrize("only", [0, 13, 25])
def test_a_single_mask_is_enough(only: int, make: Make, data: Any) -> None:
    logbook = RecordingLogbook()
    method = make("evidence-ft", batch_size=4)
    method.fit(tiny_model(), Unmasked(frozenset({only})), data.classes, logbook)
    assert [epoch.number for epoch in logbook.epochs] == [1, 2]


def fitted(method: Any, data: Any, logbook: RecordingLogbook | None = None) -> Any:
    return method.fit(tiny_model(), data.train, data.classes, logbook or RecordingLogbook())


@pytest.mark.parametrize("layers", ["last", "all"])
def test_training_moves_relevance_into_the_mask(layers: Any, make: Make, data: Any) -> None:
    settings = {"epochs": 6, "lr": 3e-3}
    plain = fitted(make("ft", **settings), data)
    method = make("evidence-ft", layers=layers, weight=3.0, **settings)
    logbook = RecordingLogbook()
    penalised = fitted(method, data, logbook)
    first, last = logbook.epochs[0], logbook.epochs[-1]
    assert last.loss < 0.7 * first.loss
    without, within = (mean_share(c, layers, data.test) for c in (plain, penalised))
    assert within > without + 0.15
    accuracies = [epoch.accuracy for epoch in logbook.epochs]
    assert accuracies[-1] is not None
    assert accuracies[-1] > 0.8


def test_passes_of_a_step_add_up_to_it(make: Make, data: Any, images: Any) -> None:
    """Also with an image that cannot be read, and masks for some of the samples only."""
    unread = tiny_dataset(train=26, unreadable=(7,))
    logits, losses = [], []
    for accumulate in (1, 3):
        method = make("evidence-ft", accumulate=accumulate, mask_share=0.6, penalty_warmup=0.5)
        logbook = RecordingLogbook()
        classifier = fitted(method, unread, logbook)
        losses.append([epoch.loss for epoch in logbook.epochs])
        logits.append(classifier.logits(images(classifier.model)))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    torch.testing.assert_close(logits[1], logits[0], rtol=0, atol=2e-3)


def test_going_on_comes_to_the_same_bits(make: Make, fit: Fit) -> None:
    """The warm-up and the chosen masks, too, are those of an uninterrupted training."""
    method = make("evidence-ft", epochs=4, penalty_warmup=0.6, mask_share=0.5, augment="published")
    logbook = RecordingLogbook()
    whole = fit(method, logbook=logbook)
    first = RecordingLogbook(interrupt_after=2)
    with pytest.raises(KeyboardInterrupt):
        fit(method, logbook=first)
    going_on = RecordingLogbook(kept=first.kept)
    state = fit(method, logbook=going_on)
    assert state.keys() == whole.keys()
    assert all(state[name].equal(whole[name]) for name in whole)
    assert going_on.epochs == logbook.epochs[2:]
