"""Tokens of blocks, recorded and put in their place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rateval.modelkit import attend_multihead, passing, record_blocks


@pytest.fixture
def tower() -> Any:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        layers = [nn.TransformerEncoderLayer(8, 2, 8, 0.0, batch_first=True) for _ in range(3)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def test_each_block_gives_its_attention_and_its_tokens(tower: Any) -> None:
    tokens = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
    layers = {i: (tower[i].self_attn, attend_multihead(tower[i].self_attn)) for i in (0, 2)}
    with record_blocks(layers, tower) as recorded:
        tower(tokens)
    assert sorted(recorded) == [0, 2]
    expected = tokens
    for index, block in enumerate(tower):
        expected = block(expected)
        if index in recorded:
            attention, after = recorded[index]
            torch.testing.assert_close(after, expected)
            assert attention.shape == (2, 2, 5, 5)
            assert torch.autograd.grad(after.sum(), attention, retain_graph=True)[0] is not None
    assert not any(block._forward_hooks for block in tower)


def test_a_block_may_return_a_tuple() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 1, batch_first=True)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
            return self.attention(x, x, x)[0], None

    block = Block().eval()
    with record_blocks({0: (block.attention, attend_multihead(block.attention))}, [block]) as found:
        output, _ = block(torch.zeros(1, 3, 4))
    assert found[0][1] is output


def test_passing_computes_nothing_of_the_blocks_and_restores_them(tower: Any) -> None:
    tokens, image = torch.ones(1, 5, 8), torch.zeros(1, 5, 8)
    before = tower(image)
    with pytest.raises(KeyError), passing([*tower], tokens):
        assert tower(image) is tokens
        raise KeyError
    assert tower(image).equal(before)
    assert not any("forward" in vars(block) for block in tower)
