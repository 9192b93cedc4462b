"""Every message about a spec, word by word: they are what a user works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.errors import RatevalError, SpecError
from rateval.facade import open_spec
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document, read_document
from rateval.spec.extras import Faithfulness
from rateval.spec.overrides import override_run, read_environment, read_settings
from rateval.spec.tables import RunSpec

MINIMAL = """
[study]
name = "s"
[[dataset]]
use = "shapes"
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
"""


def plan_of(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    return make_plan(read_document(path), discover(third_party=False))


def problems_of(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan_of(tmp_path, text)
    prefix = f"{tmp_path / 'spec.toml'}: "
    return [str(problem).removeprefix(prefix) for problem in caught.value.problems]


def test_defaults_follow_the_paper(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, MINIMAL)
    assert [cell.label for cell in plan.cells] == ["clip · zs on shapes", "clip · ft on shapes"]
    assert [choice.label for choice in plan.metrics] == ["accuracy", "pt", "ir"]
    assert [choice.label for choice in plan.validators] == ["relevance-mass"]
    assert plan.cells[0].attribution.label == "generic-attention"


def test_lists_form_a_grid_with_models_and_methods_slowest(tmp_path: Path) -> None:
    text = MINIMAL + '[[dataset]]\nuse = "shapes"\nname = "other"\n'
    labels = [cell.label for cell in plan_of(tmp_path, text).cells]
    assert labels == [
        "clip · zs on shapes",
        "clip · zs on other",
        "clip · ft on shapes",
        "clip · ft on other",
    ]


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        ("epoch = 5", 'finetune[1].epoch: unknown key; did you mean "epochs"?'),
        ("[[finetuner]]", 'finetuner: unknown key; did you mean "finetune"?'),
        ("[run]\nbatchsize = 1", 'run.batchsize: unknown key; did you mean "batch_size"?'),
        ("[run]\nbatch_size = 0", "run.batch_size = 0: must be greater than or equal to 1"),
        (
            '[run]\ndevice = "gpu"',
            'run.device = "gpu": must be of this form (auto (the best there is), cpu, mps',
        ),
        ("[run]\nlimit = 2.5", "run.limit = 2.5: must be a valid integer"),
        ('epochs = "five"', 'finetune[1].epochs = "five": must be a valid integer'),
        ("epochs = 0", "finetune[1].epochs = 0: must be greater than or equal to 1"),
        ("lr = -1.0", "finetune[1].lr = -1.0: must be greater than 0"),
        (
            '[[model]]\nuse = "clop"',
            'model[1].use = "clop": unknown model; did you mean "clip"?',
        ),
        ('[[metric]]\nname = "x"', "metric[0].use: is missing and has no default"),
        ("[[metric]]\nuse = 3", "metric[0].use = 3: must be a valid string"),
        (
            '[[finetune]]\nuse = "zs"',
            'finetune[2].name: "zs" names an earlier finetune too; give each its own `name`',
        ),
        ("metric = 3", "finetune[1].metric: unknown key"),
        (
            "[faithfulness]\nimages = 0",
            "faithfulness.images = 0: must be greater than or equal to 1 (Test images that are",
        ),
        ("[faithfulness]\nsteps = 0", "faithfulness.steps = 0: must be greater than or equal to 1"),
        ("[faithfulness]\nsteps = 2.5", "faithfulness.steps = 2.5: must be a valid integer"),
        (
            "[faithfulness]\nrandomisation = 1",
            "faithfulness.randomisation = 1: must be a valid boolean",
        ),
        (
            "[faithfulness]\nrandomization = true",
            'faithfulness.randomization: unknown key; did you mean "randomisation"?',
        ),
        ("[[faithfulness]]\nimages = 3", 'faithfulness = [{"images": 3}]: must be a table'),
        (
            "[executor]\nuse = 3",
            "executor.use = 3: must be a valid string (Name of the component, ",
        ),
        ("[executor]\nworkers = 2", "executor.use: is missing and has no default"),
        (
            '[executor]\nuse = "locl"',
            'executor.use = "locl": unknown executor; did you mean "local"?',
        ),
        (
            '[executor]\nuse = "local"\nworkers = 0',
            "executor.workers = 0: must be greater than or equal to 1 (Processes that take steps",
        ),
        (
            '[executor]\nuse = "local"\nworker = 2',
            'executor.worker: unknown key; did you mean "workers"?',
        ),
        (
            '[[executor]]\nuse = "local"',
            'executor = [{"use": "local"}]: there is one executor for the whole study; write [exec',
        ),
        ("[executer]", 'executer: unknown key; did you mean "executor"?'),
        ("[faithfullness]", 'faithfullness: unknown key; did you mean "faithfulness"?'),
    ],
)
def test_one_problem(tmp_path: Path, addition: str, problem: str) -> None:
    (found,) = problems_of(tmp_path, MINIMAL + addition)
    assert found.startswith(problem)


def test_problems_of_the_executor_come_together_with_the_others(tmp_path: Path) -> None:
    text = MINIMAL + 'lr = -1.0\n[executor]\nuse = "local"\nworkers = 999\nworker = 1'
    found = problems_of(tmp_path, text)
    assert [line.split(":")[0] for line in found] == [
        "finetune[1].lr = -1.0",
        "executor.workers = 999",
        "executor.worker",
    ]
    assert found[1].endswith("; see rateval show executor local")


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_a_plan_has_one_executor_which_no_cell_knows(tmp_path: Path, protocol: str) -> None:
    minimal = MINIMAL.replace('name = "s"', f'name = "s"\nprotocol = "{protocol}"')
    alone = plan_of(tmp_path, minimal)
    several = plan_of(tmp_path, minimal + '[executor]\nuse = "local"\nworkers = 3\nname = "mine"')
    (default,), (given,) = alone.choices["executor"], several.choices["executor"]
    assert default.label == "local"
    assert default.params.model_dump() == {"workers": None, "devices": None}
    assert given.label == "mine"
    assert given.params.model_dump() == {"workers": 3, "devices": None}
    assert alone.differences == several.differences
    for cell, same in zip(alone.cells, several.cells, strict=True):
        assert given not in same.choices
        assert [c.describe() for c in cell.choices] == [c.describe() for c in same.choices]
    again = make_plan(open_spec(several.spec), discover(third_party=False))
    assert again.spec.executor == several.spec.executor


def test_what_to_do_next_is_named(tmp_path: Path) -> None:
    (found,) = problems_of(tmp_path, MINIMAL + "lr = -1.0")
    assert found.endswith("; see rateval show finetuner ft")


def test_all_problems_come_together(tmp_path: Path) -> None:
    text = MINIMAL.replace('name = "s"', 'nam = "s"') + 'epoch = 1\nlr = "x"\n[[metric]]\nuse="q"'
    found = problems_of(tmp_path, text)
    assert [line.split(":")[0] for line in found] == [
        "study.name",
        "study.nam",
        'finetune[1].lr = "x"',
        "finetune[1].epoch",
        'metric[0].use = "q"',
    ]


@pytest.mark.parametrize("table", ["study", "dataset", "model", "finetune"])
def test_a_missing_table(tmp_path: Path, table: str) -> None:
    rest = {
        "study": '[study]\nname = "s"\n',
        "dataset": '[[dataset]]\nuse = "shapes"\n',
        "model": '[[model]]\nuse = "clip"\n',
        "finetune": '[[finetune]]\nuse = "zs"\n',
    }
    del rest[table]
    (found,) = problems_of(tmp_path, "".join(rest.values()))
    assert found.startswith(f"{table}: is missing and has no default")


def test_a_table_that_is_none(tmp_path: Path) -> None:
    (found,) = problems_of(tmp_path, MINIMAL.replace('[study]\nname = "s"', "study = 3"))
    assert found.startswith("study = 3: must be a table")


def test_a_name_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (found,) = problems_of(tmp_path, MINIMAL.replace('"s"', '"../s"'))
    assert found.startswith('study.name = "../s"')


def test_syntax_errors_give_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r"not valid TOML: .*line 2, column 8"):
        plan_of(tmp_path, "[study]\nname = \n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"a = '\xff'"), "not UTF-8 text"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, make: Any, message: str) -> None:
    path = tmp_path / "spec.toml"
    make(path)
    with pytest.raises(RatevalError, match=message):
        read_document(path)


def document(**run: object) -> Document:
    data = {
        "study": {"name": "s"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "run": run,
    }
    return Document("spec", data, "")


def test_the_command_line_goes_before_the_environment_before_the_spec() -> None:
    environment = read_environment({"RATEVAL_BATCH_SIZE": "8", "RATEVAL_DEVICE": "cpu"})
    settings = read_settings(["run.batch_size=4"])
    changed = override_run(document(batch_size=2, readers=3), environment | settings)
    run = make_plan(changed, discover(third_party=False)).spec.run
    assert (run.batch_size, run.device, run.readers) == (4, "cpu", 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("batch_size=0", "--set batch_size = 0: must be greater than or equal to 1"),
        ("batchsize=1", '--set batchsize: unknown key; did you mean "batch_size"?'),
    ],
)
def test_problems_of_overrides_name_what_set_them(settings: str, message: str) -> None:
    changed = override_run(document(), read_settings([settings]))
    with pytest.raises(SpecError) as caught:
        make_plan(changed, discover(third_party=False))
    assert str(caught.value).startswith(message)


READERS = "is called readers now; rename the key ([run] readers, --set readers=…, RATEVAL_READERS)"


def refusal(document: Document) -> list[str]:
    with pytest.raises(SpecError) as caught:
        make_plan(document, discover(third_party=False))
    return str(caught.value).splitlines()


def test_an_old_name_says_the_new_one_beside_every_other_problem() -> None:
    old = document(workers=2, batch_size=0)
    old.data["validation"] = {"images": 5}
    assert sorted(refusal(old)) == [
        "spec: run.batch_size = 0: must be greater than or equal to 1 (Images per forward pass of "
        "inference)",
        f"spec: run.workers: {READERS}",
        "spec: validation: is called held_out now; rename the table",
    ]


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        (read_settings(["workers=2"]), "--set workers"),
        (read_settings(["run.workers=2"]), "--set workers"),
        (read_environment({"RATEVAL_WORKERS": "2"}), "RATEVAL_WORKERS"),
    ],
)
def test_an_old_name_is_never_ignored(values: Any, origin: str) -> None:
    assert refusal(override_run(document(), values)) == [f"{origin}: {READERS}"]
    assert refusal(override_run(document(readers=3), values)) == [f"{origin}: {READERS}"]


def test_an_old_name_of_an_argument_says_the_new_one() -> None:
    with pytest.raises(SpecError) as caught:
        rateval.run(document().data, workers=2)
    assert str(caught.value) == f"run(…, workers): {READERS}"


def test_the_new_names_are_taken_from_everywhere() -> None:
    environment = read_environment({"RATEVAL_READERS": "4"})
    data = document()
    data.data["held_out"] = {"images": 5}
    spec = make_plan(override_run(data, environment), discover(third_party=False)).spec
    assert spec.run.readers == 4
    assert spec.held_out is not None
    assert spec.held_out.images == 5
    assert spec.as_tables()["held_out"] == {"images": 5, "evidence": True}


@pytest.mark.parametrize(
    ("setting", "message"), [("batch_size", "key=value"), ("study.seed=1", r"only keys of \[run\]")]
)
def test_settings_of_another_shape(setting: str, message: str) -> None:
    with pytest.raises(RatevalError, match=message):
        read_settings([setting])


def test_a_run_spec_survives_its_own_tables() -> None:
    registry = discover(third_party=False)
    spec = make_plan(document(limit=3), registry).spec
    assert isinstance(spec, RunSpec)
    assert spec.faithfulness is None
    probing = spec.model_copy(update={"faithfulness": Faithfulness(images=3)})
    assert make_plan(open_spec(probing), registry).spec.faithfulness == Faithfulness(images=3)
    again = make_plan(open_spec(spec), registry).spec
    assert again.model_copy(update={"run": spec.run}).run == spec.run
    assert [entry.label for entry in again.metric] == ["accuracy", "pt", "ir"]


def test_a_check_of_a_whole_table_names_the_table(tmp_path: Path) -> None:
    text = MINIMAL.replace('use = "clip"', 'use = "clip"\narchitecture = "ViT-B-32"')
    (found,) = problems_of(tmp_path, text)
    assert found.startswith("model[0] = ")
    assert "pretrained is missing" in found
    assert found.endswith("; see rateval show model clip")


@pytest.mark.parametrize(
    ("method", "line", "expected"),
    [
        ("evidence-ft", "layers = 0", "layers = 0: must be greater than or equal to 1"),
        ("wise-ft", "alpha = [0.5, 2]", "alpha = [0.5, 2]: must be less than or equal to 1"),
        ("flcp", "temperature = 0", "temperature = 0: must be greater than 0"),
        ("flcp", 'temperature = "x"', "temperature = \"x\": must be 'published' or 'learnt'"),
    ],
)
def test_of_several_kinds_of_values_the_bound_that_was_missed_is_named(
    method: str, line: str, expected: str, tmp_path: Path
) -> None:
    (problem,) = problems_of(tmp_path, f'{MINIMAL}[[finetune]]\nuse = "{method}"\n{line}\n')
    assert f"finetune[2].{expected}" in problem


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        ("0", ("must be a valid array (GPUs", "); write it in brackets: [0]; see")),
        ('["0"]', ("must be a valid integer (GPUs", "); write it without quotes: 0; see")),
        ("[]", ("must have at least 1 item, not 0 (GPUs", "); see")),
        ('"alll"', ("must be 'all' (GPUs", '); did you mean "all"?; see')),
    ],
)
def test_of_several_types_the_one_that_was_meant_is_told(
    tmp_path: Path, devices: str, told: tuple[str, str]
) -> None:
    text = f'{MINIMAL}[executor]\nuse = "local"\ndevices = {devices}\n'
    [problem] = problems_of(tmp_path, text)
    assert problem.startswith(f"executor.devices = {devices}: {told[0]}") and told[1] in problem
