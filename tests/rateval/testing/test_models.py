from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Readout
from rateval.testing import ConformanceError, TinyModel, check_model, tiny_model


@pytest.mark.parametrize("readout", get_args(Readout))
def test_the_tiny_model_keeps_every_promise(readout: Readout) -> None:
    check_model(tiny_model(readout=readout))


def test_the_tiny_model_depends_on_its_seed_alone() -> None:
    torch.manual_seed(1)
    one = tiny_model(3).module.state_dict()
    torch.manual_seed(2)
    other, different = tiny_model(3).module.state_dict(), tiny_model(4).module.state_dict()
    assert all(one[name].equal(other[name]) for name in one)
    assert any(not one[name].equal(different[name]) for name in one)


class Squashing(TinyModel):
    """Its mask is squashed where its image is cropped."""

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        image = Image.fromarray(mask.astype(np.uint8)).resize((32, 24), Image.Resampling.NEAREST)
        return torch.from_numpy(np.asarray(image) > 0)


class Changing(TinyModel):
    """It computes something else while it records."""

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        with super().record_attention(layers) as record:
            self.tower.norm.eps = 1e-3
            yield record
            self.tower.norm.eps = 1e-5


def wrap_keepers(model: TinyModel, wrap: Callable[[Any], Any]) -> None:
    for part in model.tower.modules():
        if getattr(part, "keep", None) is not None:
            vars(part)["keep"] = wrap(vars(part)["keep"])


def storing(change: Callable[[torch.Tensor], torch.Tensor]) -> type[TinyModel]:
    """Make a model that records something else than what the output was computed from."""

    class Storing(TinyModel):
        @contextmanager
        def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
            def wrap(keep: Any) -> Any:
                def keep_changed(attention: torch.Tensor) -> torch.Tensor:
                    before = set(record)
                    used: torch.Tensor = keep(attention)
                    record.update({key: change(record[key]) for key in set(record) - before})
                    return used

                return keep_changed

            with super().record_attention(layers) as record:
                wrap_keepers(self, wrap)
                yield record

    return Storing


def half_negative(attention: torch.Tensor) -> torch.Tensor:
    """Keep the sum of each row."""
    return torch.cat([attention[..., :-2], attention[..., -2:-1] - 1, attention[..., -1:] + 1], -1)


def rounded_under_autocast(attention: torch.Tensor) -> torch.Tensor:
    return attention.bfloat16() if torch.is_autocast_enabled("cpu") else attention


class OtherUnderAutocast(TinyModel):
    """It computes something else in half precision."""

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return super().features(images) * (1 + torch.is_autocast_enabled("cpu"))


class GoingOn(TinyModel):
    """It records after its context, too."""

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        keeps = {}
        with super().record_attention(layers) as record:
            keeps.update({id(p): vars(p).get("keep") for p in self.tower.modules()})
            yield record
        for part in self.tower.modules():
            if keeps[id(part)] is not None:
                vars(part)["keep"] = keeps[id(part)]


class Damaged(TinyModel):
    """An exception inside the context costs it a weight."""

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        with super().record_attention(layers) as record:
            try:
                yield record
            except Exception:
                self.tower.norm.weight.mul_(1.5)
                raise


class Detached(TinyModel):
    """Its output lost the graph of what was recorded."""

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        with super().record_attention(layers) as record:
            wrap_keepers(self, lambda keep: lambda attention: keep(attention).detach())
            yield record


class Everything(TinyModel):
    """It records all layers, whatever was asked."""

    def record_attention(self, layers: Sequence[int]) -> Any:
        return super().record_attention(range(self.depth))


class Hooked(TinyModel):
    """It leaves a hook when the context is left by an exception."""

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        handle = self.tower.norm.register_forward_hook(lambda *_: None)
        with super().record_attention(layers) as record:
            yield record
            handle.remove()


