"""A model of a few thousand random weights, to try attributions and finetuners on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from rateval.api.values import HeadDecision, ModelCard, Readout
from rateval.modelkit.weights import require_same_weights
from rateval.modelkit.writing import write_safetensors
from rateval.testing.tiny.towers import (
    CONTEXT,
    DEPTH,
    PATCH,
    PREFIX,
    SIZE,
    WIDTH,
    Attention,
    ImageTower,
    TextTower,
)


class TinyModel:
    """A ``rateval.api.Model`` with real self-attention: 24 x 32 px, 3 x 4 patches, 3 layers.

    Its prefix holds a register beside the class token, its grid is not square, and its features
    (24) are wider than its embedding (12), so that code which takes these for granted fails here.
    An attention pool, when that is its ``readout``, is a fourth layer.
    """

    def __init__(self, readout: Readout = "class token") -> None:
        self.grid = (SIZE[0] // PATCH, SIZE[1] // PATCH)
        self.prefix_tokens = PREFIX
        self.readout: Readout = readout
        self.depth = DEPTH + (readout == "attention pool")
        self.card = ModelCard(
            architecture="tiny",
            image_size=SIZE,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            text_length=CONTEXT,
            head_feature=f"{readout}, not projected",
            licence="Apache-2.0",
            source="rateval.testing",
            checkpoint="",
        )
        self.tower = ImageTower(readout)
        self.text_tower = TextTower()
        self.module: nn.Module = nn.ModuleDict({"image": self.tower, "text": self.text_tower})
        self.image_tower: nn.Module = self.tower
        self.module.eval().requires_grad_(False)

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine, () float32."""
        return torch.tensor(20.0)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, 24, 32) float32."""
        pixels = np.asarray(_fit(image, Image.Resampling.BILINEAR), dtype=np.float32)
        return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (24, 32) bool."""
        fitted = _fit(Image.fromarray(mask.astype(np.uint8)), Image.Resampling.NEAREST)
        return torch.from_numpy(np.asarray(fitted) > 0)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, 24, 32) float32 as (B, 12)."""
        embedded: torch.Tensor = self.tower.projection(self.tower.pooled(images))
        return embedded

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what ``readout`` gives, before the projection: (B, 24)."""
        return self.tower.pooled(images)

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return two prompts for each class."""
        return [[f"a photo of a {name}", f"one {name}"] for name in classes]

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, 12)."""
        ids = prompts if isinstance(prompts, torch.Tensor) else _tokenise(prompts)
        embedded: torch.Tensor = self.text_tower(ids)
        return embedded

    @contextmanager
    def record_attention(self, layers: Sequence[int]) -> Iterator[dict[int, torch.Tensor]]:
        """Record ``layers``, (B, 2, 14, 14) float32 each, (B, 2, 1, 14) of an attention pool."""
        record: dict[int, torch.Tensor] = {}

        def keeper(layer: int) -> Callable[[torch.Tensor], torch.Tensor]:
            def keep(attention: torch.Tensor) -> torch.Tensor:
                if not attention.requires_grad:
                    attention = attention.detach().requires_grad_()
                record[layer] = attention
                return attention

            return keep

        attentions = [part for part in self.tower.modules() if isinstance(part, Attention)]
        try:
            for layer in layers:
                attentions[layer].keep = keeper(layer)
            yield record
        finally:
            for attention in attentions:
                attention.keep = None

    @contextmanager
    def record_blocks(
        self, layers: Sequence[int]
    ) -> Iterator[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        """Record attention as above, and tokens (B, 14, 24) after each block."""
        record: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        with self.record_attention(layers) as attention, ExitStack() as stack:

            def keep(layer: int, _block: nn.Module, _given: object, tokens: torch.Tensor) -> None:
                record[layer] = (attention[layer], tokens)

            for layer in layers:
                handle = self.tower.blocks[layer].register_forward_hook(partial(keep, layer))
                stack.callback(handle.remove)
            yield record

    @contextmanager
    def read_tokens(self, tokens: torch.Tensor) -> Iterator[None]:
        """Read embedding and features from ``tokens`` (B, 14, 24)."""
        self.tower.given = tokens
        try:
            yield
        finally:
            self.tower.given = None

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by ``state``. Raises RatevalError when they are not this model's."""
        wanted = self.module.state_dict()
        remedy = "give what export_checkpoint wrote"
        require_same_weights(state, wanted, source, owner="the tiny model", remedy=remedy)
        self.module.load_state_dict(state)
        self.card = replace(self.card, checkpoint=str(source), keys_used=len(state))

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write ``tiny.safetensors`` into ``folder``."""
        return (write_safetensors(self.module.state_dict(), folder / "tiny.safetensors"),)


class TinyClassifier:
    """A ``rateval.api.Classifier``: a random linear head on the features."""

    def __init__(self, model: TinyModel, classes: int) -> None:
        self.model = model
        self.head = nn.Linear(WIDTH, classes).requires_grad_(False)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, 24, 32) float32 as (B, K) float32."""
        scores: torch.Tensor = self.head(self.model.features(images))
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        """Return the head's weights."""
        return dict(self.head.state_dict())

    @property
    def decision(self) -> HeadDecision:
        """The head on the features."""
        return HeadDecision(self.head.weight, self.head.bias)


def tiny_model(seed: int = 0, *, readout: Readout = "class token") -> TinyModel:
    """Return a model whose random weights depend on ``seed`` and ``readout`` alone.

    >>> tiny_model().grid, tiny_model(readout="attention pool").depth
    ((3, 4), 4)
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return TinyModel(readout)


def tiny_classifier(
    classes: int = 3, seed: int = 0, *, readout: Readout = "class token"
) -> TinyClassifier:
    """Return a tiny model with a random linear head over ``classes`` classes.

    >>> tiny_classifier().logits(torch.zeros(2, 3, 24, 32)).shape
    torch.Size([2, 3])
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return TinyClassifier(TinyModel(readout), classes)


def _fit(image: Image.Image, resampling: Image.Resampling) -> Image.Image:
    # Shortest side first, then the centre: what most real models do.
    height, width = SIZE
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return image.resize(size, resampling).crop((left, top, left + width, top + height))


def _tokenise(prompts: Sequence[str]) -> torch.Tensor:
    rows = [list(prompt.encode()[:CONTEXT]) for prompt in prompts]
    return torch.tensor([row + [0] * (CONTEXT - len(row)) for row in rows])
