"""Mean and deviation of what random corruptions change, against the published formulas.

The formulas draw numbers of their own, in float64 by numpy's generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rateval.api import Sample
from rateval_shifts.corruptions.shift import Corruption
from rateval_shifts.params import CorruptionParams

Levels = NDArray[Any]
Formula = Callable[[Levels, int, np.random.Generator], Levels]


def gaussian_noise(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    return x + rng.normal(0, [0.08, 0.12, 0.18, 0.26, 0.38][severity - 1], x.shape)


def shot_noise(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    photons = [60, 25, 12, 5, 3][severity - 1]
    return rng.poisson(x * photons) / photons


def impulse_noise(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    hit = rng.random(x.shape) <= [0.03, 0.06, 0.09, 0.17, 0.27][severity - 1]
    return np.where(hit, rng.random(x.shape) <= 0.5, x)


def speckle_noise(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    return x + x * rng.normal(0, [0.15, 0.2, 0.35, 0.45, 0.6][severity - 1], x.shape)


def snow(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    mean, sigma, zoom, least, radius, trail, kept = [
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ][severity - 1]
    middle = math.ceil(224 / zoom)
    layer = ndimage.zoom(rng.normal(mean, sigma, (224, 224))[:middle, :middle], zoom, order=1)
    trim = (layer.shape[0] - 224) // 2
    layer = layer[trim : trim + 224, trim : trim + 224]
    layer[layer < least] = 0
    layer = np.floor(np.clip(layer, 0, 1) * 255)
    angle = math.radians(rng.uniform(-135, -45))
    weights = np.exp(-(np.arange(2 * radius + 1.0) ** 2) / (2 * trail**2))
    weights /= weights.sum()
    blurred = np.zeros_like(layer)
    for i, weight in enumerate(weights):
        at = [math.ceil(i * side - 0.5) for side in (math.sin(angle), math.cos(angle))]
        rows, columns = (np.clip(np.arange(224) + by, 0, 223) for by in at)
        blurred += weight * layer[rows[:, None], columns]
    flakes = (np.rint(blurred) / 255)[..., None]
    grey = (x @ [0.299, 0.587, 0.114])[..., None]
    pale = kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5)
    return np.asarray(pale + flakes + flakes[::-1, ::-1])


def spatter(x: Levels, severity: int, rng: np.random.Generator) -> Levels:
    cv2 = pytest.importorskip("cv2")
    mean, sigma, blur, least, strength = [
        (0.65, 0.3, 4, 0.69, 0.6),
        (0.65, 0.3, 3, 0.68, 0.6),
        (0.65, 0.3, 2, 0.68, 0.5),
        (0.65, 0.3, 1, 0.65, 1.5),
        (0.67, 0.4, 1, 0.65, 1.5),
    ][severity - 1]
    liquid = ndimage.gaussian_filter(rng.normal(mean, sigma, (224, 224)), blur, mode="nearest")
    liquid[liquid < least] = 0
    if severity > 3:
        cover = ndimage.gaussian_filter((liquid > least) * 1.0, strength, mode="nearest")
        cover[cover < 0.8] = 0
        mud = np.array([63, 42, 20]) / 255
        return np.asarray(x * (1 - cover[..., None]) + cover[..., None] * mud)
    levels = (liquid * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(levels, 50, 150), cv2.DIST_L2, 5)
    depth = cv2.blur(np.minimum(distance, 20), (3, 3)).astype(np.uint8)
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    lit = cv2.filter2D(cv2.equalizeHist(depth), cv2.CV_8U, emboss)
    shine = levels * cv2.blur(lit, (3, 3)).astype(np.float32)
    water = np.array([175, 238, 238]) / 255
    return np.asarray(x + strength * (shine / shine.max())[..., None] * water)


# By how much a mean and a deviation may differ, as shares of the deviation: what depends on a few
# flakes or drops differs more from one drawing to the next.
FORMULAS: dict[str, tuple[Formula, int, float]] = {
    "gaussian_noise": (gaussian_noise, 2, 0.02),
    "shot_noise": (shot_noise, 2, 0.02),
    "impulse_noise": (impulse_noise, 2, 0.04),
    "speckle_noise": (speckle_noise, 2, 0.02),
    "snow": (snow, 6, 0.1),
    "spatter": (spatter, 24, 0.15),
}


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", FORMULAS)
def test_changes_as_published(photo: Image.Image, kind: str, severity: int) -> None:
    formula, count, tolerance = FORMULAS[kind]
    shift = Corruption(CorruptionParams(type=kind, severity=severity))
    before, rng = np.asarray(photo).astype(int), np.random.default_rng(severity)
    ours, theirs = [], []
    for number in range(count):
        after = shift.apply(Sample(f"{number}", photo, 0, None)).image
        ours.append(np.asarray(after).astype(int) - before)
        wanted = np.clip(formula(before / 255.0, severity, rng), 0, 1) * 255
        theirs.append(np.floor(wanted + 1e-9) - before)
    spread = float(np.std(theirs))
    assert abs(np.mean(ours) - np.mean(theirs)) < tolerance * spread
    assert abs(np.std(ours) - spread) < tolerance * spread
