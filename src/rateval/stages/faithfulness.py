"""Faithfulness: does the prediction follow the maps, and do the maps follow the weights?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Inputs, Predictions
from rateval.api.training import Monitor
from rateval.data.batches import Batch
from rateval.data.drawing import draw
from rateval.errors import PluginError, RatevalError
from rateval.records.facts import FaithfulnessFacts
from rateval.records.scores.estimate import Estimate
from rateval.stats.normal import normal_interval
from rateval.stats.ranks import rank_correlations
from rateval.store import rows as tables
from rateval.workbench.cell import Job
from rateval.workbench.explain import explain_batch, make_inputs
from rateval.workbench.maps import scale_maps
from rateval.workbench.perturbation import (
    blank_patches,
    chance_ranks,
    curve_areas,
    patch_counts,
    permuted_weights,
    relevance_ranks,
)

CONSTANT = "constant relevance"
CURVES = ("deletion", "insertion", "chance")

_AREAS = [pa.field(name, pa.float32()) for name in CURVES]
_HEIGHTS = [pa.field(f"{name}_curve", pa.list_(pa.float32())) for name in CURVES]
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("undefined", pa.string()),
        *_AREAS,
        *_HEIGHTS,
        pa.field("randomised_correlation", pa.float32()),
    ]
)
"""Columns that this stage writes; areas and curves are null where ``undefined`` says why."""

Curves = Mapping[str, NDArray[np.float64]]
"""Name of a curve to its heights, (B, S), or to its area, (B,)."""
Correlations = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Values and where they are defined, (B,) each."""


@dataclass(frozen=True, slots=True)
class Options:
    """What ``[faithfulness]`` says."""

    images: int
    steps: int
    randomisation: bool


@dataclass(frozen=True, slots=True)
class _Explained:
    """What infer stored of the images that are looked at."""

    indices: list[int]
    ids: list[str]
    predictions: Predictions
    maps: NDArray[np.float16]
    """(B, P)."""

    def __getitem__(self, at: slice) -> _Explained:
        chosen = self.predictions.at(range(len(self.ids))[at])
        return _Explained(self.indices[at], self.ids[at], chosen, self.maps[at])

    def __len__(self) -> int:
        return len(self.ids)


def faithfulness(
    job: Job, options: Options, inferred: Path, monitor: Monitor, folder: Path
) -> FaithfulnessFacts:
    """Write curves, areas and correlations per image into ``folder``; return their means.

    The explained class is the prediction that ``inferred`` holds.

    Source: deletion and insertion, Petsiuk, Das, Saenko, RISE, BMVC 2018, patch by patch as Samek
    et al., IEEE TNNLS 28 (2017) 2660-2673; randomisation of the model's parameters, Adebayo et al.,
    Sanity Checks for Saliency Maps, NeurIPS 2018, here by permutation and of all layers at once.
    """
    explained = _read(inferred, options.images)
    monitor.begin(len(explained) * (1 + options.randomisation))
    parts = []
    for batch, stored in _batches(job, explained):
        follow = partial(_follow, job, batch, stored, options.steps)
        parts += job.predicting.each(len(batch), follow)
        monitor.advance(len(batch))
    curves = {name: np.concatenate([part[name] for part in parts]) for name in CURVES}
    correlations = _randomise(job, explained, monitor) if options.randomisation else None
    patches = explained.maps.shape[1]
    fractions = [count / patches for count in patch_counts(patches, options.steps)]
    areas = {name: curve_areas(fractions, curve) for name, curve in curves.items()}
    # A map without an order has no curve of its own, only that of chance.
    constant = explained.maps.min(axis=1) == explained.maps.max(axis=1)
    _write(explained, curves, areas, constant, correlations, folder)
    return _summarise(areas, constant, correlations)


def _read(inferred: Path, images: int) -> _Explained:
    written = ["output"] if tables.has_column(inferred, "output") else []
    rows = tables.read_rows(inferred, ["index", "id", "label", "prediction", *written])
    drawn = draw(rows.column("id").to_pylist(), rows.column("label").to_pylist(), images)
    maps = tables.read_relevance(inferred)[drawn]
    chosen = rows.take(drawn)
    texts = tuple(chosen.column("output").to_pylist()) if written else ()
    numbers = chosen.column("prediction").to_numpy().astype(np.int64)
    indices, ids = (chosen.column(name).to_pylist() for name in ("index", "id"))
    return _Explained(indices, ids, Predictions(numbers, texts), maps.reshape(len(maps), -1))


