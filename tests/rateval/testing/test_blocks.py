"""The suite of models finds what is wrong with the tokens of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

import pytest
import torch

from rateval.api import Readout
from rateval.testing import ConformanceError, TinyModel, tiny_model
from rateval.testing.blocks import check_blocks


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("readout", get_args(Readout))
def test_the_tiny_model_passes(readout: Readout, images: torch.Tensor) -> None:
    check_blocks(tiny_model(readout=readout), images)


class FirstTokenOnly(TinyModel):
    """A model that spares itself what nothing reads after the last block."""

    @contextmanager
    def record_blocks(
        self, layers: Sequence[int]
    ) -> Iterator[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        with super().record_blocks(layers) as recorded:
            yield found
        attention, tokens = recorded[self.depth - 1]
        cut = torch.cat([tokens[:, :1], torch.zeros_like(tokens[:, 1:])], dim=1)
        found.update(recorded | {self.depth - 1: (attention, cut)})


class Deaf(TinyModel):
    """A model that reads its own tokens whatever it is given."""

    @contextmanager
    def read_tokens(self, tokens: torch.Tensor) -> Iterator[None]:
        yield


class Stuck(TinyModel):
    """A model that goes on reading what it was given."""

    @contextmanager
    def read_tokens(self, tokens: torch.Tensor) -> Iterator[None]:
        self.tower.given = tokens * (1 + 1e-6)
        yield


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (FirstTokenOnly, "every token from the attention"),
        (Deaf, "from the tokens, whatever the images"),
        (Stuck, "restore the model"),
    ],
)
def test_a_broken_promise_is_found(broken: Any, says: str, images: torch.Tensor) -> None:
    with pytest.raises(ConformanceError, match=says):
        check_blocks(broken(), images)
