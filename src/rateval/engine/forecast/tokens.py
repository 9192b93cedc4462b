"""Maps of single tokens in a forecast: which there are hangs on pictures, and these on verdicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.forecast.forecast import StageForecast
from rateval.engine.picturing.tokens import speaks
from rateval.plan.plan import Plan
from rateval.records.about.tokens import TOKENS
from rateval.store.identity import identify
from rateval.workbench.bench import Workbench

_WHY = (
    "how many tokens there are is known once they are answered; of which units, once these are "
    "judged"
)


def forecast_tokens(
    plan: Plan,
    bench: Workbench,
    graph: Graph,
    selected: Collection[str],
    to_do: Collection[str],
    units: Mapping[str, int],
) -> StageForecast:
    """Return the steps that explain single tokens, at most so many: verdicts say of which units.

    Those of a cell count as stored where all else of it is.
    """
    report = plan.spec.report
    there = {
        steps.infer.identity: steps
        for steps in graph.cells
        if steps.infer.identity in selected and speaks(steps.cell, bench)
    }
    shares = _share_pictures(graph, report.pictures)
    each = {
        name: min(report.tokens, shares[_test_of(steps)], units[name])
        for name, steps in there.items()
    }
    kept = [name for name, count in each.items() if count]
    todo = [name for name in kept if any(step.identity in to_do for step in there[name])]
    return StageForecast(
        stage=TOKENS,
        steps=len(kept),
        stored=len(kept) - len(todo),
        to_do=len(todo),
        units=sum(each[name] for name in todo),
        shards=None,
        bytes=None if todo else 0,
        bytes_whole=not todo,
        seconds=None if todo else 0.0,
        seconds_whole=not todo,
        why=_WHY if todo else "",
    )


def _share_pictures(graph: Graph, count: int) -> dict[tuple[str, str], int]:
    """Return how many pictures each test has at most: those of a dataset share them."""
    tests = {_test_of(steps) for steps in graph.cells}
    return {test: -(-count // sum(other[0] == test[0] for other in tests)) for test in tests}


def _test_of(steps: CellSteps) -> tuple[str, str]:
    asked = steps.infer.inputs
    return steps.cell.dataset.label, identify({name: asked[name] for name in ("test", "shift")})
