"""What is bundled bears inputs at the edge, and does the same when it is made twice."""

from __future__ import annotations

import pytest

from rateval.api.component import Component, Context
from rateval.api.kinds import Kind
from rateval.registry.discovery import discover
from rateval.registry.references import follow
from rateval.testing.failure import ConformanceError, gathering, part, require
from rateval.testing.plugin.determinism import check_determinism
from rateval.testing.plugin.hostile import check_hostile
from rateval.testing.plugin.protocol_lines import find_line

NEED_PARAMS = {"corruption"}
KINDS: tuple[Kind, ...] = ("validator", "metric", "shift", "task")
BUNDLED = [
    (kind, found.component)
    for kind in KINDS
    for found in discover(third_party=False).of_kind(kind)
    if found.component.name not in NEED_PARAMS
]


@pytest.mark.parametrize(("kind", "component"), BUNDLED, ids=lambda one: getattr(one, "name", one))
def test_what_is_bundled(kind: Kind, component: Component) -> None:
    params = follow(component.params)()

    def make() -> object:
        made: object = follow(component.factory)(params, Context())
        return made

    check_hostile(kind, component, make())
    check_determinism(kind, component, make)


def test_gathering_goes_on_and_ends_a_part_at_the_second_fault_of_a_line() -> None:
    with gathering() as gathered:
        with part("one"):
            require(False, "A.first", "be", 1)
            require(True, "A.sound", "be", 1)
            for index in range(3):
                require(False, f"A.{index}", "be kept", index)
            require(False, "A.never", "be reached", 1)
        with part("two"):
            require(False, "B", "be", 2)
        with part("three"):
            raise ValueError("as asked")
    said = [str(error) for error in gathered.errors]
    assert said[:3] == [
        "A.first must be; got 1",
        "A.0 must be kept; got 0",
        "B must be; got 2",
    ]
    assert said[3].startswith("three must not raise; got ValueError: as asked (test_edges.py:")
    assert len(said) == 4


def test_what_follows_from_a_fault_is_none() -> None:
    with gathering() as gathered, part("it"):
        require(False, "A", "be a number", None)
        raise TypeError("and so this can't be")
    assert [str(error) for error in gathered.errors] == ["A must be a number; got None"]


def test_nothing_is_gathered_otherwise() -> None:
    with pytest.raises(ConformanceError, match=r"^A must be; got 1$"), part("it"):
        require(False, "A", "be", 1)
    with pytest.raises(ValueError, match="as asked"), part("it"):
        raise ValueError("as asked")


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("Metric.compute, with no outcome,", "def compute(self, outcomes: Outcomes) -> Score:"),
        ("Explanation.relevance", "relevance: torch.Tensor"),
        ("Model.record_attention, layer 0,", "def record_attention("),
        ("Dataset.test.samples", "def test(self) -> Split:"),
        ("eyes-metric: needs", 'needs: str = ""'),
        ("eyes-metric: EyesMetricParams.least", "class Params(BaseModel):"),
    ],
)
def test_a_promise_stands_in_a_line(where: str, line: str) -> None:
    from pathlib import Path

    import rateval

    file, _, number = find_line(where).rpartition(":")
    source = (Path(rateval.__file__).parents[1] / file).read_text(encoding="utf-8").splitlines()
    assert source[int(number) - 1].strip().startswith(line)
