"""lp-ft is lp, then ft from its head; wise-ft goes a part of the way from zero-shot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rateval.api import Classifier, Context, RatevalError
from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval_finetune.methods.zero_shot import make_zero_shot
from rateval_finetune.params import WiseFtParams, ZsParams

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
Images = Callable[[TinyModel], torch.Tensor]


class Held(RecordingLogbook):
    """Keep the logits of everything that was to be examined, besides."""

    def __init__(self, images: torch.Tensor, scores: Any) -> None:
        super().__init__(scores)
        self.images = images
        self.logits: list[torch.Tensor] = []

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        self.logits.append(classifier.logits(self.images).detach().clone())
        return super().examine(classifier)


def test_lp_ft_starts_where_lp_ends(make: Make, fit: Fit) -> None:
    probed = fit(make("lp", lr=1e-2, epochs=3))
    frozen = fit(make("lp-ft", probe_lr=1e-2, probe_epochs=3, lr=1e-12))
    for name, value in probed.items():
        torch.testing.assert_close(frozen[name], value, rtol=0, atol=1e-9)
    moved = fit(make("lp-ft", probe_lr=1e-2, probe_epochs=3))
    assert not moved["head.weight"].equal(probed["head.weight"])


def test_lp_ft_records_and_saves_its_second_phase_alone(make: Make, fit: Fit) -> None:
    logbook = RecordingLogbook()
    fit(make("lp-ft", probe_epochs=4, epochs=2), logbook=logbook)
    assert [epoch.number for epoch in logbook.epochs] == [1, 2]
    assert logbook.saved == 2


def test_lp_ft_distorts_less_than_ft(make: Make, fit: Fit) -> None:
    """What the method is for: a head that fits moves the tower less than a random one."""
    start = tiny_model().image_tower.state_dict()
    away = []
    for method in (
        make("lp-ft", probe_epochs=40, probe_lr=5e-2, epochs=3, optimizer="adam"),
        make("ft", epochs=3),
    ):
        state = fit(method)
        away.append(
            sum(float((state[f"image_tower.{n}"] - w).square().sum()) for n, w in start.items())
        )
    assert away[0] < away[1]


def test_alpha_0_is_zero_shot_and_1_is_what_was_trained(
    make: Make, data: Any, images: Images
) -> None:
    model = tiny_model()
    zs = make_zero_shot(ZsParams(), Context()).fit(model, None, data.classes, RecordingLogbook())
    zero_shot = zs.logits(images(model))
    held = Held(images(model), [{"accuracy": 0.5}] * 5)
    made: dict[float, torch.Tensor] = {}
    for alpha in (0.0, 1.0):
        other = tiny_model()
        held = Held(images(other), [{"accuracy": 0.5}] * 3)
        classifier = make("wise-ft", alpha=alpha).fit(other, data.train, data.classes, held)
        made[alpha] = classifier.logits(images(other))
    torch.testing.assert_close(made[0.0], zero_shot, rtol=0, atol=2e-5)
    assert made[1.0].equal(held.logits[1])  # of the last epoch
    assert not made[1.0].isclose(zero_shot, atol=0.1).all()


def test_between_them_every_weight_is_interpolated(make: Make, fit: Fit) -> None:
    start, part, end = (fit(make("wise-ft", alpha=alpha)) for alpha in (0.0, 0.3, 1.0))
    for name in start:
        expected = 0.7 * start[name].double() + 0.3 * end[name].double()
        torch.testing.assert_close(part[name].double(), expected, rtol=0, atol=1e-6)
    assert not start["embedding_head.weight"].equal(end["embedding_head.weight"])


def test_the_first_head_is_made_of_prompts(make: Make, fit: Fit, data: Any) -> None:
    model = tiny_model()
    head = fit(make("wise-ft", alpha=0.0), model)
    for row, prompts in zip(
        head["embedding_head.weight"], model.prompts(data.classes), strict=True
    ):
        each = F.normalize(model.encode_text(prompts).double(), dim=-1)
        expected = 20 * F.normalize(each.mean(0), dim=0)
        torch.testing.assert_close(row.double(), expected, rtol=0, atol=1e-5)
    assert head["embedding_head.bias"].equal(torch.zeros(3))


SWEEP = (1.0, 0.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("scores", "choose_by", "chosen"),
    [
        ([(0.4, 0.9), (0.6, 0.8), (0.5, 0.1)], "accuracy", 0.5),
        ([(0.4, 0.9), (0.6, 0.8), (0.5, 0.1)], "pt", 0.0),
        ([(0.4, 0.9), (0.6, 0.8), (0.6, 0.9)], "accuracy", 0.5),
        ([(0.4, None), (0.6, None), (0.5, 0.1)], "pt", 1.0),
        ([(0.7, None), (0.7, None), (0.7, 0.0)], "accuracy", 0.0),
    ],
)
def test_of_several_alphas_the_best_is_taken(
    scores: list[tuple[float, float | None]],
    choose_by: str,
    chosen: float,
    make: Make,
    fit: Fit,
) -> None:
    said: list[dict[str, float | None]] = [
        {"accuracy": accuracy, "pt": pt} for accuracy, pt in scores
    ]
    logbook = RecordingLogbook([{"accuracy": 0.0, "pt": 0.0}, {"accuracy": 0.0, "pt": 0.0}, *said])
    state = fit(make("wise-ft", alpha=SWEEP, choose_by=choose_by), logbook=logbook)
    alone = fit(make("wise-ft", alpha=chosen))
    assert all(state[name].equal(value) for name, value in alone.items())
    rows = [{"alpha": a, **s} for a, s in zip((0.0, 0.5, 1.0), said, strict=True)]
    assert logbook.told == {"alphas": rows, "alpha": chosen}
    assert [epoch.number for epoch in logbook.epochs] == [1, 2]


def test_each_alpha_is_scored_with_its_own_weights(make: Make, data: Any, images: Images) -> None:
    model = tiny_model()
    held = Held(images(model), [{"accuracy": 0.5}] * 5)
    make("wise-ft", alpha=SWEEP).fit(model, data.train, data.classes, held)
    for at, alpha in enumerate((0.0, 0.5, 1.0)):
        alone = tiny_model()
        classifier = make("wise-ft", alpha=alpha).fit(
            alone, data.train, data.classes, RecordingLogbook()
        )
        assert held.logits[2 + at].equal(classifier.logits(images(alone)))


def test_a_single_alpha_needs_no_validation_and_is_scored_where_there_is_one(
    make: Make, fit: Fit
) -> None:
    blind, seeing = (
        RecordingLogbook(),
        RecordingLogbook([{"accuracy": 0.1}] * 2 + [{"accuracy": 0.8}]),
    )
    one = fit(make("wise-ft", alpha=0.5), logbook=blind)
    other = fit(make("wise-ft", alpha=0.5), logbook=seeing)
    assert all(other[name].equal(value) for name, value in one.items())
    assert blind.told == {"alpha": 0.5}
    assert seeing.told == {"alphas": [{"alpha": 0.5, "accuracy": 0.8}], "alpha": 0.5}


def test_a_sweep_says_what_it_needs(make: Make, fit: Fit) -> None:
    with pytest.raises(RatevalError, match=r'choose_by = "accuracy": .* add a table \[held_out\]'):
        fit(make("wise-ft", alpha=(0.2, 0.4)))
    with pytest.raises(RatevalError, match=r'choose_by = "ir": unknown; .* by accuracy: name one'):
        fit(
            make("wise-ft", alpha=(0.2, 0.4), choose_by="ir"),
            logbook=RecordingLogbook([{"accuracy": 0.5}] * 4),
        )
    nothing = RecordingLogbook([{"accuracy": 0.5, "pt": None}] * 4)
    with pytest.raises(RatevalError, match=r'^wise-ft: choose_by = "pt" is undefined for every'):
        fit(make("wise-ft", alpha=(0.2, 0.4), choose_by="pt"), logbook=nothing)


def test_alphas_are_sorted_and_unique() -> None:
    assert WiseFtParams(alpha=0.25).alphas == (0.25,)
    assert WiseFtParams(alpha=(0.5, 0.0, 0.5)).alphas == (0.0, 0.5)