class Closed(TinyModel):
    """Its recording computes with the modules that it was made with, in a copy, too."""

    def __init__(self) -> None:
        super().__init__()
        made_with: Any = self.tower.blocks[0].attention
        # A function is not copied along.
        self.attend: Any = lambda tokens: type(made_with).forward(made_with, tokens)

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        attention: Any = self.tower.blocks[0].attention
        with super().record_attention(layers) as record:
            attention.forward = self.attend
            try:
                yield record
            finally:
                del attention.forward


def broken(**changes: object) -> Callable[[], TinyModel]:
    """Make a maker of tiny models with some members replaced."""

    def make() -> TinyModel:
        model = tiny_model()
        for name, value in changes.items():
            setattr(model, name, value)
        return model

    return make


def card(**changes: Any) -> Callable[[], TinyModel]:
    """Make a maker of tiny models with a changed card."""
    return broken(card=dataclasses.replace(tiny_model().card, **changes))


def scaled(value: torch.Tensor) -> type[TinyModel]:
    return type("Scaled", (TinyModel,), {"logit_scale": property(lambda self: value)})


def noisy() -> TinyModel:
    model = tiny_model()
    plain = model.encode_image
    model.encode_image = lambda images: plain(images) + torch.rand(1)  # type: ignore[method-assign]
    return model


def batch_normed() -> TinyModel:
    model = tiny_model()
    plain = model.features
    model.features = lambda images: plain(images) - plain(images).mean(0)  # type: ignore[method-assign]
    return model


def training() -> TinyModel:
    model = tiny_model()
    model.module.train()
    return model


def nan_weights() -> TinyModel:
    model = tiny_model()
    model.tower.projection.weight.fill_(float("nan"))
    return model


