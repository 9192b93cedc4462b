"""What models that answer by texts have in common, whichever library they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api.tasks.texts import Flow
from rateval.errors import RatevalError
from rateval.modelkit.geometry import Geometry

Seen = TypeVar("Seen")


class AskedModel(ABC, Generic[Seen]):
    """A part of a ``TextModel``: images prepared, candidates ranked, what was recorded kept.

    ``Seen`` is what the model makes of B images, and of questions where it reads those first.
    """

    rows = 64
    """Answers that are scored at once when candidates are ranked: each has scores of all words."""

    def __init__(self, name: str, module: Any, geometry: Geometry) -> None:
        self.name = name
        self.module: Any = module
        self.geometry = geometry
        self._flow: Flow | None = None

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the model's own test transform."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        """Return the sum that ``score`` gives each of K candidates, (B, K) float32, in no graph.

        An image is seen once. Raises RatevalError as ``score`` does.
        """
        self._require_alike(images, questions=questions)
        if not candidates:
            raise RatevalError(
                "candidates: there is none; give the answers that may be chosen, or let the model "
                "generate one"
            )
        count, step = len(images), max(1, self.rows // len(images))
        with torch.no_grad():
            seen = self._see(images, questions)
            columns = [
                self._score_each(seen, questions, some).view(count, len(some))
                for start in range(0, len(candidates), step)
                if (some := [*candidates[start : start + step]])
            ]
        return torch.cat(columns, dim=1)

    @contextmanager
    def record_flow(self) -> Iterator[Flow]:
        """Record every attention of the next ``score`` within the context.

        Modules are changed while ``score`` runs alone. A further one replaces what was recorded.
        """
        before, self._flow = self._flow, Flow()
        try:
            yield self._flow
        finally:
            self._flow = before

    @abstractmethod
    def _see(self, images: torch.Tensor, questions: Sequence[str]) -> Seen:
        """Return what is the same for all answers."""

    @abstractmethod
    def _score_each(
        self, seen: Seen, questions: Sequence[str], answers: Sequence[str]
    ) -> torch.Tensor:
        """Return the sums of all K answers to each of B questions, (B * K,), a question's first."""

    def _require_alike(self, images: torch.Tensor, **texts: Sequence[str]) -> None:
        """Raise RatevalError unless there is an image, and a text of each kind for each."""
        if not len(images):
            raise RatevalError(f"{self.name}: no image is given; give one or more")
        for name, given in texts.items():
            if isinstance(given, str) or len(given) != len(images):
                found = "a text" if isinstance(given, str) else f"{len(given)} of them"
                raise RatevalError(
                    f"{name}: {found} for {len(images)} images; give a sequence with one for each"
                )
