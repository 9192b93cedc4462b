"""The blocks of an image tower: what they hand on, recorded, and tokens put in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

from rateval.modelkit.recording import Attend, record_probabilities, replaced_forward


@contextmanager
def record_blocks(
    layers: Mapping[int, tuple[torch.nn.Module, Attend]], blocks: Sequence[torch.nn.Module]
) -> Iterator[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
    """Record attention and tokens of blocks within the context: what ``record_blocks`` promises.

    ``layers`` are as ``record_probabilities`` takes them, and ``blocks`` hold them: block i returns
    the tokens after layer i, (B, N, D), alone or first in a tuple. A forward pass inside fills the
    dict that is yielded: layer to probabilities (B, heads, N, N) float32 and tokens (B, N, D), in
    one graph.
    """
    recorded: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    with record_probabilities(layers) as attention, ExitStack() as stack:

        def keep(index: int, _block: Any, _given: Any, output: Any) -> None:
            tokens = output[0] if isinstance(output, tuple) else output
            recorded[index] = (attention[index], tokens)

        for index in layers:
            handle = blocks[index].register_forward_hook(partial(keep, index))
            stack.callback(handle.remove)
        yield recorded


@contextmanager
def passing(blocks: Sequence[torch.nn.Module], tokens: torch.Tensor) -> Iterator[None]:
    """Let a tower go on with ``tokens`` (B, N, D) after its last block, whatever it is given.

    The blocks compute nothing within the context. They must return tokens alone.

    >>> blocks = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    >>> with passing([*blocks], torch.ones(1, 3, 2)):
    ...     blocks(torch.zeros(1, 3, 2)).unique()
    tensor([1.])
    """
    with ExitStack() as stack:
        for block in blocks[:-1]:
            stack.enter_context(replaced_forward(block, _hand_on))
        stack.enter_context(replaced_forward(blocks[-1], lambda *_, **__: tokens))
        yield


def _hand_on(tokens: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return tokens
