from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import RatevalError, Skipped
from rateval.modelkit import is_out_of_memory
from rateval.testing import RecordingLogbook, TinyModel, tiny_model

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
METHODS = ("lp", "flcp", "ft", "lp-ft", "wise-ft", "lora")


class Broken(TinyModel):
    """From a batch of several images on, something happens at the nth training pass."""

    def __init__(self, nth: int, happens: Callable[[torch.Tensor], torch.Tensor]) -> None:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            super().__init__()
        self._left, self._happens = nth, happens

    def features(self, images: torch.Tensor) -> torch.Tensor:
        features = super().features(images)
        if torch.is_grad_enabled() and len(images) > 1:
            self._left -= 1
            if self._left == 0:
                return self._happens(features)
        return features


def not_a_number(features: torch.Tensor) -> torch.Tensor:
    return features * float("nan")


def out_of_memory(features: torch.Tensor) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_a_loss_that_is_not_finite_stops_with_step_rate_and_advice(make: Make, fit: Fit) -> None:
    model = Broken(5, not_a_number)
    message = (
        r"^the loss is nan at step 2 of 3, epoch 2 of 2 with the rates lr = 0.001, head_lr = 0.02; "
        r"training only goes on from finite numbers\. Use a tenth of the rate, clip_norm = 1.0 or "
        r'a warmup; .* precision = "float32"$'
    )
    with pytest.raises(RatevalError, match=message):
        fit(make(head_lr=0.02), model)
    assert not any(weight.requires_grad for weight in model.module.parameters())
    assert not any(part.training for part in model.module.modules())


@pytest.mark.parametrize("name", METHODS)
def test_every_method_notices(name: str, make: Make, fit: Fit) -> None:
    model = tiny_model()
    model.tower.norm.bias[0] = float("nan")
    with pytest.raises(RatevalError, match=r"^the loss is nan at step 1 of 3, epoch 1 of 2 with"):
        fit(make(name), model)


def test_the_rate_told_is_that_of_the_step(make: Make, fit: Fit) -> None:
    message = r"at step 1 of 1, epoch 2 of 4 with the rates lr = 0.0005, head_lr = 0.0005;"
    with pytest.raises(RatevalError, match=message):
        fit(make(epochs=4, batch_size=26, warmup=1 - 1e-9), Broken(2, not_a_number))


def test_weights_that_are_not_finite_are_noticed_even_after_the_last_step(
    make: Make, fit: Fit
) -> None:
    model = tiny_model()
    plain = model.features
    # The square root of zero has no slope: the loss is finite, its gradient is not.
    model.features = lambda images: plain(images) + (plain(images) * 0).sqrt()  # type: ignore[method-assign]
    with pytest.raises(RatevalError, match=r"^a weight is not finite at the last step with"):
        fit(make(epochs=1, batch_size=26), model)


@pytest.mark.parametrize("name", ["ft", "lora"])
def test_out_of_memory_says_what_to_lower(name: str, make: Make, fit: Fit) -> None:
    message = (
        r"^out of memory at step 1 of 3, epoch 2 of 2 with batch_size = 10 in 1 pass\(es\); set "
        r"accumulate = 2, .* or lower batch_size to 5$"
    )
    with pytest.raises(RatevalError, match=message) as caught:
        fit(make(name), Broken(4, out_of_memory))
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)


def test_out_of_memory_knows_what_was_lowered_before(make: Make, fit: Fit) -> None:
    message = r"batch_size = 10 in 5 pass\(es\); set accumulate = 10, .* lower batch_size to 5$"
    with pytest.raises(RatevalError, match=message):
        fit(make(accumulate=5), Broken(4, out_of_memory))


def test_features_are_computed_in_parts_where_memory_is_short(make: Make, fit: Fit) -> None:
    class Small(TinyModel):
        def __init__(self, room: int) -> None:
            with torch.random.fork_rng([]):
                torch.manual_seed(0)
                super().__init__()
            self._room = room

        def features(self, images: torch.Tensor) -> torch.Tensor:
            if len(images) > self._room:
                out_of_memory(images)
            return super().features(images)

    whole, parts = (fit(make("lp"), Small(room)) for room in (99, 2))
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=1e-5, rtol=0)
    with pytest.raises(RatevalError, match=r"one image alone .* turned into features; take a sm"):
        fit(make("lp"), Small(0))


def test_what_counts_as_out_of_memory() -> None:
    machine = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    assert is_out_of_memory(machine)
    assert is_out_of_memory(torch.OutOfMemoryError("whatever it says"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_other_errors_are_left_as_they_are(make: Make, fit: Fit) -> None:
    def bug(features: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("a bug of the model")

    with pytest.raises(RuntimeError, match=r"^a bug of the model$"):
        fit(make(), Broken(2, bug))


def test_float16_needs_a_gpu(make: Make, fit: Fit) -> None:
    message = r'precision = "float16": the device "cpu" can\'t train in it; use "bfloat16"'
    with pytest.raises(RatevalError, match=message):
        fit(make(precision="float16"))


class Fading:
    """A split that can't be read any more after its first few samples."""

    identity = "fading"

    def __init__(self, whole: Any, readable: int) -> None:
        self.whole, self.left = whole, readable

    def __len__(self) -> int:
        return len(self.whole)

    def samples(self, indices: Any) -> Any:
        self.left -= len(indices)
        if self.left < 0:
            return [Skipped(str(index), "disk gone") for index in indices]
        return self.whole.samples(indices)


def test_samples_that_vanish_while_training(make: Make, data: Any) -> None:
    fading = Fading(data.train, 40)
    with pytest.raises(RatevalError, match="no training sample can be read any more; check"):
        make(epochs=5).fit(tiny_model(), fading, data.classes, RecordingLogbook())