def unfitted(image: Image.Image) -> torch.Tensor:
    pixels = np.asarray(image, dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def unfitted_mask(mask: NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(mask)


ONE_WORD = torch.ones(1, 12)
BROKEN: dict[str, tuple[Callable[[], TinyModel], str]] = {
    "grid": (broken(grid=[3, 4]), r"Model.grid must be \(rows, cols\)"),
    "wrong grid": (broken(grid=(4, 4)), r"layer 0, must be \(B, heads, N, N\)"),
    "card": (broken(card={"architecture": "x"}), "Model.card must be a ModelCard; got dict"),
    "no licence": (card(licence=""), "ModelCard.licence must be text; got ''"),
    "text length": (card(text_length=0), "ModelCard.text_length must be an int of at least 1"),
    "card's size": (
        card(image_size=(32, 24)),
        r"ModelCard.image_size must be what preprocess yields, \(24, 32\); got \(32, 24\)",
    ),
    "card's mean": (
        card(mean=(0.5, 0.4, 0.5)),
        "ModelCard.mean and std must be what preprocess subtracts and divides by",
    ),
    "card's keys": (card(keys_used=3), "ModelCard.keys_used must count the tensors .* got 3 from"),
    "readout": (broken(readout="max"), "Model.readout must be one of class token, attention pool"),
    "half precision": (
        OtherUnderAutocast,
        "Model.features must come close to float32 in bfloat16; got a relative difference",
    ),
    "half attention": (
        storing(rounded_under_autocast),
        r"layer 2, in bfloat16 must be \(B, heads, N, N\) float32, .*14\) bfloat16",
    ),
    "no pool": (broken(readout="attention pool"), r"must be \(B, heads, 1, N\), .* got \(3, 2, 14"),
    "prefix": (broken(prefix_tokens=0), "Model.prefix_tokens must be an int of at least 1"),
    "depth": (broken(depth="12"), "Model.depth must be an int"),
    "module": (broken(module=None), "Model.module must be a torch.nn.Module"),
    "tower": (broken(image_tower=torch.nn.Linear(1, 1)), "must be a part of Model.module"),
    "training mode": (training, "Model.module must be in eval mode"),
    "scale": (scaled(torch.tensor([4.6])), r"Model.logit_scale must be \(\) float32"),
    "log scale": (scaled(torch.tensor(-1.0)), "must be positive: already exponentiated"),
    "preprocess": (
        broken(preprocess=lambda image: torch.zeros(3, 24, 32, dtype=torch.float64)),
        r"Model.preprocess must be \(3, H, W\) float32.*got \(3, 24, 32\) float64",
    ),
    "mask dtype": (
        broken(preprocess_mask=lambda mask: torch.zeros(24, 32)),
        r"Model.preprocess_mask must be \(H, W\) bool, here \(24, 32\)",
    ),
    "mask geometry": (Squashing, "must follow the geometry of preprocess"),
    "noise": (noisy, "Model.encode_image must be the same for the same images"),
    "batch": (batch_normed, "Model.features must not depend on the batch"),
    "sizes": (
        broken(preprocess=unfitted, preprocess_mask=unfitted_mask),
        r"Model.preprocess must give every image one size; got \[\(3, 30, 40\)",
    ),
    "embedding": (
        broken(encode_image=lambda images: torch.rand(len(images))),
        r"Model.encode_image must be \(B, D\) float32",
    ),
    "nan text": (
        broken(encode_text=lambda prompts: torch.full((len(prompts), 12), float("nan"))),
        "Model.encode_text must be finite",
    ),
    "text batch": (
        broken(encode_text=lambda prompts: torch.rand(3, 12)[: len(prompts)] + len(prompts)),
        "Model.encode_text must not depend on the other prompts",
    ),
    "nan": (nan_weights, "Model.encode_image must be finite"),
    "prompts": (
        broken(prompts=lambda classes: [f"a {name}" for name in classes]),
        "Model.prompts must be one list of at least one string for each class",
    ),
    "no prompt": (broken(prompts=lambda classes: [[] for _ in classes]), "Model.prompts must be"),
    "text width": (
        broken(encode_text=lambda prompts: torch.rand(len(prompts), 7)),
        r"Model.encode_text must be \(K, D\) with encode_image's D float32, here \(3, 12\)",
    ),
    "deaf text": (
        broken(encode_text=lambda prompts: ONE_WORD.repeat(len(prompts), 1)),
        "Model.encode_text must tell different prompts apart",
    ),
    "changing": (Changing, "Model.record_attention must not change encode_image"),
    "row sums": (storing(lambda a: a * 1.1), "layer 0, must hold rows that sum to 1; got a row"),
    "negative": (storing(half_negative), "layer 0, must hold probabilities; got -"),
    "no gradient": (storing(lambda a: a.detach()), "must require a gradient though no weight"),
    "going on": (GoingOn, "must stop recording when its context ends; got a record that went on"),
    "damaged": (Damaged, "restore the modules after an exception in it; got other embeddings"),
    "copying": (
        storing(lambda a: a.clone()),
        "must be what encode_image was computed from",
    ),
    "detached": (Detached, "must put the record in the graph of encode_image; got no graph"),
    "everything": (Everything, r"Model.record_attention must record layers \[2\]"),
    "closed": (Closed, "also on a deep copy; got a relative difference of .* after training one"),
    "hooked": (Hooked, "must restore the modules after an exception in it; got changes in image"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_named(name: str) -> None:
    make, message = BROKEN[name]
    with torch.random.fork_rng([]), pytest.raises(ConformanceError, match=message):
        torch.manual_seed(0)
        check_model(make())


def test_a_missing_member_is_named() -> None:
    with pytest.raises(
        ConformanceError, match=r"Model: object must offer .*; got no card, depth, "
    ):
        check_model(object())  # type: ignore[arg-type]


def test_the_check_leaves_requires_grad_as_it_was() -> None:
    model = tiny_model()
    model.tower.norm.weight.requires_grad_(True)
    check_model(model)
    trained = {name for name, weight in model.module.named_parameters() if weight.requires_grad}
    assert trained == {"image.norm.weight"}
