"""Tasks that break a promise on units, as the suite and a study tell of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rateval.api import Context, PluginError
from rateval.api.tasks.task import Units
from rateval.tasks.captioning.captions import Captions
from rateval.tasks.captioning.task import make_captioning
from rateval.tasks.params import CaptioningParams
from rateval.testing import ConformanceError, check_task
from rateval.workbench.units import require_units

CASES: list[tuple[Any, str]] = [
    (lambda units: replace(units, places=units.places[::-1]), "ordered"),
    (lambda units: replace(units, labels=units.labels * 0), "ordered"),
    (lambda units: replace(units, names=("same",) * len(units.names)), "name"),
    (lambda units: replace(units, masks=units.masks[:-1]), "masks|as much of everything"),
    (lambda units: replace(units, samples=units.samples[:1]), "row"),
]


class Broken:
    """Captions whose units come out of place."""

    def __init__(self, change: Any) -> None:
        self._change, self._task = change, make_captioning(CaptioningParams(), Context())

    def pose(self, dataset: Any) -> Captions:
        posed, change = self._task.pose(dataset), self._change

        class Posed(Captions):
            def explain(self, *given: Any) -> Any:
                found = super().explain(*given)
                assert found.units is not None
                return replace(found, units=change(found.units))

        return Posed(posed.phrases, posed.classes, posed.right)


def make_units() -> Units:
    found: list[Units] = []

    def note(units: Units) -> Units:
        found.append(units)
        return units

    check_task(Broken(note))
    return found[0]


@pytest.mark.parametrize(("change", "told"), CASES)
def test_the_suite_tells_of_broken_units(change: Any, told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        check_task(Broken(change))


@pytest.mark.parametrize(("change", "told"), CASES)
def test_a_study_tells_of_broken_units(change: Any, told: str) -> None:
    units = make_units()
    assert require_units(units, 3) == len(units.places) == 3
    assert np.array_equal(units.labels, [0, 1, 2])
    with pytest.raises(PluginError, match=told):
        require_units(change(units), 3)
