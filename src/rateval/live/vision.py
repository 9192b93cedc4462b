"""A user's vision transformer as a model without a text side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api.values import ModelCard
from rateval.errors import RatevalError
from rateval.live.identity import digest_function
from rateval.live.probing import Record, probe, record_by, tensor_of
from rateval.live.surroundings import borrowed, device_of
from rateval.modelkit.attention import without_fast_path
from rateval.modelkit.layers import choose_layers
from rateval.modelkit.recording import record_probabilities
from rateval.modelkit.transforms import Transform


class VisionModel:
    """A module from images to features or logits as a ``rateval.api.Model``.

    Features and embedding are what the module returns. ``probe`` finds out about the rest.
    """

    has_text = False

    def __init__(
        self,
        module: torch.nn.Module,
        transform: Transform,
        record: Record | None = None,
        grid: tuple[int, int] | None = None,
    ) -> None:
        """Wrap a module. Raises RatevalError where ``probe`` does, or the module fails."""
        self.name = type(module).__name__
        self.module = self.image_tower = module
        self.geometry = transform.geometry
        self._record = record
        self.recorded_by = "" if record is None else digest_function(record)
        """Part of the identity, which plain options are."""
        self._forward: Callable[[torch.Tensor], torch.Tensor] | None = None
        self.logit_scale = torch.ones(())
        with borrowed([module], device_of(module)):
            noise = torch.randn(1, 3, *transform.size, generator=torch.Generator().manual_seed(0))
            image = self._place(noise)
            self._require_output(image)
            probed = probe(self.name, module, self.encode_image, image, record, grid)
        self._layers = probed.layers
        self.depth = probed.depth
        self.grid = probed.grid
        self.prefix_tokens = probed.prefix_tokens
        self.readout = probed.readout
        self.card = ModelCard(
            architecture=self.name,
            image_size=transform.size,
            mean=transform.mean,
            std=transform.std,
            text_length=0,
            head_feature="what the module returns",
            licence="unknown",
            source=f"a live {type(module).__module__}.{type(module).__qualname__}",
            checkpoint="",
        )

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the transform that was given."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the module makes of (B, 3, H, W) float32, (B, F).

        Raises RatevalError when that is something else.
        """
        images = self._place(images)
        if self._forward is not None:
            return self._forward(images)
        return tensor_of(self.name, self.module(images))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what ``encode_image`` returns."""
        return self.encode_image(images)

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the names of the classes: nothing reads them."""
        return [[name] for name in classes]

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> NoReturn:
        """Raise RatevalError: it has no text side."""
        raise RatevalError(f"{self.name}: has no text side; give rateval.evaluate a head")

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the attention of ``layers`` (0 is the first) within the context.

        Raises RatevalError for a layer that is not there.
        """
        if self._record is not None:
            choose_layers(self.name, range(self.depth), layers)
            return self._recorded_by(self._record, layers)
        return self._recorded(choose_layers(self.name, self._layers, layers))

    @contextmanager
    def _recorded(self, chosen: Mapping[int, Any]) -> Iterator[dict[int, torch.Tensor]]:
        with without_fast_path(), record_probabilities(chosen) as recorded:
            yield recorded

    @contextmanager
    def _recorded_by(
        self, record: Record, layers: Sequence[int]
    ) -> Iterator[dict[int, torch.Tensor]]:
        recorded: dict[int, torch.Tensor] = {}

        def forward(images: torch.Tensor) -> torch.Tensor:
            output, maps = record_by(self.name, record, images)
            recorded.update({layer: maps[layer] for layer in layers})
            return output

        before, self._forward = self._forward, forward
        try:
            yield recorded
        finally:
            self._forward = before

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> NoReturn:
        """Raise RatevalError: the owner loads weights."""
        raise RatevalError(f"{source}: load it into the module yourself, and wrap that again")

    def export_checkpoint(self, folder: Path) -> NoReturn:
        """Raise RatevalError: the owner saves weights."""
        raise RatevalError(f"{folder}: save the module yourself; rateval has only wrapped it")

    @torch.no_grad()
    def _require_output(self, image: torch.Tensor) -> None:
        try:
            self.encode_image(image)
        except RatevalError:
            raise
        except Exception as error:  # whatever a module makes of images that aren't meant for it
            reason = str(error).partition("\n")[0]
            raise RatevalError(
                f"{self.name}: fails on an image of {tuple(image.shape)} as preprocess makes it: "
                f"{type(error).__name__}: {reason}; give the transform that belongs to it"
            ) from error

    def _place(self, images: torch.Tensor) -> torch.Tensor:
        weight = next((p for p in self.module.parameters() if p.is_floating_point()), images)
        return images.to(weight.device, weight.dtype)
