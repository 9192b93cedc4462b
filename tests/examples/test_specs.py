"""Every spec in ``examples/`` is valid, by both protocols, without any data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rateval.errors import SpecError
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol
from rateval.registry.discovery import discover
from rateval.spec.document import Document, read_document

EXAMPLES = Path(__file__).parents[2] / "examples"
SPECS = sorted(EXAMPLES.glob("*.toml"))
TABLES = sorted((EXAMPLES / "aaai25").glob("*.toml"))
PUBLISHED_ROWS = {"zs", "lp", "flcp", "ft"}
MODELS = ["CLIP ViT-B/32", "CLIP ViT-B/16", "ALBEF ViT-B/16", "BLIP ViT-B/16"]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put empty files where the specs look for weights: validating must not open them."""
    monkeypatch.chdir(tmp_path)
    Path("weights").mkdir()
    for spec in TABLES:
        for name in re.findall(r'"(weights/[^"]+)"', spec.read_text(encoding="utf-8")):
            Path(name).touch()


def plan_of(path: Path, protocol: Protocol | None = None) -> Plan:
    return make_plan(read_document(path), discover(third_party=False), protocol, look=False)


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
@pytest.mark.parametrize("path", [*SPECS, *TABLES], ids=name_of)
def test_every_example_is_valid_by_both_protocols(
    path: Path, protocol: Protocol, weights: None
) -> None:
    plan = plan_of(path, protocol)
    assert plan.cells
    assert bool(plan.differences) == (protocol == "aaai25")


@pytest.mark.parametrize("path", TABLES, ids=name_of)
def test_tables_of_the_paper_have_its_rows_and_settings(path: Path, weights: None) -> None:
    plan = plan_of(path)
    assert plan.spec.study.protocol == "aaai25"
    assert [choice.label for choice in plan.choices["model"]] == MODELS
    assert {choice.label for choice in plan.choices["finetune"]} == PUBLISHED_ROWS
    for choice in plan.choices["finetune"]:
        if choice.label == "zs":
            continue
        params = choice.params.model_dump()
        expected: dict[str, Any] = {
            "epochs": 10,
            "batch_size": 64 if path.stem.startswith("imagenet") else 32,
            "lr": 1e-3 if choice.label == "lp" else 1e-5,
            "optimizer": "adam",
            "schedule": "constant",
            "warmup": 0.0,
            "weight_decay": 0.0,
            "clip_norm": None,
            "augment": "published",
        }
        assert {key: params[key] for key in expected} == expected
    (temperature,) = [
        c.params.model_dump()["temperature"] for c in plan.choices["finetune"] if c.label == "flcp"
    ]
    assert temperature == "published"
    assert [metric.label for metric in plan.metrics] == ["accuracy", "pt", "ir"]
    assert plan.validators[0].params.model_dump()["threshold"] == 0.5


def test_there_is_a_spec_for_each_table() -> None:
    names = {path.stem for path in TABLES}
    assert names == {"caltech101", "cub200", "imagenet", "imagenet-c", "stanford-dogs"}


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_imagenet_c_is_of_files_or_made_one_line_apart(
    protocol: Protocol, tmp_path: Path, weights: None
) -> None:
    path = EXAMPLES / "aaai25" / "imagenet-c.toml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    made = [line for line in lines if not line.startswith("files = ")]
    assert len(made) == len(lines) - 1
    other = tmp_path / "made.toml"
    other.write_text("".join(made), encoding="utf-8")
    plans = [plan_of(path, protocol), plan_of(other, protocol)]
    assert [[cell.key for cell in plan.cells] for plan in plans] == [
        [cell.key for cell in plans[0].cells]
    ] * 2
    ways = [
        {choice.params.model_dump()["files"] for choice in plan.choices["shift"]} for plan in plans
    ]
    assert ways == [{Path("data/imagenet-c")}, {None}]
    for plan in plans:
        assert len(plan.datasets) == 1
        assert len(plan.choices["shift"]) == 8
        assert len({(c.key.model, c.key.finetuner) for c in plan.cells}) == 16


def test_weights_that_are_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        plan_of(EXAMPLES / "aaai25" / "cub200.toml")
    assert all("no such file: weights/" in str(problem) for problem in caught.value.problems)


def test_what_the_procedure_sets_is_not_in_the_specs_of_the_paper(weights: None) -> None:
    """By ``matched`` they compare methods at one depth, so nothing of it may be left in them."""
    for path in TABLES:
        document = read_document(path)
        data = document.data | {"study": document.data["study"] | {"protocol": "matched"}}
        registry = discover(third_party=False)
        plan = make_plan(Document(document.name, data, ""), registry, look=False)
        assert {c.attribution.params.model_dump()["layers"] for c in plan.cells} == {"all"}
        assert {c.params.model_dump()["protocol"] for c in plan.datasets} == {"matched"}
