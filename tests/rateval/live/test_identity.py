"""A live model's identity changes with all that decides its numbers, and with nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from rateval.live.identity import digest_function, digest_module
from rateval.live.surroundings import borrowed


def make(**options: Any) -> nn.Module:
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(8, options.pop("nhead", 2), 8, **options)


def scaled(module: nn.Module) -> None:
    with torch.no_grad():
        module.get_parameter("linear1.weight").mul_(1.001)


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (make, True),
        (lambda: make().eval(), True),
        (lambda: make().requires_grad_(False), True),
        (lambda: make(nhead=4), False),
        (lambda: make(norm_first=True), False),
        (lambda: make(layer_norm_eps=1e-3), False),
        (lambda: make().half(), False),
        (lambda: nn.Sequential(make()), False),
    ],
)
def test_what_counts(other: Callable[[], nn.Module], equal: bool) -> None:
    assert (digest_module(other()) == digest_module(make())) is equal


def test_every_weight_counts() -> None:
    module = make()
    before = digest_module(module)
    scaled(module)
    assert digest_module(module) != before


def test_code_counts() -> None:
    def define(factor: int) -> type[nn.Module]:
        names: dict[str, Any] = {"nn": nn}
        text = f"class Own(nn.Module):\n def forward(self, x):\n  return x * {factor}"
        exec(text, names)
        made: type[nn.Module] = names["Own"]
        return made

    assert digest_module(define(2)()) == digest_module(define(2)())
    assert digest_module(define(2)()) != digest_module(define(3)())
    assert digest_function(lambda x: [x for _ in (1, 2)]) != digest_function(
        lambda x: [x for _ in (1, 3)]
    )


def test_it_is_equal_in_another_process() -> None:
    program = (
        "import torch; from rateval.live.identity import digest_module; torch.manual_seed(0);"
        "print(digest_module(torch.nn.TransformerEncoderLayer(8, 2, 8)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest_module(make())


def test_borrowed_modules_come_back_after_an_error() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    module[1].eval()
    gradient = module[0].weight.grad = torch.ones(2, 2)
    module[0].bias.requires_grad_(False)
    with pytest.raises(KeyError), borrowed([module], "cpu"):
        assert not any(part.training for part in module.modules())
        assert not any(weight.requires_grad for weight in module.parameters())
        assert module[0].weight.grad is None
        raise KeyError
    assert [part.training for part in module.modules()] == [True, True, False]
    assert [weight.requires_grad for weight in module.parameters()] == [True, False]
    assert module[0].weight.grad is gradient