def _batches(job: Job, explained: _Explained) -> Iterator[tuple[Batch, _Explained]]:
    start = 0
    for batch in job.batches(explained.indices):
        stored = explained[start : start + len(batch) + len(batch.skipped)]
        if list(batch.ids) != stored.ids:
            raise RatevalError(
                "the test images are not those that were explained before: the data changed, or a "
                "file can no longer be read; run again with --fresh"
            )
        yield batch, stored
        start += len(batch)


def _follow(job: Job, batch: Batch, explained: _Explained, steps: int, part: slice) -> Curves:
    """Compute the curves of a part of a batch, each (B, S) from no step taken to all.

    Putting patches in by a random order is taking them out by the reverse, a random order as well:
    the area of ``chance`` is that of both.
    """
    inputs, stored = make_inputs(job, batch, part), explained[part]
    grid = job.classifier.model.grid
    patches = grid[0] * grid[1]
    counts = patch_counts(patches, steps)
    chance = chance_ranks(stored.ids, patches)

    def watch(blank: NDArray[np.bool_]) -> NDArray[np.float64]:
        mask = torch.from_numpy(blank.reshape(-1, *grid)).to(job.device)
        blanked = replace(inputs, images=blank_patches(inputs.images, mask))
        return _explained(job, blanked, stored.predictions)

    nothing = np.zeros(chance.shape, dtype=np.bool_)
    whole, none = watch(nothing), watch(~nothing)
    ranks, between = relevance_ranks(stored.maps, chance), counts[1:-1]
    curves = {
        "deletion": [whole, *(watch(ranks < count) for count in between), none],
        "insertion": [none, *(watch(ranks >= count) for count in between), whole],
        "chance": [whole, *(watch(chance < count) for count in between), none],
    }
    return {name: np.stack(heights, axis=1) for name, heights in curves.items()}


def _explained(job: Job, inputs: Inputs, predictions: Predictions) -> NDArray[np.float64]:
    with torch.inference_mode():
        outputs, sure = job.task.follow(job.classifier, inputs, predictions)
    if not torch.isfinite(outputs.numbers).all():
        raise PluginError("the classifier returned logits that are not finite for blanked patches")
    return sure


def _randomise(job: Job, explained: _Explained, monitor: Monitor) -> Correlations:
    """Correlate the stored maps with those of permuted weights, in the precision of the stored.

    A map that is not finite with such weights has no correlation.
    """
    maps = []
    with permuted_weights(job.task.randomised(job.classifier)):
        for batch, _ in _batches(job, explained):
            relevance, _ = scale_maps(
                explain_batch(job, batch, permuted=True).explanation.relevance
            )
            maps.append(relevance.reshape(len(batch), -1))
            monitor.advance(len(batch))
    return rank_correlations(explained.maps, np.concatenate(maps))


def _summarise(
    areas: Curves, constant: NDArray[np.bool_], correlations: Correlations | None
) -> FaithfulnessFacts:
    count = int(constant.sum())
    kept = {name: area[~constant] for name, area in areas.items()}
    randomisation = None
    if correlations is not None:
        values, defined = correlations
        randomisation = {"correlation": _mean(values[defined]), "count": int(defined.sum())}
    return FaithfulnessFacts.model_validate(
        {
            "count": len(constant),
            "undefined": {CONSTANT: count} if count else {},
            **{name: _mean(area) for name, area in kept.items()},
            "deletion_gain": _estimate(kept["chance"] - kept["deletion"]),
            "insertion_gain": _estimate(kept["insertion"] - kept["chance"]),
            "randomisation": randomisation,
        }
    )


def _estimate(differences: NDArray[np.float64]) -> Estimate | None:
    if not len(differences):
        return None
    low, high = normal_interval(differences)
    mean, count = float(differences.mean()), len(differences)
    return Estimate(value=mean, low=low, high=high, over="images", count=count)


def _write(
    explained: _Explained,
    curves: Curves,
    areas: Curves,
    constant: NDArray[np.bool_],
    correlations: Correlations | None,
    folder: Path,
) -> None:
    columns: dict[str, Any] = {
        "id": explained.ids,
        "undefined": [CONSTANT if none else None for none in constant],
        "randomised_correlation": [None] * len(explained),
    }
    for name in CURVES:
        columns[name] = pa.array(areas[name], pa.float32(), mask=constant)
        columns[f"{name}_curve"] = [
            None if none else heights
            for none, heights in zip(constant, curves[name].tolist(), strict=True)
        ]
    if correlations is not None:
        values, defined = correlations
        columns["randomised_correlation"] = pa.array(values, pa.float32(), mask=~defined)
    with tables.RowWriter(folder / tables.ROWS, SCHEMA) as writer:
        writer.write(pa.Table.from_pydict(columns, SCHEMA))


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
