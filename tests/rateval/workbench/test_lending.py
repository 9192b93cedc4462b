"""Models are copied for methods, but for the weights of those that leave them as they are."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from rateval.api.component import Context
from rateval.errors import PluginError
from rateval.testing import TinyModel, tiny_model
from rateval.workbench.bench import Workbench
from rateval.workbench.lending import Lent


class Method:
    """What a finetuner says of the weights."""

    def __init__(self, leaves: object) -> None:
        self.leaves_weights = leaves


@pytest.fixture
def loaded() -> list[TinyModel]:
    """Models in the order that they were loaded in."""
    return []


@pytest.fixture
def bench(loaded: list[TinyModel], monkeypatch: pytest.MonkeyPatch) -> Workbench:
    def make(*_: object) -> TinyModel:
        loaded.append(tiny_model())
        return loaded[-1]

    monkeypatch.setattr(Workbench, "_make", make)
    monkeypatch.setattr(Workbench, "_key", lambda *_: ("model", None))
    return Workbench(Context(device="cpu"))


MODEL: Any = None
"""A choice of a model; the bench above asks it nothing."""


def weights(model: Any) -> list[torch.Tensor]:
    return list(itertools.chain(model.module.parameters(), model.module.buffers()))


def lend(bench: Workbench, leaves: object = True) -> Any:
    return bench.lending(MODEL, None, Method(leaves))  # type: ignore[arg-type]


@pytest.mark.parametrize("leaves", [True, False, None, 1])
def test_only_who_leaves_weights_gets_them_uncopied(
    bench: Workbench, loaded: list[TinyModel], leaves: object
) -> None:
    with lend(bench, leaves) as model:
        pairs = list(zip(weights(model), weights(loaded[0]), strict=True))
    assert all(one.equal(other) for one, other in pairs)
    same = {one.data_ptr() == other.data_ptr() for one, other in pairs}
    assert same == {leaves is True}


def test_modules_flags_and_hooks_are_the_copys_own(
    bench: Workbench, loaded: list[TinyModel]
) -> None:
    bench.object(MODEL, None).module.requires_grad_(True)
    with lend(bench) as model:
        assert all(weight.requires_grad for weight in model.module.parameters())
        model.module.requires_grad_(False)
        model.module.train()
        model.module.extra = torch.nn.Linear(2, 2)
        model.module.register_forward_hook(lambda *_: None)
    (original,) = loaded
    assert all(weight.requires_grad for weight in original.module.parameters())
    assert not original.module.training
    assert not hasattr(original.module, "extra")
    assert not original.module._forward_hooks


def test_a_copy_computes_what_the_model_does(bench: Workbench, loaded: list[TinyModel]) -> None:
    images = torch.rand(2, 3, 24, 32)
    with lend(bench) as model, torch.no_grad():
        assert model.encode_image(images).equal(loaded[0].encode_image(images))


def test_who_says_so_and_changes_weights_is_told_and_the_model_loaded_anew(
    bench: Workbench, loaded: list[TinyModel]
) -> None:
    said = r"leaves_weights = True, so that the model isn't copied for it, and changes \S+ in place"
    with pytest.raises(PluginError, match=said), lend(bench) as model, torch.no_grad():
        weights(model)[1].mul_(2)
    with lend(bench) as model:
        expected = weights(tiny_model())
        assert all(one.equal(two) for one, two in zip(weights(model), expected, strict=True))
    assert len(loaded) == 2


def test_an_error_goes_before_what_it_left_changed(
    bench: Workbench, loaded: list[TinyModel]
) -> None:
    with pytest.raises(KeyError), lend(bench) as model, torch.no_grad():
        weights(model)[0].zero_()
        raise KeyError("first")
    with lend(bench):
        assert len(loaded) == 2


def test_tied_weights_stay_tied() -> None:
    model = tiny_model()
    first, *_ = (part for part in model.module.modules() if isinstance(part, torch.nn.Linear))
    model.module.tied = torch.nn.Linear(first.in_features, first.out_features)
    model.module.tied.weight = first.weight
    copied: Any = Lent(model).copy
    twins = [part for part in copied.module.modules() if isinstance(part, torch.nn.Linear)]
    assert twins[0].weight is copied.module.tied.weight


def test_weights_of_other_kinds_are_copied() -> None:
    class Packed(torch.nn.Parameter):
        pass

    model = tiny_model()
    model.module.register_parameter("packed", Packed(torch.ones(3)))
    with torch.inference_mode():
        model.module.register_buffer("inferred", torch.ones(3))
    copied: Any = Lent(model).copy
    assert type(copied.module.packed) is Packed
    for name in ("packed", "inferred"):
        one, other = getattr(copied.module, name), getattr(model.module, name)
        assert one.data_ptr() != other.data_ptr()
        assert one.equal(other)
