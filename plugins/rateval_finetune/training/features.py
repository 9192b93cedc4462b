"""The features of a split, computed once for a head that trains on them alone."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from rateval.api import Logbook, RatevalError, Split
from rateval.modelkit import load_chunks
from rateval_finetune.params import TrainingParams
from rateval_finetune.training.linear_head import HeadClassifier, feature_portions
from rateval_finetune.training.processes import make_accelerator
from rateval_finetune.training.sources import FeatureSource


@torch.no_grad()
def compute_features(
    classifier: HeadClassifier,
    split: Split,
    params: TrainingParams,
    device: str,
    logbook: Logbook,
    *,
    readers: int = 1,
    kind: str = "training sample",
) -> FeatureSource:
    """Return the head's inputs for every readable sample, each process computing a share.

    Raises RatevalError when no sample can be read, named by their ``kind``, or one alone does not
    fit into memory.
    """
    make_accelerator(params.precision, device)
    state = PartialState()
    positions = range(state.process_index, len(split), state.num_processes)
    size = math.ceil(params.batch_size / params.accumulate)
    chunks = [positions[at : at + size] for at in range(0, len(positions), size)]
    portions = feature_portions()
    found: list[Any] = []
    seen = 0
    for batch in load_chunks(split, classifier.model, chunks, readers=readers):
        if len(batch):
            compute = partial(_inputs, classifier, batch.images, device)
            inputs = torch.cat(portions.each(len(batch), compute))
            found.append((batch.indices, inputs, batch.labels))
        shared = (len(batch) + len(batch.skipped)) * state.num_processes
        logbook.advance(min(shared, len(split) - seen), "features")
        seen += shared
    if state.num_processes > 1:
        found = gather_object(found)
    if not found:
        raise RatevalError(f"no {kind} can be read; check the dataset's files")
    width = found[0][1].shape[1]
    features, labels = torch.zeros(len(split), width), torch.full((len(split),), -1)
    for indices, inputs, of_inputs in found:
        features[list(indices)], labels[list(indices)] = inputs, of_inputs
    return FeatureSource(features, labels)


def _inputs(
    classifier: HeadClassifier, images: torch.Tensor, device: str, part: slice
) -> torch.Tensor:
    return classifier.inputs(images[part].to(device)).float().cpu()
