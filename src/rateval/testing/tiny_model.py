"""A model of a few thousand random weights, to try attributions and finetuners on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

_SIZE = (24, 32)  # not square: code that mixes up rows and columns fails
_PATCH = 8
_PREFIX = 2  # a register beside the class token: patches need not start at 1
_WIDTH, _HEADS, _DEPTH, _EMBEDDING = 24, 2, 3, 12
_CONTEXT = 48


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.keep: Callable[[torch.Tensor], torch.Tensor] | None = None

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, length, width = tokens.shape
        heads = self.qkv(tokens).reshape(batch, length, 3, _HEADS, width // _HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / (width // _HEADS) ** 0.5
        attention = scores.softmax(-1)
        if self.keep is not None:
            attention = self.keep(attention)
        mixed = (attention @ value).transpose(1, 2).reshape(batch, length, width)
        projected: torch.Tensor = self.out(mixed)
        return projected


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(_WIDTH)
        self.attention = _Attention()
        self.perceptron = nn.Sequential(
            nn.LayerNorm(_WIDTH),
            nn.Linear(_WIDTH, 2 * _WIDTH),
            nn.GELU(),
            nn.Linear(2 * _WIDTH, _WIDTH),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attention(self.before_attention(tokens))
        return tokens + self.perceptron(tokens)  # type: ignore[no-any-return]  # Sequential


class _ImageTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        patches = (_SIZE[0] // _PATCH) * (_SIZE[1] // _PATCH)
        self.patches = nn.Conv2d(3, _WIDTH, _PATCH, _PATCH)
        self.prefix = nn.Parameter(torch.randn(_PREFIX, _WIDTH))
        self.positions = nn.Parameter(torch.randn(_PREFIX + patches, _WIDTH) / 4)
        self.blocks = nn.ModuleList(_Block() for _ in range(_DEPTH))
        self.norm = nn.LayerNorm(_WIDTH)
        self.projection = nn.Linear(_WIDTH, _EMBEDDING, bias=False)

    def class_token(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        prefix = self.prefix.expand(len(images), -1, -1)
        tokens = torch.cat([prefix, patches], 1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        normed: torch.Tensor = self.norm(tokens[:, 0])
        return normed


class _TextTower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(256, _WIDTH)
        self.positions = nn.Parameter(torch.randn(_CONTEXT, _WIDTH))
        self.projection = nn.Linear(_WIDTH, _EMBEDDING, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        present = (ids != 0).unsqueeze(-1)
        tokens = torch.tanh(self.tokens(ids) + self.positions[: ids.shape[1]]) * present
        embedded: torch.Tensor = self.projection(tokens.sum(1) / present.sum(1).clamp(min=1))
        return embedded


class TinyModel:
    """Follow ``rateval.api.Model`` with real self-attention: 24 x 32 px, 3 x 4 patches, 3 layers.

    Its prefix holds a register beside the class token, its grid is not square, and its features
    (24) are wider than its embedding (12), so that code which takes these for granted fails here.
    """

    def __init__(self) -> None:
        self.grid = (_SIZE[0] // _PATCH, _SIZE[1] // _PATCH)
        self.prefix_tokens = _PREFIX
        self.depth = _DEPTH
        self.tower = _ImageTower()
        self.text_tower = _TextTower()
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
        embedded: torch.Tensor = self.tower.projection(self.tower.class_token(images))
        return embedded

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class token, (B, 24)."""
        return self.tower.class_token(images)

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
        """Record the self-attention of ``layers``, (B, 2, 14, 14) float32 each."""
        record: dict[int, torch.Tensor] = {}

        def keeper(layer: int) -> Callable[[torch.Tensor], torch.Tensor]:
            def keep(attention: torch.Tensor) -> torch.Tensor:
                if not attention.requires_grad:
                    attention = attention.detach().requires_grad_()
                record[layer] = attention
                return attention

            return keep

        attentions = [part for part in self.tower.modules() if isinstance(part, _Attention)]
        try:
            for layer in layers:
                attentions[layer].keep = keeper(layer)
            yield record
        finally:
            for attention in attentions:
                attention.keep = None


class TinyClassifier:
    """Follow ``rateval.api.Classifier`` by a random linear head on the features."""

    def __init__(self, model: TinyModel, classes: int) -> None:
        self.model = model
        self.head = nn.Linear(_WIDTH, classes).requires_grad_(False)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, 24, 32) float32 as (B, K) float32."""
        scores: torch.Tensor = self.head(self.model.features(images))
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        """Return the head's weights."""
        return dict(self.head.state_dict())


def tiny_model(seed: int = 0) -> TinyModel:
    """Make a model whose random weights depend on ``seed`` alone.

    >>> tiny_model().grid
    (3, 4)
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return TinyModel()


def tiny_classifier(classes: int = 3, seed: int = 0) -> TinyClassifier:
    """Make a tiny model with a random linear head over ``classes`` classes.

    >>> tiny_classifier().logits(torch.zeros(2, 3, 24, 32)).shape
    torch.Size([2, 3])
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return TinyClassifier(TinyModel(), classes)


def _fit(image: Image.Image, resampling: Image.Resampling) -> Image.Image:
    # Shortest side first, then the centre: what most real models do.
    height, width = _SIZE
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return image.resize(size, resampling).crop((left, top, left + width, top + height))


def _tokenise(prompts: Sequence[str]) -> torch.Tensor:
    rows = [list(prompt.encode()[:_CONTEXT]) for prompt in prompts]
    return torch.tensor([row + [0] * (_CONTEXT - len(row)) for row in rows])
