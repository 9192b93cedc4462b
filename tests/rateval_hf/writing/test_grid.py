"""A bright square lands where it is: from pixels to tokens to words, and back on the grid."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from rateval.api.tasks.texts import Passed
from rateval_hf.writing.qwen import by_window
from rateval_hf.writing.tiles import resizing

CELLS = ((0, 0), (1, 2), (3, 1), (2, 3))


def _without_attention(model: Any) -> Any:
    """Return a copy whose image tower sees each patch for itself."""
    twin = copy.deepcopy(model)
    for watched in twin._vision:
        out = next(
            getattr(watched.layer, name)
            for name in ("out_proj", "proj")
            if hasattr(watched.layer, name)
        )
        with torch.no_grad():
            out.weight.zero_()
            out.bias.zero_()
    return twin


def _seen(model: Any, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tower's tokens before its attention (N, D), the text's before its own (M, D)."""
    kept: list[torch.Tensor] = []

    def keep(_: Any, arguments: Any, named: Any) -> None:
        given = arguments[0] if arguments else named["hidden_states"]
        kept.append(given.reshape(-1, given.shape[-1]))

    layers = (model._vision[0].layer, model._text[0].layer)
    handles = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]
    with torch.no_grad():
        model.score(image[None], ["red?"], ["cat"])
    for handle in handles:
        handle.remove()
    return kept[0], kept[1]


def _differ(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = (one - other).abs().amax(dim=1) > 1e-6
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_a_bright_square_lands_where_it_is(case: Any, cell: tuple[int, int]) -> None:
    model = _without_attention(case.make())
    height, width = model.card.image_size
    rows, columns = model.grid
    # Scaled to the grid, so that every tile and every window has its turn.
    row, column = cell[0] * rows // 4 + rows // 8, cell[1] * columns // 4
    patch = height // rows
    dark = torch.zeros(3, height, width)
    bright = dark.clone()
    place = (slice(row * patch, (row + 1) * patch), slice(column * patch, (column + 1) * patch))
    bright[:, place[0], place[1]] = 1.0
    before, after = (_seen(model, image) for image in (dark, bright))
    tokens, words = (_differ(one, other) for one, other in zip(before, after, strict=True))

    found = model.put_on_grid(tokens[None].float())[0]
    assert found[row, column] == found.max() > 0
    if case.params.get("tiles"):
        # Patches of the whole image are as wide as two, and its filter reaches over their edges.
        sharp = found >= 1
        assert sharp.nonzero().tolist() == [[row, column]]
        near = found.nonzero() - torch.tensor([row, column])
        assert float(near.abs().max()) <= 3
    else:
        assert found.nonzero().tolist() == [[row, column]]

    with model.record_flow() as flow:
        model.score(bright[None], ["red?"], ["cat"])
    passed = next(step for step in flow.steps if isinstance(step, Passed))
    became = set(passed.places[0][tokens].tolist())
    assert became == set(words.nonzero()[:, 0].tolist())
    assert -1 not in became


def test_words_share_what_they_hold_among_their_patches(case: Any) -> None:
    model = case.make()
    height, width = model.card.image_size
    with model.record_flow() as flow:
        model.score(torch.zeros(1, 3, height, width), ["red?"], ["cat"])
    places = next(step for step in flow.steps if isinstance(step, Passed)).places[0]
    kept = places[places >= 0]
    merged = {"llava": 1, "llava-siglip": 1}.get(case.kind, 4)
    counts = torch.bincount(kept)
    assert set(counts[counts > 0].tolist()) == {merged}
    # What becomes one word is a square of patches.
    for place in sorted(set(kept.tolist())):
        own = model.put_on_grid((places == place)[None].float())[0]
        rows, columns = own.nonzero().unbind(dim=1)
        side = int(rows.max() - rows.min()) + 1
        assert (side, int(columns.max() - columns.min()) + 1) == (side, side)
        assert len(rows) == side * side


def test_nothing_is_lost_on_the_grid(case: Any) -> None:
    model = case.make()
    count = len(model._family.places)
    relevance = torch.rand(2, count, generator=torch.Generator().manual_seed(2))
    placed = model.put_on_grid(relevance)
    assert placed.shape == (2, *model.grid)
    expected = relevance[:, 1:] if case.kind == "llava" else relevance
    assert torch.allclose(placed.sum(dim=(1, 2)), expected.sum(dim=1), atol=1e-4)


def test_windows_are_those_of_transformers() -> None:
    vision_utils = pytest.importorskip("transformers.vision_utils")
    for side, window in ((8, 2), (5, 2), (6, 4)):
        sizes = torch.tensor([[1, 2 * side, 2 * side]])
        expected, _ = vision_utils.get_vision_window_index(sizes, 2, 2 * 4 * window, 4)
        assert torch.equal(by_window(side, window), expected)


def test_the_resizing_matrix_is_even() -> None:
    for resample in (0, 1, 2, 3):
        weights = resizing(64, 32, resample)
        assert weights.shape == (64, 32)
        assert torch.allclose(weights.sum(dim=0), torch.ones(32), atol=1e-5)
