"""A user's modules during a call: on one device, frozen, and afterwards as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from rateval.errors import RatevalError
from rateval.live.components import CALL


def device_of(module: torch.nn.Module) -> str:
    """Return where the weights of a module are. Raises RatevalError when that is no one place.

    >>> device_of(torch.nn.Linear(1, 1))
    'cpu'
    """
    places = {str(tensor.device) for tensor in (*module.parameters(), *module.buffers())}
    if "meta" in places:
        raise RatevalError(f"{CALL}: model: it has no weights yet (device meta); load them first")
    if len(places) > 1:
        raise RatevalError(
            f"{CALL}: model: its weights are on {', '.join(sorted(places))}; bring it to one "
            "device, by model.to(…)"
        )
    return places.pop().removesuffix(":0") if places else "cpu"


@contextmanager
def borrowed(modules: Sequence[torch.nn.Module], device: str) -> Iterator[None]:
    """Have modules on ``device`` in eval mode within the context, and no weight to be trained.

    Afterwards training modes, ``requires_grad``, gradients and devices are what they were, also
    after an exception.

    >>> layer = torch.nn.Linear(1, 1)
    >>> with borrowed([layer], "cpu"):
    ...     layer.training, layer.weight.requires_grad
    (False, False)
    >>> layer.training, layer.weight.requires_grad
    (True, True)
    """
    weights = [weight for module in modules for weight in module.parameters()]
    modes = [(part, part.training) for module in modules for part in module.modules()]
    kept = [(weight, weight.requires_grad, weight.grad) for weight in weights]
    places = [(module, device_of(module)) for module in modules]
    try:
        for weight in weights:
            weight.grad = None
        for module in modules:
            module.to(device).eval().requires_grad_(False)
        yield
    finally:
        for module, place in places:
            module.to(place)
        for part, mode in modes:
            part.training = mode
        for weight, required, gradient in kept:
            weight.requires_grad_(required)
            weight.grad = gradient
