"""What every model promises about the recording of its attention."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from rateval.api.protocols import Model
from rateval.testing.failure import difference, require, require_tensor

_WHERE = "Model.record_attention"
_TOLERANCE = 1e-5


class _OnPurposeError(Exception):
    """An error that leaves the context as one of the caller's would."""


def check_record_attention(model: Model, images: torch.Tensor) -> None:
    """Check what is recorded for (B, 3, H, W) float32, its gradients, and that nothing stays.

    Raises ConformanceError at the first broken promise.
    """
    with torch.no_grad():
        plain = {name: getattr(model, name)(images) for name in ("encode_image", "features")}
    before = _settings(model.module)
    with _frozen(model.module):
        for layers in (range(model.depth), [model.depth - 1], [0]):
            for name, expected in plain.items():
                _check_pass(model, images, layers, name, expected)
    _check_restored(model, images, before, plain["encode_image"], "after the context")
    with suppress(_OnPurposeError), model.record_attention(range(model.depth)):
        model.encode_image(images)
        raise _OnPurposeError
    _check_restored(model, images, before, plain["encode_image"], "after an exception in it")
    _check_copy(model, images)


def _check_pass(
    model: Model, images: torch.Tensor, layers: Sequence[int], name: str, expected: torch.Tensor
) -> None:
    with model.record_attention(layers) as record:
        out = getattr(model, name)(images)
    wanted = sorted(layers)
    require(sorted(record) == wanted, _WHERE, f"record layers {wanted}", sorted(record))
    off = difference(out.detach(), expected)
    require(
        off <= _TOLERANCE,
        _WHERE,
        f"not change {name}",
        f"a relative difference of {off:.1e} while recording layers {wanted}",
    )
    for layer, attention in record.items():
        _check_probabilities(model, layer, attention, len(images))
    _check_gradients(record, out, name)
    kept = dict(record)
    with torch.no_grad():
        getattr(model, name)(images)
    same = record.keys() == kept.keys() and all(record[key] is kept[key] for key in kept)
    require(same, _WHERE, "stop recording when its context ends", "a record that went on")


def _check_probabilities(model: Model, layer: int, attention: torch.Tensor, count: int) -> None:
    where = f"{_WHERE}, layer {layer},"
    rows, cols = model.grid
    tokens = model.prefix_tokens + rows * cols
    is_pool = model.readout == "attention pool" and layer == model.depth - 1
    meaning = f"(B, heads, {'1' if is_pool else 'N'}, N), N = prefix_tokens + rows * cols,"
    shape = (count, None, 1 if is_pool else tokens, tokens)
    require_tensor(attention, shape, torch.float32, where, meaning)
    values = attention.detach()
    off = float((values.sum(-1) - 1).abs().max())
    require(off <= _TOLERANCE, where, "hold rows that sum to 1", f"a row off by {off:.1e}")
    require((values >= 0).all(), where, "hold probabilities", f"{values.min().item():.1e}")
    require(attention.requires_grad, where, "require a gradient though no weight does", "False")


def _check_gradients(record: dict[int, torch.Tensor], out: torch.Tensor, name: str) -> None:
    require(out.requires_grad, _WHERE, f"put the record in the graph of {name}", "no graph")
    direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
    score = (out * direction.to(out)).sum()
    gradients = torch.autograd.grad(score, list(record.values()), allow_unused=True)
    for layer, gradient in zip(record, gradients, strict=True):
        flows = gradient is not None and bool(gradient.isfinite().all() and gradient.any())
        require(
            flows,
            f"{_WHERE}, layer {layer},",
            f"be what {name} was computed from, so that a gradient reaches it",
            "none" if gradient is None else "zeros or values that are not finite",
        )


def _check_restored(
    model: Model,
    images: torch.Tensor,
    before: dict[str, dict[str, Any]],
    plain: torch.Tensor,
    when: str,
) -> None:
    after = _settings(model.module)
    changed = sorted(
        name or "the module itself"
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    )
    asked = f"restore the modules {when}"
    require(not changed, _WHERE, asked, f"changes in {', '.join(changed[:5])}")
    with torch.no_grad():
        same = model.encode_image(images).equal(plain)
    require(same, _WHERE, asked, "other embeddings than before")


def _check_copy(model: Model, images: torch.Tensor) -> None:
    # A fine-tuner trains a copy; a closure over the original's modules would record those.
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for weight in changed.image_tower.parameters():
            weight.mul_(1.25)
        expected = changed.encode_image(images)
        with changed.record_attention(range(model.depth)):
            off = difference(changed.encode_image(images), expected)
    asked = "compute with the weights of the model that it was called on, also on a deep copy"
    require(off <= 1e-4, _WHERE, asked, f"a relative difference of {off:.1e} after training one")


def _settings(module: torch.nn.Module) -> dict[str, dict[str, Any]]:
    # Plain values, hooks and replaced methods; tensors are compared by what they compute.
    return {
        name: {
            "type": type(part),
            "attributes": frozenset(vars(part)),
            "hooks": len(part._forward_hooks) + len(part._forward_pre_hooks),
            **{
                key: value
                for key, value in vars(part).items()
                if isinstance(value, bool | int | float | str | None)
            },
        }
        for name, part in module.named_modules()
    }


@contextmanager
def _frozen(module: torch.nn.Module) -> Iterator[None]:
    flags = [(weight, weight.requires_grad) for weight in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for weight, flag in flags:
            weight.requires_grad_(flag)
