"""Studies whose components are functions in files, on the command line and in Python."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.api.component import Context
from rateval.checkpoints.restore import restore_classifier
from rateval.engine.graph import make_graph
from rateval.engine.order import make_order
from rateval.errors import RatevalError, SpecError
from rateval.facade import open_spec
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.testing import RecordingLogbook
from rateval.workbench.bench import Workbench

Rateval = Callable[..., Any]
ONE_FILE = Path(__file__).parents[2] / "acme" / "one_file.py"
TABLES = {
    "dataset": "dataset",
    "model": "model",
    "finetune": "finetuner",
    "attribution": "attribution",
    "evidence": "validator",
    "metric": "metric",
    "shift": "shift",
}
SPEC = (
    '[study]\nname = "mine"\n[run]\ndevice = "cpu"\nbatch_size = 4\n'
    '[executor]\nuse = "./one_file.py:make_executor"\n'
) + "".join(f'[[{table}]]\nuse = "./one_file.py:make_{kind}"\n' for table, kind in TABLES.items())


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a spec that takes everything from a file beside it; return its folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "study"
    folder.mkdir()
    shutil.copy(ONE_FILE, folder)
    (folder / "spec.toml").write_text(SPEC)
    return folder


def done(record: Any) -> set[str]:
    return {stage.stage for stage in record.stages if not stage.reused}


def test_a_component_of_every_kind_comes_from_a_file(study: Path, rateval: Rateval) -> None:
    checked = rateval("validate", "study/spec.toml")
    assert checked.out.splitlines()[0] == "study/spec.toml: runs the code of study/one_file.py"
    assert (checked.code, checked.err) == (0, "")
    ran = rateval("run", "study/spec.toml")
    assert ran.code == 0, ran.err
    assert "half" in ran.out
    (folder,) = Path("runs").glob("mine-*")
    said = json.loads((folder / "run.json").read_text())
    digest = "sha256:" + hashlib.sha256(ONE_FILE.read_bytes()).hexdigest()
    assert said["environment"]["files"] == {str(study / "one_file.py"): digest}
    assert "file" not in said["environment"]["distributions"]
    for table, kind in (TABLES | {"executor": "executor"}).items():
        (entry,) = said["spec_resolved"][table]
        assert (entry["name"], entry["component"]) == (f"make_{kind}", f"make_{kind}")
        assert entry["file"] == str(study / "one_file.py")
        assert entry["distribution"] == f"file {digest}"
    shifts = [cell["key"]["shift"] for cell in said["cells"]]
    assert {one and one["family"] for one in shifts} == {None, "make_shift"}


def test_what_is_edited_is_computed_anew_and_what_is_moved_is_not(study: Path) -> None:
    first = package.run("study/spec.toml")
    assert done(first) >= {"finetune", "infer", "judge", "score"}
    assert done(package.run("study/spec.toml")) == set()
    study.rename("moved")
    assert done(package.run("moved/spec.toml")) == set()
    source = Path("moved/one_file.py")
    source.write_text(source.read_text() + "\n# edited\n")
    assert done(package.run("moved/spec.toml")) >= {"finetune", "infer", "judge", "score"}


def test_only_what_is_from_the_edited_file_is_computed_anew(study: Path) -> None:
    shutil.copy(ONE_FILE, study / "metrics.py")
    spec = study / "spec.toml"
    spec.write_text(SPEC.replace("./one_file.py:make_metric", "./metrics.py:make_metric"))
    package.run(spec)
    (study / "metrics.py").write_text(ONE_FILE.read_text() + "\n# edited\n")
    assert done(package.run(spec)) == {"score"}


def test_a_dataset_that_says_nothing_of_itself_is_told_apart(study: Path) -> None:
    text = ONE_FILE.read_text() + (
        "\nclass Same:\n"
        "    identity = 'same'\n"
        "    def __init__(self, split): self.split = split\n"
        "    def __len__(self): return len(self.split)\n"
        "    def samples(self, at): return self.split.samples(at)\n"
        "\nclass Lazy:\n"
        "    has_masks, train = True, None\n"
        "    def __init__(self, inner): self.classes, self.test = inner.classes, Same(inner.test)\n"
        "\ndef make(params: SquaresParams): return Lazy(make_dataset(params))\n"
    )
    (study / "lazy.py").write_text(text)
    spec = study / "spec.toml"
    spec.write_text(SPEC.replace("one_file.py:make_dataset", "lazy.py:make"))
    identities = [package.run(spec).datasets[0].test_identity]
    (study / "lazy.py").write_text(text + "\n# edited\n")
    identities.append(package.run(spec).datasets[0].test_identity)
    added = 'lazy.py:make"\ntest = 7'
    spec.write_text(SPEC.replace('one_file.py:make_dataset"', added))
    identities.append(package.run(spec).datasets[0].test_identity)
    assert len(set(identities)) == 3
    assert all(identity.startswith("same made by ") for identity in identities)


def test_a_worker_elsewhere_makes_the_same_plan(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(open_spec("study/spec.toml"), discover())
    graph = make_graph(plan, Workbench(Context()))
    order = make_order(plan, "cpu", "here")
    monkeypatch.chdir("/")
    step = next(iter(graph.steps.values()))
    end = order(step, RecordingLogbook())
    assert (end.identity, end.error) == (step.identity, None)


@pytest.mark.slow
def test_workers_and_training_processes_find_the_file(study: Path) -> None:
    text = SPEC
    for old, new in (
        ('use = "./one_file.py:make_executor"', 'use = "local"\nworkers = 2'),
        ('use = "./one_file.py:make_finetuner"', 'use = "ft"\nepochs = 1\nbatch_size = 4'),
        ("batch_size = 4\n[exec", "processes = 2\n[exec"),
    ):
        assert old in text
        text = text.replace(old, new)
    (study / "spec.toml").write_text(text)
    record = package.run("study/spec.toml")
    assert record.status == "finished", record.failures


def test_a_seeded_one_is_made_for_each_seed(study: Path) -> None:
    spec = study / "spec.toml"
    text = SPEC.replace("make_dataset", "make_seeded").replace("[run]", "seeds = [0, 1]\n[run]")
    spec.write_text(text)
    record = package.run(spec)
    assert [(d.seed, d.test_count) for d in record.datasets] == [(0, 4), (1, 5)]


def test_a_classifier_is_rebuilt_by_the_file_that_made_it_alone(study: Path) -> None:
    record = package.run("study/spec.toml")
    assert restore_classifier(record, record.cells[0], discover()).classes
    ran = study / "ran"
    text = f"\nopen({str(ran)!r}, 'w').close()\n"
    (study / "one_file.py").write_text(ONE_FILE.read_text() + text)
    with pytest.raises(RatevalError, match=r"one_file\.py changed since this run; put the old"):
        restore_classifier(record, record.cells[0], discover())
    assert not ran.exists()


def test_in_python_and_on_the_command_line(study: Path, rateval: Rateval) -> None:
    dataset = package.create("dataset", "study/one_file.py:make_dataset", test=3)
    assert len(dataset.test) == 3
    assert package.create("metric", f"{study}/one_file.py:make_metric").label == "half"
    with pytest.raises(SpecError, match="tset: unknown key; did you mean"):
        package.create("dataset", "study/one_file.py:make_dataset", tset=3)
    with pytest.raises(RatevalError, match=r'create\("dataset", "one_file.py:x"\): no such file'):
        package.create("dataset", "one_file.py:x")
    shown = rateval("show", "dataset", "study/one_file.py:make_dataset")
    assert "Coloured squares" in shown.out
    assert 'use = "study/one_file.py:make_dataset"' in shown.out
    assert "Test samples." in shown.out
    checked = rateval("model", "check", "study/one_file.py:make_model")
    assert (checked.code, checked.err) == (0, "")
    refused = rateval("show", "dataset", "study/one_file.py:mak_dataset")
    assert refused.code == 2
    assert 'did you mean "make_dataset"?' in refused.err


@pytest.mark.parametrize(
    ("table", "kind"), [*TABLES.items(), ("executor", "executor")], ids=lambda value: str(value)
)
def test_what_a_function_returns_is_checked(table: str, kind: str, study: Path) -> None:
    (study / "odd.py").write_text("def make(): return object()\n")
    (study / "spec.toml").write_text(SPEC.replace(f"one_file.py:make_{kind}", "odd.py:make"))
    wrong = rf'odd\.py: the {kind} "make" lacks '
    try:
        record = package.run("study/spec.toml")
    except RatevalError as error:
        said = str(error)
    else:
        said = " ".join(failure.error for failure in record.failures)
    assert re.search(wrong, said), said


def test_a_function_that_raises_keeps_its_traceback_and_is_named(study: Path) -> None:
    (study / "odd.py").write_text("def make():\n    raise KeyError('photos')\n")
    (study / "spec.toml").write_text(SPEC.replace("one_file.py:make_dataset", "odd.py:make"))
    with pytest.raises(KeyError) as caught:
        package.run("study/spec.toml")
    assert caught.value.__notes__ == ['raised by the dataset "odd" of study/odd.py']


def test_two_of_one_label_need_names(study: Path) -> None:
    metric = '[[metric]]\nuse = "./one_file.py:make_metric"\n'
    (study / "spec.toml").write_text(SPEC + metric)
    with pytest.raises(SpecError, match='"make_metric" names an earlier metric too; give each'):
        package.run("study/spec.toml")


def test_validate_names_the_files_before_it_imports_any(study: Path, rateval: Rateval) -> None:
    (study / "odd.py").write_text("print('RAN')\nraise SystemExit\n")
    text = SPEC.replace("./one_file.py:make_dataset", "./odd.py:make")
    (study / "spec.toml").write_text(text)
    said = rateval("validate", "study/spec.toml")
    assert said.code == 2
    first, ran = said.out.splitlines()
    assert "study/odd.py" in first
    assert "study/one_file.py" in first
    assert ran == "RAN"
    assert "odd.py, line 2, raised SystemExit" in said.err


def test_the_copy_of_a_spec_finds_the_files_beside_it(
    study: Path, rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = package.run("study/spec.toml", limit=4)
    copy = first.path.absolute() / "spec.toml"
    told, _, text = copy.read_text().partition("\n# Functions")
    assert told == '# rateval: folder = "../../study"'
    assert text.endswith(f"\n{SPEC}")
    again = package.run(copy, limit=4)
    assert not done(again)
    assert (again.path / "spec.toml").read_text() == copy.read_text()

    # From elsewhere, and when everything has moved together.
    monkeypatch.chdir(study)
    assert rateval("validate", str(copy)).out.startswith(f"{copy}: runs the code of one_file.py")
    elsewhere = study.parent.rename(study.parent.with_name("moved"))
    monkeypatch.chdir(elsewhere)
    assert rateval("validate", str(elsewhere / copy.relative_to(study.parent))).code == 0


def test_a_copy_says_nothing_of_a_folder_without_files(tmp_path: Path) -> None:
    spec = tmp_path / "specs" / "spec.toml"
    spec.parent.mkdir()
    spec.write_text('[[dataset]]\nuse = "shapes"\ncoverage = "x\\u0000"\n')
    document = open_spec(spec)
    assert document.copy_for(tmp_path / "runs") == document.text
    spec.write_text('[[model]]\nuse = "clip"\nprompt = ["prompts.txt"]\n')
    (spec.parent / "prompts.txt").write_text("a {class}")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away", target_is_directory=True)
    (tmp_path / "far" / "away").mkdir(parents=True)
    text = open_spec(spec).copy_for(tmp_path / "link" / "1")
    assert text.startswith('# rateval: folder = "../../../specs"\n')
    copied = tmp_path / "link" / "1" / "spec.toml"
    copied.parent.mkdir()
    copied.write_text(text)
    assert open_spec(copied).folder.resolve() == spec.parent
    assert (
        open_spec(copied)
        .copy_for(tmp_path / "runs")
        .startswith('# rateval: folder = "../specs"\n# F')
    )
    copied.write_text('# rateval: folder = "\\x"\n' + spec.read_text())
    assert open_spec(copied).folder == copied.parent
