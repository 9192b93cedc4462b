"""What ``protocol = "aaai25"`` makes of a spec, rule by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.cli.studies.validate import describe_plan
from rateval.errors import SpecError
from rateval.facade import open_spec
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol, load_procedure
from rateval.registry.discovery import discover
from rateval.registry.references import params_class
from rateval.spec.document import Document
from rateval.workbench.build import determine

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROOTS = {"root": "data/none"}
DATASETS: dict[str, dict[str, Any]] = {
    "imagenet": ROOTS,
    "imagenet-c": ROOTS | {"corruption": "fog", "severity": 3},
    "caltech101": ROOTS,
    "cub200": ROOTS,
    "stanford-dogs": ROOTS,
}
DEPTHS = "are explained by the last layer alone"
CONSTANT = "a constant map counts as valid evidence"
MEANS = "images are normalised by ImageNet's mean"
UNTOUCHED = "not of the paper, and therefore taken as the spec has it: "


def plan_of(
    *finetuners: str | dict[str, Any],
    protocol: str = "aaai25",
    prevailing: Protocol | None = None,
    **tables: Any,
) -> Plan:
    entries = [{"use": use} if isinstance(use, str) else use for use in finetuners or ("zs",)]
    spec: dict[str, Any] = {
        "study": {"name": "s", "protocol": protocol},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": entries,
    } | {
        table: [{"use": e} if isinstance(e, str) else e for e in tables[table]] for table in tables
    }
    return make_plan(
        Document("spec", spec, ""), discover(third_party=False), prevailing, look=False
    )


def problems_of(*finetuners: str | dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan_of(*finetuners, **more)
    return [str(problem) for problem in caught.value.problems]


def params(choice: Choice) -> dict[str, Any]:
    return choice.params.model_dump()


def depths(plan: Plan) -> dict[str, Any]:
    return {cell.finetuner.label: params(cell.attribution)["layers"] for cell in plan.cells}


def test_matched_changes_nothing() -> None:
    plan = plan_of("zs", "ft", "lora", protocol="matched")
    assert depths(plan) == {"zs": "all", "ft": "all", "lora": "all"}
    assert plan.differences == ()
    assert {choice.finetuners for choice in plan.all_choices} == {None}
    assert plan.spec.study.protocol == "matched"


def test_the_depth_of_explanation_is_that_of_the_method() -> None:
    plan = plan_of("flcp", "lp", "zs", "ft")
    assert depths(plan) == {"flcp": "last", "lp": "all", "zs": "last", "ft": "all"}
    assert [cell.finetuner.label for cell in plan.cells] == ["flcp", "lp", "zs", "ft"]
    last, whole = plan.choices["attribution"]
    assert (last.finetuners, whole.finetuners) == (("flcp", "zs"), ("lp", "ft"))
    assert last.label == whole.label == "generic-attention"
    assert any(DEPTHS in sentence for sentence in plan.differences)
    assert "4 cells = 1 dataset × 1 model × 4 finetune × 1 attribution, protocol aaai25" in (
        describe_plan(plan)
    )


def test_methods_are_known_by_their_component_not_by_their_label() -> None:
    plan = plan_of({"use": "ft", "name": "zs"}, {"use": "zs", "name": "before"})
    assert depths(plan) == {"zs": "all", "before": "last"}


def test_a_checkpoint_has_the_depth_of_a_head_when_its_head_is_named() -> None:
    headless = {"use": "checkpoint", "name": "prompts", "path": "a.pt"}
    headed = {"use": "checkpoint", "name": "head", "path": "a.pt", "head": "head.safetensors"}
    assert depths(plan_of(headless, headed)) == {"prompts": "last", "head": "all"}


def test_every_attribution_of_the_spec_has_its_depths() -> None:
    plan = plan_of(
        "zs",
        "ft",
        attribution=["generic-attention", {"use": "generic-attention", "name": "again"}, "legrad"],
    )
    found = [
        (cell.finetuner.label, cell.attribution.label, params(cell.attribution)["layers"])
        for cell in plan.cells
    ]
    assert found == [
        ("zs", "generic-attention", "last"),
        ("zs", "again", "last"),
        ("zs", "legrad", "all"),
        ("ft", "generic-attention", "all"),
        ("ft", "again", "all"),
        ("ft", "legrad", "all"),
    ]
    assert plan.differences[-1] == f"{UNTOUCHED}shapes, legrad"


def test_target_and_score_are_the_published_ones() -> None:
    (choice,) = plan_of("zs").choices["attribution"]
    assert (params(choice)["target"], params(choice)["score"]) == ("label", "raw")


def test_a_constant_map_is_valid_evidence() -> None:
    plan = plan_of("zs", evidence=[{"use": "relevance-mass", "threshold": 0.4}, "pointing-game"])
    first, second = plan.validators
    assert params(first) == {"threshold": 0.4, "degenerate": "published"}
    assert "degenerate" not in params(second)
    assert any(CONSTANT in sentence for sentence in plan.differences)
    assert plan.differences[-1] == f"{UNTOUCHED}shapes, pointing-game"


@pytest.mark.parametrize("model", ["clip", "albef", "blip"])
def test_models_take_the_mean_of_imagenet(model: str) -> None:
    plan = plan_of("zs", model=[model])
    (choice,) = plan.choices["model"]
    assert params(choice)["image_mean"] == IMAGENET_MEAN
    assert params(choice)["image_std"] == IMAGENET_STD
    assert any(MEANS in sentence for sentence in plan.differences)


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_take_their_own_protocol(name: str) -> None:
    plan = plan_of("zs", dataset=[{"use": name} | DATASETS[name]])
    assert params(plan.datasets[0])["protocol"] == "aaai25"
    assert any(sentence.startswith(f"{name}: ") for sentence in plan.differences)
    assert not any(sentence.startswith(UNTOUCHED) for sentence in plan.differences)


def test_every_rule_names_a_param_that_is_there_and_says_so_once() -> None:
    """A component that is renamed, or loses a param, must not drop out of the procedure unseen."""
    registry, procedure = discover(third_party=False), load_procedure()
    for difference in procedure.differences:
        for name in difference.components:
            found = registry.find(difference.kind, name)
            assert found is not None, name
            assert set(difference.set) <= set(params_class(found).model_fields), name
        for name in difference.finetuners or ():
            assert name in procedure.methods
    for name in procedure.methods:
        assert registry.find("finetuner", name) is not None
    rules = [d for d in procedure.differences if d.components == ["generic-attention"]]
    covered = [name for rule in rules for name in rule.finetuners or ()]
    assert set(covered) == set(procedure.methods), "each method has a depth"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"attribution": [{"use": "generic-attention", "layers": "all"}]},
            'sets attribution[0].layers itself, to "last" for zs and "all" for ft, where the spec '
            'has "all"; leave layers out, or set protocol = "matched"',
        ),
        (
            {"attribution": ["legrad", {"use": "generic-attention", "target": "prediction"}]},
            'sets attribution[1].target itself, to "label", where the spec has "prediction"; '
            "leave target out, or",
        ),
        (
            {"model": [{"use": "clip", "image_mean": [0.5, 0.5, 0.5]}]},
            "sets model[0].image_mean itself, to [0.485, 0.456, 0.406], where the spec has "
            "[0.5, 0.5, 0.5]; leave image_mean out, or",
        ),
        (
            {"evidence": [{"use": "relevance-mass", "degenerate": "undefined"}]},
            'sets evidence[0].degenerate itself, to "published", where the spec has "undefined"',
        ),
        (
            {"dataset": [{"use": "cub200", "root": "data/none", "protocol": "matched"}]},
            'sets dataset[0].protocol itself, to "aaai25", where the spec has "matched"',
        ),
    ],
)
def test_what_contradicts_the_procedure_is_refused(given: dict[str, Any], problem: str) -> None:
    (found,) = problems_of("zs", "ft", **given)
    assert found.startswith(f'spec: study.protocol = "aaai25": {problem}')


def test_what_agrees_with_the_procedure_is_no_problem() -> None:
    plan = plan_of(
        "ft",
        attribution=[{"use": "generic-attention", "layers": "all", "score": "raw"}],
        model=[{"use": "clip", "image_mean": list(IMAGENET_MEAN)}],
        evidence=[{"use": "relevance-mass", "degenerate": "published"}],
    )
    assert depths(plan) == {"ft": "all"}
    assert plan.differences == (
        next(s for s in plan.differences if MEANS in s),
        f"{UNTOUCHED}shapes",
    )


@pytest.mark.parametrize("use", ["evidence-ft", "lora", "lp-ft", "wise-ft"])
def test_a_method_that_the_paper_does_not_have_is_refused(use: str) -> None:
    (found,) = problems_of("zs", use)
    assert found == (
        f'spec: finetune[1].use = "{use}": study.protocol = "aaai25" is known for zs, lp, flcp, '
        "ft, checkpoint alone, as the paper has no other method; leave this one out, or set "
        'protocol = "matched"'
    )


def test_all_problems_come_together() -> None:
    found = problems_of(
        "zs",
        "lora",
        attribution=[{"use": "generic-attention", "layers": 2}],
        model=[{"use": "clip", "image_std": [1.0, 1.0, 1.0]}],
    )
    assert len(found) == 3


def test_what_a_dataset_fixes_in_turn_is_its_own_message() -> None:
    (found,) = problems_of(
        "zs", dataset=[{"use": "caltech101", "root": "data/none", "train_per_class": 20}]
    )
    assert 'protocol = "aaai25" fixes classes and split: leave out train_per_class' in found


def test_an_unknown_protocol_is_refused() -> None:
    (found,) = problems_of("zs", protocol="aaai")
    assert found.startswith("spec: study.protocol = \"aaai\": must be 'matched' or 'aaai25'")


def test_a_protocol_that_prevails_replaces_what_the_spec_sets() -> None:
    plan = plan_of(
        "zs",
        "ft",
        "lora",
        protocol="matched",
        prevailing="aaai25",
        attribution=[{"use": "generic-attention", "layers": "last", "target": "prediction"}],
        model=[{"use": "clip", "image_mean": [0.5, 0.5, 0.5]}],
    )
    assert plan.spec.study.protocol == "aaai25"
    assert depths(plan) == {"zs": "last", "ft": "all"}
    assert {params(cell.attribution)["target"] for cell in plan.cells} == {"label"}
    assert params(plan.choices["model"][0])["image_mean"] == IMAGENET_MEAN
    assert "lora is left out: the paper has no such method" in plan.differences
    assert any("the label's own score is explained" in s for s in plan.differences)


def test_matched_prevails_as_well() -> None:
    plan = plan_of("zs", "ft", "lora", prevailing="matched")
    assert plan.spec.study.protocol == "matched"
    assert depths(plan) == {"zs": "all", "ft": "all", "lora": "all"}


def test_where_no_method_is_the_papers_nothing_can_be_compared() -> None:
    (found,) = problems_of("lora", protocol="matched", prevailing="aaai25")
    assert found == (
        "spec: finetune: no method of the study is one of the paper's; "
        "add one of zs, lp, flcp, ft, checkpoint"
    )


def test_what_both_protocols_have_in_common_has_one_identity() -> None:
    """So that a run by the one reuses what a run by the other stored."""
    entries: dict[str, Any] = {
        "model": [
            {"use": "clip", "image_mean": list(IMAGENET_MEAN), "image_std": list(IMAGENET_STD)}
        ]
    }
    matched = plan_of("zs", "ft", protocol="matched", **entries)
    published = plan_of("zs", "ft", **entries)
    for table in ("dataset", "model", "finetune", "metric"):
        pairs = zip(matched.choices[table], published.choices[table], strict=True)
        for one, other in pairs:
            assert determine(one, 0) == determine(other, 0)
    (whole,) = matched.choices["attribution"]
    assert determine(whole, 0) == determine(published.choices["attribution"][1], 0)


def test_a_spec_as_published_is_opened_again() -> None:
    plan = plan_of("zs", "ft")
    again = make_plan(open_spec(plan.spec), discover(third_party=False))
    assert again.spec.study.protocol == "aaai25"
    assert depths(again) == depths(plan)


def test_the_bundled_models_and_datasets_with_their_own_normalisation_are_all_covered() -> None:
    """A model with a mean of its own that the procedure forgets would keep it silently."""
    registry, procedure = discover(third_party=False), load_procedure()
    for kind, table, key in (("model", "model", "image_mean"), ("dataset", "dataset", "protocol")):
        for found in registry.components.values():
            published = "classification" in found.component.tasks  # which asked no questions
            if found.kind == kind and published and key in params_class(found).model_fields:
                rules = procedure.of(table, found.component.name)
                assert any(key in rule.set for rule in rules), found.component.name


def test_the_file_ships_with_the_package() -> None:
    assert (Path(__file__).parents[3] / "src/rateval/plan/aaai25.toml").is_file()
    assert len(load_procedure().differences) > 5
