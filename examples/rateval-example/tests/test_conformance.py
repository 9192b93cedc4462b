from __future__ import annotations

from rateval_example.plugin import DOUBLY_RIGHT, GRAYSCALE

from rateval.testing import check_component


def test_doubly_right_keeps_its_promises() -> None:
    check_component(DOUBLY_RIGHT, "metric")


def test_grayscale_keeps_its_promises() -> None:
    check_component(GRAYSCALE, "shift")
    check_component(GRAYSCALE, "shift", strength=0.5)
