"""Whether a map has the shape of what it covers, but for its fineness."""

from __future__ import annotations

from rateval.api import RatevalError

Shape = tuple[int, ...]
"""Rows and columns, or height and width."""


def is_alike(shape: Shape, other: Shape) -> bool:
    """Return whether ``shape`` is ``other`` made larger or smaller and brought to whole numbers.

    Both sides may have been rounded, cut off or rounded up.

    >>> is_alike((14, 18), (375, 500)), is_alike((14, 19), (375, 500)), is_alike((14, 14), (2, 3))
    (True, True, False)
    """
    for low in (-0.5, 0.0, -1.0):
        least = max((side + low) / whole for side, whole in zip(shape, other, strict=True))
        most = min((side + low + 1) / whole for side, whole in zip(shape, other, strict=True))
        if least < most:
            return True
    return False


def require_view(name: str, shape: Shape, view: Shape, grid: Shape) -> None:
    """Raise RatevalError unless a sample's map has the shape of the model's view or patches.

    >>> require_view("a", (28, 28), (224, 224), (7, 7))
    """
    if not (is_alike(shape, view) or is_alike(shape, grid)):
        raise RatevalError(
            f'precomputed: the map of "{name}" is {_write(shape)} (rows × columns), but the '
            f"model's view of a photo is {_write(view)}, after its resize and crop: of another "
            "aspect ratio, the map cannot cover it. Give maps of the view, such as "
            f'{_write(view)} or its {_write(grid)} patches, or set geometry = "image" where they '
            "cover the whole photo"
        )


def require_photo(name: str, shape: Shape, size: Shape) -> None:
    """Raise RatevalError unless a sample's map has the shape of its photo.

    >>> require_photo("a", (30, 40), (1200, 1600))
    """
    if is_alike(shape, size):
        return
    if is_alike(shape[::-1], size):
        advice = (
            "turned by a quarter, it would fit: what EXIF says of a photo's orientation is applied "
            'before it is looked at, unless the dataset leaves it as stored (exif = "ignore"), and '
            "the map has to be turned, or left, likewise"
        )
    else:
        advice = (
            f"give a map that covers the whole photo, {_write(size)} or coarser, or set geometry "
            '= "view" where it covers what the model sees of it, after resize and crop'
        )
    raise RatevalError(
        f'precomputed: the map of "{name}" is {_write(shape)} (rows × columns), but its photo is '
        f"{_write(size)}, of another aspect ratio; {advice}"
    )


def _write(shape: Shape) -> str:
    return " × ".join(map(str, shape))
