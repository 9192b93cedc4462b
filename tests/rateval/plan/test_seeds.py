"""What a study's seeds make of a spec: messages, cells, labels and identities."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rateval.cli.studies.validate import describe_plan
from rateval.errors import SpecError
from rateval.facade import open_spec
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.plan.seeds import depends_on_seed, factory_seed, object_seed, seeds_of
from rateval.registry.discovery import discover
from rateval.spec.document import read_document
from rateval.spec.study import Study
from rateval.workbench.build import determine

SPEC = """
[study]
name = "s"
{study}
[[dataset]]
use = "shapes"
{dataset}
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
{ft}
[[attribution]]
use = "generic-attention"
{more}
"""
RANDOM = '[[attribution]]\nuse = "random"\n'
FIXED = "seed = 7"


def plan_of(
    tmp_path: Path, *, study: str = "", dataset: str = "", ft: str = "", more: str = ""
) -> Plan:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.format(study=study, dataset=dataset, ft=ft, more=more))
    return make_plan(read_document(path), discover(third_party=False))


def problem_of(tmp_path: Path, study: str) -> str:
    with pytest.raises(SpecError) as caught:
        plan_of(tmp_path, study=study)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{tmp_path / 'spec.toml'}: ")


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            "seed = 1\nseeds = [1, 2]",
            'study = {"name": "s", "seed": 1, "seeds": [1, 2]}: has both `seed` and `seeds`; '
            "keep `seed` to run once, or `seeds` to repeat what depends on the seed",
        ),
        (
            "seeds = [3, 4, 3]",
            "study.seeds = [3, 4, 3]: must be different seeds, but 3 is named more than once, "
            "which would count one result as several; name each seed once",
        ),
        ("seeds = []", "study.seeds = []: tuple should have at least 1 item"),
        ("seeds = [0, -1]", "study.seeds[1] = -1: must be greater than or equal to 0"),
        ("seeds = [0, 4294967296]", "study.seeds[1] = 4294967296: must be less than 4294967296"),
        ('seeds = ["0"]', 'study.seeds[0] = "0": must be a valid integer'),
        ("seeds = 3", "study.seeds = 3: must be a valid"),
        (f"seeds = {list(range(1001))}", "tuple should have at most 1000 items"),
    ],
)
def test_seeds_that_are_none_get_their_message(tmp_path: Path, study: str, message: str) -> None:
    assert message in problem_of(tmp_path, study)


def test_one_seed_is_a_study_as_ever(tmp_path: Path) -> None:
    for study, seed in (("", 0), ("seed = 5", 5), ("seeds = [5]", 5)):
        plan = plan_of(tmp_path, study=study)
        assert plan.seeds == (seed,)
        assert [cell.label for cell in plan.cells] == ["clip · zs on shapes", "clip · ft on shapes"]
        assert [cell.seed for cell in plan.cells] == [seed, seed]


def test_seeds_vary_faster_than_methods_and_slower_than_tests(tmp_path: Path) -> None:
    other = '[[dataset]]\nuse = "shapes"\nname = "other"\n'
    plan = plan_of(tmp_path, study="seeds = [4, 2]", more=other)
    assert [cell.label for cell in plan.cells] == [
        f"clip · {method} on {dataset}, seed {seed}"
        for method in ("zs", "ft")
        for seed in (4, 2)
        for dataset in ("shapes", "other")
    ]


def test_what_depends_on_no_seed_is_one_cell(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, study="seeds = [4, 2]", dataset=FIXED, more=RANDOM)
    found = [(cell.finetuner.label, cell.attribution.label, cell.seed) for cell in plan.cells]
    assert found == [
        ("zs", "generic-attention", None),
        ("zs", "random", 4),
        ("zs", "random", 2),
        ("ft", "generic-attention", 4),
        ("ft", "random", 4),
        ("ft", "generic-attention", 2),
        ("ft", "random", 2),
    ]
    assert plan.cells[0].label == "clip · zs on shapes · generic-attention"
    assert plan.cells[1].label == "clip · zs on shapes · random, seed 4"
    assert "7 cells = 1 dataset × 1 model × 2 finetune × 2 attribution × 2 seeds" in (
        describe_plan(plan)
    )


def test_a_seed_of_its_own_takes_a_component_out(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, study="seeds = [4, 2]", dataset=FIXED, ft="seed = 9")
    assert [cell.seed for cell in plan.cells] == [None, None]
    (dataset,), (_, tuned) = plan.choices["dataset"], plan.choices["finetune"]
    for choice in (dataset, tuned):
        assert determine(choice, 4) == determine(choice, 2) == determine(choice, None)
        assert plan.seeds_of(choice) == (None,)


def test_only_seeded_choices_have_the_seed_in_their_identity(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, study="seeds = [4, 2]", more=RANDOM)
    seeded = {c.label for c in plan.all_choices if determine(c, 4) != determine(c, 2)}
    assert seeded == {"shapes", "ft", "random"}
    assert seeded == {choice.label for choice in plan.all_choices if choice.seeded}


def test_cells_of_one_test_are_told_by_labels_that_are_unique(tmp_path: Path) -> None:
    other = '[[dataset]]\nuse = "shapes"\nname = "other"\n'
    plan = plan_of(tmp_path, more=other + RANDOM)
    keys = [cell.key.test for cell in plan.cells if cell.finetuner.label == "zs"]
    assert keys == [
        (dataset, "clip", None, attribution)
        for dataset in ("shapes", "other")
        for attribution in ("generic-attention", "random")
    ]
    assert [cell.key.test for cell in plan.cells if cell.finetuner.label == "ft"] == keys


def test_labels_that_repeat_are_refused_so_that_keys_are_unique(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="names an earlier dataset too"):
        plan_of(tmp_path, more='[[dataset]]\nuse = "shapes"\n')


@pytest.mark.parametrize(
    ("given", "table"),
    [
        ({"name": "s"}, {"name": "s", "seed": 0, "protocol": "matched"}),
        ({"name": "s", "seed": 3}, {"name": "s", "seed": 3, "protocol": "matched"}),
        (
            {"name": "s", "seeds": [3, 1], "protocol": "aaai25"},
            {"name": "s", "seeds": [3, 1], "protocol": "aaai25"},
        ),
    ],
)
def test_a_table_says_what_was_asked(given: dict[str, object], table: dict[str, object]) -> None:
    assert Study.model_validate(given).as_table() == table


def test_a_spec_with_seeds_is_opened_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, study="seeds = [4, 2]")
    again = make_plan(open_spec(plan.spec), discover(third_party=False))
    assert again.seeds == (4, 2)
    assert [cell.label for cell in again.cells] == [cell.label for cell in plan.cells]


def test_a_note_names_the_seed_only_of_what_depends_on_it(tmp_path: Path) -> None:
    def note(study: str) -> list[str]:
        plan = plan_of(tmp_path, study=study)
        cell = plan.cells[-1]
        choices: list[Choice] = [cell.model, cell.finetuner, cell.attribution]
        return [cell.seed_note(choice) for choice in choices]

    assert note("seeds = [4, 2]") == ["", ", seed 2", ""]
    assert note("seed = 2") == ["", "", ""]


def test_an_object_depends_on_the_seed_unless_it_has_one_of_its_own(tmp_path: Path) -> None:
    free, fixed = (plan_of(tmp_path, ft=ft).choices["finetune"][1] for ft in ("", "seed = 0"))
    component = free.registered.component
    assert depends_on_seed(component, free.params)
    assert not depends_on_seed(component, fixed.params)  # 0 is a seed, too
    unseeded = dataclasses.replace(component, seeded=False)
    assert not depends_on_seed(unseeded, free.params)
    assert (object_seed(free, 4), factory_seed(free, 4)) == (4, 4)
    assert (object_seed(free, 0), factory_seed(free, 0)) == (0, 0)
    for seed in (4, 0, None):
        assert (object_seed(fixed, seed), factory_seed(fixed, seed)) == (None, 0)


def test_what_depends_on_the_seed_needs_one(tmp_path: Path) -> None:
    (_, tuned) = plan_of(tmp_path).choices["finetune"]
    for ask in (object_seed, factory_seed):
        with pytest.raises(ValueError, match='"ft" depends on the seed, and none is given'):
            ask(tuned, None)


def test_one_part_that_depends_on_the_seed_is_enough(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, study="seeds = [4, 2]", dataset=FIXED)
    zero_shot, tuned = plan.choices["finetune"]
    (dataset,) = plan.datasets
    assert seeds_of([dataset, zero_shot], plan.seeds) == (None,)
    assert seeds_of([dataset, tuned], plan.seeds) == (4, 2)
    assert seeds_of([], plan.seeds) == (None,)
