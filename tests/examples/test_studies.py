"""The studies of shifts and of training sets: what they train and test, and a small run of each."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.api.component import Context
from rateval.engine.cell_steps import Graph
from rateval.engine.graph import make_graph
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import read_document
from rateval.workbench.bench import Workbench

EXAMPLES = Path(__file__).parents[2] / "examples"
DATASET = re.compile(r"bias (?P<bias>[\d.]+), (?P<size>\d+) scenes, (?P<test>biased|unbiased) test")


def laid_out(name: str) -> tuple[Plan, Graph]:
    plan = make_plan(read_document(EXAMPLES / f"{name}.toml"), discover(third_party=False))
    return plan, make_graph(plan, Workbench(Context(device="cpu")))


def counted(graph: Graph, stage: str) -> int:
    return sum(step.stage == stage for step in graph.steps.values())


def test_shapes_c_has_all_types_and_trains_each_method_once() -> None:
    plan, graph = laid_out("shapes-c")
    shifts = [choice.shift for choice in plan.choices["shift"]]
    assert len({shift.type for shift in shifts if shift}) == 19
    assert Counter(shift.severity for shift in shifts if shift) == {1: 19, 3: 19, 5: 19}
    assert len(plan.cells) == 2 * 58 * 4
    assert counted(graph, "finetune") == 4
    assert counted(graph, "infer") == counted(graph, "counterfactual") == len(plan.cells)


def test_why_trains_nothing_twice_and_tests_all_alike() -> None:
    plan, graph = laid_out("why")
    seeds, models, methods, depths = len(plan.spec.study.all_seeds), 3, 5, 2
    trainings = set()
    for choice in plan.datasets:
        found = DATASET.fullmatch(choice.label)
        assert found
        params = choice.params.model_dump()
        assert params["train_bias"] == float(found["bias"])
        assert params["train_size"] == int(found["size"])
        assert params["test_bias"] == (0.9 if found["test"] == "biased" else 0.0)
        assert (params["test_size"], params["style"], params["seed"]) == (200, "hard", None)
        trainings.add((found["bias"], found["size"]))
    star = {(bias, "1000") for bias in ("0", "0.5", "0.7", "0.9")}
    assert trainings == star | {("0.9", size) for size in ("300", "3000")}
    assert len(plan.datasets) == 2 * len(trainings)
    trained = len(trainings) * methods * models * seeds
    assert counted(graph, "finetune") == trained + models  # zero-shot once for each model
    # Zero-shot is asked once for each test, whatever the others were trained on.
    tests = 2 * trained + 2 * models * seeds
    assert counted(graph, "counterfactual") == tests
    assert counted(graph, "infer") == tests * depths


def test_parts_of_why_are_what_its_comments_say() -> None:
    text = (EXAMPLES / "why.toml").read_text(encoding="utf-8")
    patterns = re.findall(r"--only '([^']+)'", text)
    assert patterns == ["clip · *", "* · ft on bias 0.9, *", "* seed 300"]
    _, graph = laid_out("why")
    from rateval.engine.selection import select

    for pattern, trained in zip(patterns, (6 * 5 * 3 + 1, 3 * 3 * 3, 6 * 5 * 3 + 3), strict=True):
        chosen = select(graph, [pattern])
        steps = [graph.steps[identity] for identity in chosen if identity in graph.steps]
        assert sum(step.stage == "finetune" for step in steps) == trained


def small(name: str, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """Return a spec of the same tables, with few scenes and short trainings."""
    spec = tomllib.loads((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
    for dataset in spec["dataset"]:
        dataset |= {"train_size": 40, "test_size": 10}
    for method in spec["finetune"]:
        if "epochs" in method:
            method |= {"epochs": 1}
    spec["counterfactual"] = {"donors": 1}
    spec["report"] = {"pictures": 0}
    spec["run"] |= {"device": "cpu", "output": str(tmp_path / "runs")}
    return spec | changes


def test_a_small_run_of_shapes_c(tmp_path: Path) -> None:
    spec = small("shapes-c", tmp_path)
    spec["shift"][0] |= {"type": ["fog", "zoom_blur"], "severity": [3]}
    spec["dataset"] = spec["dataset"][:1]
    record = rateval.run(spec)
    assert (record.status, len(record.cells)) == ("finished", 3 * 4)
    for cell in record.cells:
        assert cell.count == 10
        assert cell.counterfactual is not None
        assert {one.validator for one in cell.evidence} == {"relevance-mass", "counterfactual"}


@pytest.mark.parametrize("model", ["clip", "blip"])
def test_a_small_run_of_why(tmp_path: Path, model: str) -> None:
    spec = small("why", tmp_path, model=[{"use": model}])
    spec["study"] |= {"seeds": [300]}
    # A training split of a bias of its own each, which a size of 40 leaves.
    spec["dataset"] = [one for one in spec["dataset"] if "bias 0," in one["name"]][:2]
    record = rateval.run(spec)
    assert (record.status, len(record.cells)) == ("finished", 2 * 6 * 2)
    assert sum(one.stage == "finetune" for one in record.stages) == 6
