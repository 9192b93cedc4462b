"""A batch that does not fit into memory is explained in parts, and that is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch

import rateval
from rateval.api import RatevalError
from rateval.testing import TinyModel, tiny_classifier

NAMES = ["generic-attention", "raw-attention", "input-gradient", "integrated-gradients"]


class Cramped:
    """The tiny classifier on a device with room for ``room`` images."""

    def __init__(self, room: int, error: Callable[[], RuntimeError]) -> None:
        self.inner = tiny_classifier()
        self.model: TinyModel = self.inner.model
        self.room = room
        self.error = error
        self.passes: list[int] = []

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        self.passes.append(len(images))
        if len(images) > self.room:
            raise self.error()
        return self.inner.logits(images)

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def out_of_memory() -> RuntimeError:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def out_of_memory_on_mps() -> RuntimeError:
    return RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)")


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(11, 3, 24, 32, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.arange(11) % 3


@pytest.mark.parametrize("error", [out_of_memory, out_of_memory_on_mps])
@pytest.mark.parametrize("name", NAMES)
def test_parts_give_the_same_maps(
    name: str,
    error: Callable[[], RuntimeError],
    images: torch.Tensor,
    labels: torch.Tensor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    attribution = rateval.create("attribution", name)
    expected = attribution.explain(tiny_classifier(), images, labels)
    assert not caplog.records
    with caplog.at_level(logging.WARNING, logger="rateval"):
        found = attribution.explain(Cramped(3, error), images, labels)
    peak = float(expected.relevance.max())
    torch.testing.assert_close(found.relevance, expected.relevance, atol=1e-5 * peak, rtol=0)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-5, rtol=0)
    assert [record.args for record in caplog.records] == [(11, 5), (5, 2)]
    assert "11 images at once do not fit" in caplog.text
    assert "explained 5 at a time" in caplog.text


def test_what_fitted_is_remembered(images: torch.Tensor, labels: torch.Tensor) -> None:
    attribution = rateval.create("attribution", "generic-attention")
    cramped = Cramped(3, out_of_memory)
    attribution.explain(cramped, images, labels)
    assert cramped.passes == [11, 5, 2, 2, 2, 2, 2, 1]
    cramped.passes.clear()
    attribution.explain(cramped, images, labels)
    assert cramped.passes == [2, 2, 2, 2, 2, 1]


def test_a_single_image_that_does_not_fit(images: torch.Tensor, labels: torch.Tensor) -> None:
    cramped = Cramped(0, out_of_memory)
    with pytest.raises(RatevalError, match=r'one image alone does not fit .* layers = "last"'):
        rateval.create("attribution", "generic-attention").explain(cramped, images, labels)
    assert cramped.passes == [11, 5, 2, 1]


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 cannot be multiplied"), ValueError()]
)
def test_other_errors_pass_through(error: Any, images: torch.Tensor, labels: torch.Tensor) -> None:
    cramped = Cramped(3, lambda: error)
    with pytest.raises(type(error)):
        rateval.create("attribution", "generic-attention").explain(cramped, images, labels)
    assert cramped.passes == [11]
