"""Relevance maps from files, for explainers that ran elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from rateval.api import Classifier, Context, Explanation, Model, RatevalError
from rateval.api.tasks.texts import Answered, Answerer, TextModel
from rateval.modelkit import list_some
from rateval_attention.maps.files import open_maps
from rateval_attention.maps.shapes import require_photo, require_view
from rateval_attention.params import PrecomputedParams


class PrecomputedMaps:
    """An attribution that looks each sample's map up by its id.

    The predictions are the study's own, so that the maps must be of the same classifier.
    """

    def __init__(self, params: PrecomputedParams) -> None:
        self._params = params
        self._maps = open_maps(Path(params.path).expanduser())

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> Explanation:
        """Return the maps of ``ids``, averaged over each patch where they are finer than the grid.

        ``sizes`` are height and width of the photos, which maps in their geometry need. Raises
        RatevalError when a map is missing, of another shape than what it covers, coarser than the
        grid in the view's geometry, not finite or negative.
        """
        if ids is None:
            raise RatevalError("precomputed: maps are looked up by the samples' ids; give ids")
        return self._fit(classifier.model, images, ids, sizes)

    def explain_answers(
        self,
        answerer: Answerer,
        answered: Answered,
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> Explanation:
        """Return the maps of the samples' ids, as ``explain`` does; it raises the same."""
        return self._fit(answerer.model, answered.images, answered.ids, sizes)

    def _fit(
        self,
        model: Model | TextModel,
        images: torch.Tensor,
        ids: Sequence[str],
        sizes: Sequence[tuple[int, int]] | None,
    ) -> Explanation:
        absent = [name for name in ids if name not in self._maps]
        if absent:
            raise RatevalError(
                f"precomputed: {self._params.path} holds no map for {list_some(absent)}; give one "
                "for every sample of the test split, under the id that the study's rows have"
            )
        if self._params.geometry == "image":
            if sizes is None:
                raise RatevalError(
                    'precomputed: geometry = "image" needs the sizes of the photos; give sizes'
                )
            views = [self._carry(*one, model) for one in zip(ids, sizes, strict=True)]
        else:
            height, width = images.shape[-2:]
            views = [self._view(name, (height, width), model.grid) for name in ids]
        fitted = [F.adaptive_avg_pool2d(view[None], model.grid)[0] for view in views]
        return Explanation(torch.stack(fitted).to(images.device))

    def _view(self, name: str, view: tuple[int, int], grid: tuple[int, int]) -> torch.Tensor:
        given = self._read(name, grid)
        require_view(name, given.shape, view, grid)
        return torch.from_numpy(given)

    def _carry(self, name: str, size: tuple[int, int], model: Model | TextModel) -> torch.Tensor:
        given = self._read(name, (1, 1))
        require_photo(name, given.shape, size)
        carry = getattr(getattr(model, "geometry", None), "relevance", None)
        if carry is None:
            raise RatevalError(
                'precomputed: geometry = "image": the model has no rateval.modelkit.Geometry as '
                "its `geometry`, which would carry maps through its resize and crop; give maps of "
                "the model's view"
            )
        carried: torch.Tensor = carry(given, size)
        return carried

    def _read(self, name: str, least: tuple[int, int]) -> NDArray[np.float32]:
        given = self._maps[name]
        real = given.dtype.kind in "buif"
        if not real or given.ndim != 2 or given.shape[0] < least[0] or given.shape[1] < least[1]:
            patches = f"the model's {least} patches" if least > (1, 1) else "one value"
            raise RatevalError(
                f'precomputed: the map of "{name}" is {given.shape} {given.dtype}; it must be '
                f"real numbers, (rows, columns) of at least {patches}"
            )
        found = given.astype(np.float32)
        if self._params.negative == "zero":
            found = np.maximum(found, 0)  # NaN stays NaN
        if not np.isfinite(found).all():
            raise RatevalError(
                f'precomputed: the map of "{name}" has values that are NaN or infinite, which '
                "relevance never is: mend the file"
            )
        if (found < 0).any():
            raise RatevalError(
                f'precomputed: the map of "{name}" has negative values, which relevance never has: '
                'mend the file, or set negative = "zero" to take them for 0'
            )
        return found


def make_precomputed(params: PrecomputedParams, context: Context) -> PrecomputedMaps:
    """Make the attribution. Raises RatevalError when its file is absent or not as it should be."""
    return PrecomputedMaps(params)
