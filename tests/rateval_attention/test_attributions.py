"""What all attributions of the plugin promise beside their numbers."""

from __future__ import annotations

import gc
from typing import Any, get_args

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import functional as F

import rateval
from rateval.api import Classifier, Context, Model, PluginError, RatevalError, Readout
from rateval.modelkit import load_batches
from rateval.testing import TinyModel, check_attribution, check_component, tiny_classifier
from rateval_attention.plugin import rateval_register_attributions
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams
from rateval_shapes.dataset import make_shapes
from rateval_shapes.params import ShapesParams

# Maps from files have tests of their own, test_precomputed.py, and so do texts, in answers/.
COMPONENTS = {
    c.name: c
    for c in rateval_register_attributions()
    if c.name != "precomputed" and "classification" in c.tasks
}
OF_A_CLASS: dict[str, dict[str, Any]] = {
    "generic-attention": {},
    "grad-cam": {},
    "legrad": {},
    "input-gradient": {"measure": "norm"},
    "integrated-gradients": {"steps": 6},
}
OF_ANY_CLASS = ("attention-rollout", "raw-attention", "random", "center-prior")
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("generic-attention", {"target": "runner-up"}),
    ("generic-attention", {"target": 2}),
    ("attention-rollout", {"layers": "last"}),
    ("raw-attention", {}),
    ("grad-cam", {"target": "prediction", "score": "margin"}),
    ("legrad", {"layers": 2, "target": "runner-up"}),
    ("input-gradient", {"measure": "norm", "target": 0}),
    ("integrated-gradients", {"steps": 3, "baseline": "mean"}),
]


def _images(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, 24, 32, generator=torch.Generator().manual_seed(seed))


def test_names() -> None:
    assert set(COMPONENTS) == set(OF_A_CLASS) | set(OF_ANY_CLASS)
    assert all(component.source for component in COMPONENTS.values())
    assert [name for name, component in COMPONENTS.items() if component.seeded] == ["random"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_conformance(name: str) -> None:
    few: dict[str, Any] = {"steps": 12} if name == "integrated-gradients" else {}
    check_component(COMPONENTS[name], "attribution", **few)


@pytest.mark.parametrize("readout", get_args(Readout))
@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_conformance_of_variants(name: str, params: dict[str, Any], readout: Readout) -> None:
    classifier = tiny_classifier(readout=readout)
    classifier.model.module.requires_grad_(True)
    attribution = rateval.create("attribution", name, **params)
    with torch.inference_mode():
        assert attribution.explain(classifier, _images(2), torch.tensor([0, 1])).logits is not None
    check_attribution(attribution, classifier)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(6)), cut=st.integers(1, 5), name=st.sampled_from([*COMPONENTS]))
def test_order_and_batch_make_no_difference(order: list[int], cut: int, name: str) -> None:
    images, labels = _images(6), torch.tensor([0, 1, 2, 0, 1, 2])
    attribution = rateval.create("attribution", name, **OF_A_CLASS.get(name, {}))
    classifier = tiny_classifier()
    whole = attribution.explain(classifier, images, labels).relevance
    parts = [
        attribution.explain(classifier, images[part], labels[part]).relevance
        for part in (order[:cut], order[cut:])
    ]
    peak = float(whole.max())
    torch.testing.assert_close(torch.cat(parts), whole[order], atol=1e-5 * peak, rtol=0)


