"""Every attribution in half precision, on random weights."""

from __future__ import annotations

import pytest
import torch

import rateval
from rateval.machine.precision import in_precision
from rateval.testing import tiny_classifier
from rateval_attention.plugin import rateval_register_attributions

# Whatever a classifier computes, these give the same maps.
UNCHANGED = {"random", "center-prior"}
FROM_FILES = {"precomputed"}
OF_CLASSES = (c for c in rateval_register_attributions() if "classification" in c.tasks)
NAMES = sorted({part.name for part in OF_CLASSES} - FROM_FILES)
CLOSE = 0.1
"""Of a map's maximum."""


@pytest.mark.parametrize("name", NAMES)
def test_maps_stay_close_in_bfloat16(name: str) -> None:
    classifier, labels = tiny_classifier(), torch.arange(8) % 3
    images = torch.randn(8, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    attribution = rateval.create("attribution", name)
    exact = attribution.explain(classifier, images, labels).relevance
    with in_precision(classifier.model, "bfloat16", "cpu"):
        rounded = attribution.explain(classifier, images, labels).relevance
    assert rounded.dtype == torch.float32
    largest = exact.amax((1, 2))
    assert int((largest > 0).sum()) >= 3  # the positive part of a map may be nothing
    off = ((rounded - exact).abs().amax((1, 2)) / largest)[largest > 0]
    assert float(off.median()) < CLOSE
    assert (float(off.max()) == 0) == (name in UNCHANGED)
