"""Names that other programs take, made of labels."""

from __future__ import annotations

from collections.abc import Iterable


def name_fields(labels: Iterable[str]) -> dict[str, str]:
    """Return labels of cells to names: letters, digits and low lines, each its own.

    >>> name_fields(["clip · ft on a", "clip · ft on A!"])
    {'clip · ft on a': 'clip_ft_on_a', 'clip · ft on A!': 'clip_ft_on_a_2'}
    """
    found: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        base = name = fold(label)
        number = 1
        while name in found.values():
            number += 1
            name = f"{base}_{number}"
        found[label] = name
    return found


def fold(label: str) -> str:
    """Return a label in small letters, digits and low lines, beginning with a letter.

    >>> fold("ViT-B/32 · zs"), fold("?")
    ('vit_b_32_zs', 'cell')
    """
    signs = (sign if sign.isascii() and sign.isalnum() else " " for sign in label.lower())
    name = "_".join("".join(signs).split())
    return name if name[:1].isalpha() else f"cell_{name}".rstrip("_")
