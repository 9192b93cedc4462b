"""What is registered. Imports nothing but rateval.api, so that listing stays fast."""

from __future__ import annotations

from rateval.api import Component, hookimpl

DOUBLY_RIGHT = Component(
    name="doubly-right",
    summary="Share of all images that are correct on valid evidence, RR/N",
    factory="rateval_example.metrics:make_doubly_right",
    params="rateval_example.params:DoublyRightParams",
    source="Mao et al., CVPR 2023",
)

GRAYSCALE = Component(
    name="grayscale",
    summary="Test images without their colours",
    factory="rateval_example.shifts:make_grayscale",
    params="rateval_example.params:GrayscaleParams",
)


@hookimpl
def rateval_register_metrics() -> list[Component]:
    """Return doubly-right."""
    return [DOUBLY_RIGHT]


@hookimpl
def rateval_register_shifts() -> list[Component]:
    """Return grayscale."""
    return [GRAYSCALE]