class Cosine:
    def __init__(self, model: Model, names: tuple[str, ...]) -> None:
        self.model = model
        with torch.no_grad():
            prompts = [prompt for prompts in model.prompts(names) for prompt in prompts]
            self.classes = F.normalize(model.encode_text(prompts), dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ self.classes.T

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


Scenes = tuple[Classifier, torch.Tensor, torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Draw scenes with two objects side by side: images, labels (B, 2), patch masks (2, B, 8, 8).

    The object of every scene is cut out and pasted onto the next one that leaves it room.
    """
    model = make_clip(ClipParams(), Context())
    params = ShapesParams(test_bias=0, test_size=120, train_size=0, style="clean")
    dataset = make_shapes(params, Context())
    (batch,) = load_batches(dataset.test, model, batch_size=120, masks=True)
    assert batch.masks is not None
    images, masks, labels = batch.images, batch.masks, batch.labels
    pairs = [
        (one, two)
        for one in range(0, 120, 2)
        for two in range(1, 120, 7)
        if labels[one] != labels[two] and not (masks[one] & masks[two]).any()
    ][:48]
    first, second = torch.tensor(pairs).T
    both = torch.where(masks[second][:, None], images[second], images[first])
    patches = F.avg_pool2d(torch.stack([masks[first], masks[second]]).float(), 8)
    return Cosine(model, dataset.classes), both, labels[torch.tensor(pairs)], patches


@pytest.mark.parametrize("name", OF_A_CLASS)
def test_maps_of_two_objects_differ_by_target(name: str, scenes: Scenes) -> None:
    classifier, images, labels, patches = scenes
    attribution = rateval.create("attribution", name, **OF_A_CLASS[name])
    maps = [
        F.normalize(attribution.explain(classifier, images, asked).relevance.flatten(1), p=1)
        for asked in labels.T
    ]
    moved = maps[0] - maps[1]
    assert float(moved.abs().sum(dim=1).median()) > 0.1
    if name in {"generic-attention", "legrad"}:
        # These move to the object that is asked for; of the others nothing more can be promised.
        to_first, to_second = (moved * patches.flatten(2)).sum(dim=2)
        assert float((to_first > to_second).float().mean()) > 0.55


@pytest.mark.parametrize("name", OF_ANY_CLASS)
def test_maps_of_no_class_do_not_differ_by_target(name: str) -> None:
    attribution, images = rateval.create("attribution", name), _images(3)
    zeros = torch.zeros(3, dtype=torch.int64)
    one, other = (
        attribution.explain(tiny_classifier(), images, zeros + label).relevance for label in (0, 2)
    )
    assert torch.equal(one, other)


def _held() -> tuple[int, int]:
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    return len(tensors), sum(tensor.untyped_storage().nbytes() for tensor in tensors)


@pytest.mark.parametrize("name", COMPONENTS)
def test_nothing_is_kept_over_two_thousand_images(name: str) -> None:
    attribution = rateval.create("attribution", name, **OF_A_CLASS.get(name, {}))
    classifier, images = tiny_classifier(), _images(40)
    labels = torch.arange(40) % 3
    attribution.explain(classifier, images, labels)
    count, size = _held()
    for _ in range(50):
        attribution.explain(classifier, images, labels)
    count_after, size_after = _held()
    assert count_after <= count
    assert size_after <= size


class Detached:
    """A classifier whose logits cannot be differentiated."""

    def __init__(self) -> None:
        self.inner = tiny_classifier()
        self.model: TinyModel = self.inner.model

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.inner.logits(images)

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


@pytest.mark.parametrize("name", ["generic-attention", "grad-cam", "legrad", "input-gradient"])
def test_a_classifier_that_hides_its_gradient(name: str) -> None:
    with pytest.raises(PluginError, match="Detached on TinyModel: the logits are not computed"):
        rateval.create("attribution", name).explain(Detached(), _images(2), torch.tensor([0, 1]))


class Stored(Detached):
    """A classifier that runs no image tower."""

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :3]


@pytest.mark.parametrize("name", ["raw-attention", "attention-rollout"])
def test_a_classifier_without_attention(name: str) -> None:
    with pytest.raises(PluginError, match="Stored on TinyModel: the logits are not computed"):
        rateval.create("attribution", name).explain(Stored(), _images(2), torch.tensor([0, 1]))


def test_a_rollout_cannot_do_without_the_pool() -> None:
    classifier = tiny_classifier(readout="attention pool")
    attribution = rateval.create("attribution", "attention-rollout", layers=[0, 1])
    with pytest.raises(RatevalError, match=r"layers = \[0, 1\]: .* attention pool, layer 3"):
        attribution.explain(classifier, _images(2), torch.tensor([0, 1]))
