"""The attention of an open_clip image tower, and how its embedding is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from open_clip.timm_model import TimmModel
from open_clip.transformer import Attention, VisionTransformer
from torch import nn
from torch.nn import functional as F

from rateval.api import RatevalError, Readout
from rateval.modelkit import Attend, attend_fused, attend_multihead, replaced_forward

# Of timm: trunks whose pooling is known, and attentions over all tokens by one call of
# scaled_dot_product_attention.
_TIMM_TRUNKS = {"VisionTransformer", "Eva", "VisionTransformerRelPos"}
_TIMM_ATTENTION = {"Attention", "AttentionRope", "EvaAttention", "RelPosAttention"}
_TIMM_READOUTS: dict[str, Readout] = {
    "token": "class token",
    "avg": "mean",
    "map": "attention pool",
}


@dataclass(frozen=True, slots=True)
class Tower:
    """What an image tower offers to an attribution."""

    layers: tuple[tuple[nn.Module, Attend], ...]
    """Each attention with its plain steps, first block first, an attention pool last."""
    grid: tuple[int, int]
    """Patch rows and columns."""
    prefix_tokens: int
    """Tokens before the patches."""
    readout: Readout
    """How the embedding is read from the last block's tokens."""
    blocks: tuple[nn.Module, ...] = ()
    """What the tokens (B, N, D) go through, a block for each layer but an attention pool."""
    tail: tuple[nn.Module, ...] = ()
    """What maps each token by itself once the last block has attended, when only the class token's
    result is read."""


@contextmanager
def first_token_only(*modules: nn.Module) -> Iterator[None]:
    """Let modules that map each token by itself map only the first of (B, N, D); others give 0.

    After the last attention of a tower that reads its class token, nothing reads the others: a
    twentieth of a forward and of a backward pass would be spent on them.

    >>> module = nn.Linear(1, 1, bias=False)
    >>> with first_token_only(module):
    ...     (module(torch.ones(1, 3, 1)) != 0).flatten().tolist()
    [True, False, False]
    """

    def forward(module: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = type(module).forward(module, tokens[:, :1])
        return F.pad(first, (0, 0, 0, tokens.shape[1] - 1))

    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(replaced_forward(module, partial(forward, module)))
        yield


def read_tower(tower: nn.Module, name: str) -> Tower:
    """Read an image tower of open_clip's own, or of timm inside open_clip.

    Raises RatevalError with ``name`` and the reason when its attention cannot be recorded, or when
    its embedding is read in a way that has no start for a chain of relevance.
    """
    if isinstance(tower, VisionTransformer):
        return _read_own(tower, name)
    if isinstance(tower, TimmModel):
        return _read_timm(tower, name)
    raise _refusal(name, f"its image tower {type(tower).__name__} has no self-attention blocks")


def _read_own(tower: Any, name: str) -> Tower:
    if tower.attn_pool is not None:
        raise _refusal(name, "its attentional pool has many queries, of which none is the image's")
    if tower.pool_type not in ("tok", "avg"):
        raise _refusal(name, f"its image tower reads no embedding (pool_type {tower.pool_type!r})")
    if tower.output_tokens:
        raise _refusal(name, "its image tower returns tokens, too (output_tokens = true)")
    layers = tuple(_own_layer(block.attn, name) for block in tower.transformer.resblocks)
    layers = _some(layers, tower, name)
    # Else blocks see (N, B, D), which nothing here reads.
    blocks = tuple(tower.transformer.resblocks) if tower.transformer.batch_first else ()
    if tower.pool_type == "avg":
        return Tower(layers, tower.grid_size, 1, "mean", blocks)
    tail = (layers[-1][0].out_proj, blocks[-1].mlp) if blocks else ()
    return Tower(layers, tower.grid_size, 1, "class token", blocks, tail)


def _own_layer(attention: nn.Module, name: str) -> tuple[nn.Module, Attend]:
    if isinstance(attention, nn.MultiheadAttention):
        return attention, attend_multihead(attention)
    if isinstance(attention, Attention) and attention.logit_scale is None:
        return attention, attend_fused(attention)
    raise _refusal(name, f"the attention of its image tower is {_kind(attention)}")


def _read_timm(tower: Any, name: str) -> Tower:
    trunk = tower.trunk
    attentions: list[Any] = []
    for block in _some(getattr(trunk, "blocks", ()), trunk, name):
        attention = getattr(block, "attn", None)
        if not _is_of_timm(attention, _TIMM_ATTENTION):
            raise _refusal(name, f"the attention of its image tower is {_kind(attention)}")
        attentions.append(attention)
    readout = _timm_readout(trunk)
    if readout is None or hasattr(tower.head, "pool"):
        raise _refusal(name, f"its image tower {_kind(trunk)} pools tokens in a way of its own")
    if readout == "attention pool":
        attentions.append(trunk.attn_pool)
    if not all(attention.fused_attn for attention in attentions):
        raise _refusal(name, "timm's fused attention is switched off; unset TIMM_FUSED_ATTN, then")
    layers = tuple((attention, attend_fused(attention)) for attention in attentions)
    grid, blocks = tuple(trunk.patch_embed.grid_size), tuple(trunk.blocks)
    return Tower(layers, grid, trunk.num_prefix_tokens, readout, blocks)


def _timm_readout(trunk: Any) -> Readout | None:
    """Return how a trunk pools its tokens; None when in no way that a relevance can start from."""
    readout = _TIMM_READOUTS.get(getattr(trunk, "global_pool", ""))
    if readout is None or not _is_of_timm(trunk, _TIMM_TRUNKS):
        return None
    is_pool = readout == "attention pool"
    if is_pool and not _has_one_query(trunk.attn_pool):
        return None
    # A mean must leave prefix tokens out and an attention pool must read them, as Eva's always do.
    reads_prefix = getattr(trunk, "pool_include_prefix", is_pool)
    fits = readout == "class token" or not trunk.num_prefix_tokens or reads_prefix == is_pool
    return readout if fits else None


def _has_one_query(pool: Any) -> bool:
    known = _is_of_timm(pool, {"AttentionPoolLatent"})
    return known and pool.latent_len == 1 and pool.pos_embed is None


def _is_of_timm(module: object, names: Iterable[str]) -> bool:
    return type(module).__module__.startswith("timm.") and type(module).__name__ in names


def _kind(module: object) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _some(layers: Any, tower: nn.Module, name: str) -> Any:
    if not layers:
        raise _refusal(name, f"its image tower {type(tower).__name__} has no self-attention blocks")
    return layers


def _refusal(name: str, reason: str) -> RatevalError:
    return RatevalError(
        f"{name}: its attention cannot be recorded: {reason}; give an architecture with a plain "
        'vision transformer, such as "ViT-B-32" or "ViT-B-16-SigLIP"'
    )
