"""What every explainer of answers promises, on a toy model in three forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch

import rateval
from rateval.api import Explanation, RatevalError
from rateval.api.tasks.texts import Answered, TextAttribution
from rateval.registry.discovery import discover
from rateval.testing import tiny_classifier

from .toy import RIVALS, SIZE, Form, ask, make_toy

FORMS: tuple[Form, ...] = ("vqa", "caption", "decoder")
SPANS = ((0, 5), (0, 3), (4, 8))
EXPLAINERS: dict[str, dict[str, Any]] = {
    "generic-attention": {},
    "cross-attention-grad-cam": {},
    "token-attention": {},
    "integrated-gradients": {"steps": 4},
    "random": {"seed": 3},
    "center-prior": {},
    "precomputed": {},
}
CASES = [
    (name, form)
    for name in EXPLAINERS
    for form in FORMS
    if (name, form) != ("cross-attention-grad-cam", "decoder")
]


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    relevance = np.random.default_rng(0).random((3, 2, 3), dtype=np.float32)
    np.savez(tmp_path / "maps.npz", ids=np.array(["a", "b", "c"]), relevance=relevance)
    return tmp_path / "maps.npz"


def make(name: str, maps: Path, **params: Any) -> TextAttribution:
    more = {"path": str(maps)} if name == "precomputed" else {}
    made = rateval.create("attribution", name, **EXPLAINERS[name] | more | params)
    return cast(TextAttribution, made)


def relevance(attribution: TextAttribution, form: Form, asked: Answered, **options: Any) -> Any:
    return attribution.explain_answers(make_toy(form, **options)[1], asked).relevance


@pytest.mark.parametrize(("name", "form"), CASES)
def test_form_and_a_model_left_as_it_was(name: str, form: Form, maps: Path) -> None:
    toy, answerer = make_toy(form)
    weights = dict(toy.module.named_parameters())
    next(iter(weights.values())).requires_grad_(False)
    before = {key: (value.detach().clone(), value.requires_grad) for key, value in weights.items()}
    asked = ask(form)
    attribution = make(name, maps)
    for surroundings in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with surroundings():
            found = attribution.explain_answers(answerer, asked)
            assert isinstance(found, Explanation)
            assert found.logits is None
            assert found.relevance.shape == (3, 2, 3)
            assert found.relevance.dtype == torch.float32
            assert not found.relevance.requires_grad
            assert bool(found.relevance.isfinite().all() & (found.relevance >= 0).all())
            assert bool((found.relevance.sum(dim=(1, 2)) > 0).all())
    for key, value in weights.items():
        assert value.grad is None
        assert (value.requires_grad, value.equal(before[key][0])) == (before[key][1], True)
    assert not asked.images.requires_grad


@pytest.mark.parametrize("pad", ["left", "right"])
@pytest.mark.parametrize("given", ["whole", "span", "margin"])
@pytest.mark.parametrize(("name", "form"), CASES)
def test_each_map_depends_on_its_own_answer_alone(
    name: str, form: Form, given: str, pad: Literal["left", "right"], maps: Path
) -> None:
    scored = name in ("generic-attention", "cross-attention-grad-cam", "integrated-gradients")
    attribution = make(name, maps, **({"score": "margin"} if given == "margin" and scored else {}))
    spans = SPANS if given == "span" else None
    whole = relevance(attribution, form, ask(form, spans=spans, rivals=RIVALS), pad=pad)
    for row in range(3):
        only = slice(row, row + 1)
        more = {"spans": spans and spans[only], "rivals": RIVALS[only]}
        alone = relevance(attribution, form, ask(form, only, **more), pad=pad)[0]
        assert float((alone - whole[row]).abs().max() / alone.max()) < 1e-4


@pytest.mark.parametrize(("name", "form"), CASES)
def test_the_side_of_padding_is_nothing_to_a_map(name: str, form: Form, maps: Path) -> None:
    attribution = make(name, maps)
    left, right = (relevance(attribution, form, ask(form), pad=side) for side in ("left", "right"))
    assert float((left - right).abs().max() / right.max()) < 1e-4


@pytest.mark.parametrize("name", EXPLAINERS)
def test_they_are_registered_for_what_they_do(name: str, maps: Path) -> None:
    found = discover(third_party=False).find("attribution", name)
    assert found is not None
    assert {"vqa", "captioning"} <= set(found.component.tasks)


@pytest.mark.parametrize("name", ["cross-attention-grad-cam", "token-attention"])
def test_those_of_texts_alone_refuse_a_classifier(name: str, maps: Path) -> None:
    found: Any = make(name, maps)
    with pytest.raises(RatevalError, match=f"^{name} explains answers .*; use (grad-cam|raw-att)"):
        found.explain(tiny_classifier(), torch.zeros(1, 3, 24, 32), torch.tensor([0]))


def test_others_say_that_they_explain_classes_alone() -> None:
    components = discover(third_party=False).of_kind("attribution")
    for component in (found.component for found in components):
        if component.name not in EXPLAINERS:
            assert component.tasks == ("classification",)


def test_two_questions_about_an_image_are_drawn_for_alone(maps: Path) -> None:
    one = ask("vqa")
    same = Answered(one.images[:1].repeat(4, 1, 1, 1), *_four(), ids=("a",) * 4)
    drawn = relevance(make("random", maps), "vqa", same).flatten(1)
    assert drawn[0].equal(drawn[1])
    assert not drawn[0].equal(drawn[2])
    assert not drawn[0].equal(drawn[3])


def _four() -> tuple[tuple[str, ...], tuple[str, ...]]:
    return ("who", "who", "how", "who"), ("red", "red", "red", "blue")


@pytest.mark.parametrize("score", ["raw", "margin"])
def test_integrated_gradients_of_three_points(score: str, maps: Path) -> None:
    asked = ask("vqa", rivals=RIVALS)
    attribution = make("integrated-gradients", maps, steps=3, nodes="uniform", score=score)
    found = attribution.explain_answers(make_toy("vqa")[1], asked)
    assert found.differences is not None
    assert found.gaps is not None
    exact, _ = make_toy("vqa", dtype="float64")
    black = torch.full((1, 3, *SIZE), -2.0).double()
    for row, one in enumerate(asked.images.double()):
        given, image = slice(row, row + 1), one[None]

        def value(view: torch.Tensor, given: slice = given) -> torch.Tensor:
            question = asked.questions[given]
            own = exact.score(view, question, asked.answers[given]).log_probabilities.sum()
            rival = exact.score(view, question, RIVALS[given]).log_probabilities.sum()
            return own - rival if score == "margin" else own

        pixels = torch.zeros(*SIZE).double()
        for share in (1 / 6, 1 / 2, 5 / 6):
            point = (black + share * (image - black)).requires_grad_()
            (slope,) = torch.autograd.grad(value(point), point)
            pixels += (slope * (image - black))[0].sum(0) / 3
        expected = [
            float(pixels[r : r + 4, c : c + 4].abs().sum()) for r in (0, 4) for c in (0, 4, 8)
        ]
        assert found.relevance[row].flatten().tolist() == pytest.approx(expected, rel=1e-3)
        difference = float((value(image) - value(black)).detach())
        assert float(found.differences[row]) == pytest.approx(difference, abs=1e-4)
        gap = abs(float(pixels.sum()) - difference)
        assert float(found.gaps[row]) == pytest.approx(gap, abs=1e-3)


def test_precomputed_maps_are_those_of_the_questions(maps: Path) -> None:
    stored = np.load(maps)["relevance"]
    found = relevance(make("precomputed", maps), "vqa", ask("vqa", slice(1, 3)))
    assert np.array_equal(found.numpy(), stored[1:])
    one = ask("vqa", slice(0, 1))
    absent = Answered(one.images, one.questions, one.answers, ("other",))
    with pytest.raises(RatevalError, match=r"holds no map for .*other"):
        relevance(make("precomputed", maps), "vqa", absent)
    with pytest.raises(RatevalError, match="needs the sizes of the photos"):
        relevance(make("precomputed", maps, geometry="image"), "vqa", one)
