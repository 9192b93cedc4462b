from __future__ import annotations

from pathlib import Path

import pytest
from rateval_example import plugin

from rateval.api import Component
from rateval.api.kinds import Kind
from rateval.testing import check_component

COMPONENTS: list[tuple[Kind, Component]] = [
    ("dataset", plugin.SIGNS),
    ("model", plugin.TINY_ENCODER),
    ("finetuner", plugin.NEAREST_MEAN),
    ("attribution", plugin.GRAD_ECLIP),
    ("validator", plugin.HANGS_ON_OBJECT),
    ("metric", plugin.DOUBLY_RIGHT),
    ("shift", plugin.GRAYSCALE),
    ("task", plugin.OR_NONE),
    ("executor", plugin.COUNTING),
    ("tracker", plugin.TABLE),
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("kind", "component"), COMPONENTS, ids=lambda one: getattr(one, "name", one)
)
def test_it_keeps_its_promises(kind: Kind, component: Component) -> None:
    check_component(component, kind)
