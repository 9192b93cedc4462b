"""Values, names and paths that no study can have: one sentence each, with the right spelling."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context, RatevalError
from rateval.errors import SpecError
from rateval.plan.cells import count_cells
from rateval.plan.planning import make_plan
from rateval.records.run import load
from rateval.registry.discovery import discover
from rateval.spec.document import Document, read_document
from rateval.spec.overrides import override_run, read_environment, read_settings

Rateval = Callable[..., Any]
WriteSpec = Callable[..., Path]

LONG = "x" * 3000
DEEP = 2000


@pytest.fixture(autouse=True)
def _with_acme(acme: Path) -> None:
    """Have tiny components at hand."""


def refused(done: Any, *parts: str) -> None:
    assert done.code == 2, done.out + done.err
    assert "error: " in done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err


def entry(table: str, use: str, line: str) -> str:
    return f'[[{table}]]\nuse = "{use}"\nname = "other"\n{line}\n'


@pytest.mark.parametrize(
    ("added", "parts"),
    [
        # paths
        (
            entry("finetune", "checkpoint", "path = '~nosuchuser/x'"),
            ["finetune[1].path =", "begins with ~nosuchuser", "write it out"],
        ),
        (entry("dataset", "imagenet", "root = '~nosuchuser/x'"), ["dataset[1].root =", "home"]),
        (entry("model", "clip", "pretrained = '~nosuchuser/x'"), ["model[1].pretrained =", "home"]),
        (
            entry("attribution", "precomputed", "path = '~nosuchuser/{model}'"),
            ["attribution[0].path =", "home"],
        ),
        (
            entry("dataset", "imagenet", f"root = '{LONG}'"),
            ["dataset[1].root =", "is longer than this system allows"],
        ),
        (
            entry("model", "clip", f"pretrained = '{LONG}/x.pt'"),
            ["model[1].pretrained =", "is longer than this system allows"],
        ),
        (
            entry("model", "hf-clip", f"folder = '{LONG}'"),
            ["model[1].folder =", "is longer than this system allows"],
        ),
        (entry("dataset", "imagenet", r'root = "a\u0000b"'), ["dataset[1].root =", "NUL"]),
        (entry("model", "clip", r'pretrained = "a\u0000b"'), ["model[1].pretrained =", "NUL"]),
        # numbers
        (f"limit = {'9' * 5000}", ["spec.toml: not valid TOML: an integer of more than 64 bits"]),
        (f"limit = {'9' * 30}", ["run.limit = 999", "more than 64 bits"]),
        (f"limit = 0x{'f' * 5000}", ["run.limit = …", "more than 64 bits"]),
        (entry("finetune", "ft", "lr = nan"), ["finetune[1].lr = nan: must be a finite number"]),
        (entry("finetune", "ft", "lr = inf"), ["finetune[1].lr = inf: must be a finite number"]),
        # nesting
        (f"limit = {'[' * DEEP}{']' * DEEP}", ["spec.toml: ", "too deep in one another"]),
        (f"limit = {'{a=' * DEEP}1{'}' * DEEP}", ["spec.toml: ", "too deep in one another"]),
        (f"limit{'.a' * DEEP} = 1", ["run.limit: holds lists or tables more than 32 deep"]),
        ("limit = " + "[" * 200 + "]" * 200, ["run.limit: holds lists or tables more than 32"]),
        # spelling
        ("limit = 010", ["line ", "a number begins with no zero: write 10"]),
        ("limit = 1,000", ["a number has no commas: write 1000"]),
        (entry("finetune", "ft", "lr = .1"), ["a number begins with a digit: write 0.1"]),
        (entry("finetune", "ft", "lr = 1.e-4"), ["digits follow a point: write 1.0e-4"]),
        ("reuse = True", ["TOML writes true and false"]),
        ("reuse = 1", ["run.reuse = 1: must be a valid boolean", "write true or false"]),
        ("limit = None", ["leave the key out"]),
        ("limit = 5.0", ["run.limit = 5.0: must be a valid integer", "write 5"]),
        ('limit = "5"', ['run.limit = "5": must be a valid integer', "write it without quotes: 5"]),
        ("device = gpu", ['text stands in quotes: write "gpu"']),
        ("limit: 5", ["write key = value"]),
        ("output = “runs”", ["TOML's quotes are straight"]),
        (entry("finetune", "ft", "lr = 1e-4").replace('"other"', "5"), ['in quotes: "5"']),
        (
            entry("finetune", "ft", "").replace('"other"', "2024-01-01"),
            ["finetune[1].name = 2024-01-01: is a date", 'write it in quotes: "2024-01-01"'],
        ),
        (
            entry("dataset", "imagenet", "root = 2024-01-01"),
            ["dataset[1].root = 2024-01-01: is a date"],
        ),
        (
            entry("dataset", "imagenet", r'root = "C:\data\x"'),
            ["a backslash in double quotes begins an escape", r"write 'C:\data\x'"],
        ),
        (
            entry("dataset", "imagenet", r'root = "C:\Users\x"'),
            ["a backslash in double quotes begins an escape", r"write 'C:\Users\x'"],
        ),
        (
            entry("dataset", "imagenet", r'root = "C:\new\table"'),
            ["dataset[1].root =", "control character", r"in single quotes: 'C:\new\table'"],
        ),
        (
            entry("model", "clip", r'pretrained = "C:\new\t.pt"'),
            ["model[1].pretrained =", r"in single quotes: 'C:\new\t.pt'"],
        ),
        (
            entry("dataset", "imagenet", r'root = "data\new"'),
            ["dataset[1].root =", r"in single quotes: 'data\new'"],
        ),
        ('output = ""', ['run.output = "": is empty']),
        # labels
        (
            entry("finetune", "ft", "").replace("other", r"a\u001b[31m"),
            ["finetune[1].name =", "must hold no control characters (U+001B)"],
        ),
        (
            entry("finetune", "ft", "").replace("other", r"a\u202eb\u009b"),
            ["finetune[1].name =", "must hold no control characters (U+202E, U+009B)"],
        ),
        (entry("finetune", "ft", "").replace("other", " "), ["name = ", "more than blanks"]),
        (
            entry("finetune", "ft", "").replace("other", "caf\u00e9")
            + entry("finetune", "ft", "").replace("other", "cafe\u0301"),
            [
                "finetune[2].name =",
                "differs only in Unicode form: U+0065 U+0301 in place of U+00E9",
            ],
        ),
        (
            entry("finetune", "ft", "").replace("other", "a b")
            + entry("finetune", "ft", "").replace("other", "a\u00a0b"),
            ["differs only in Unicode form: U+00A0 in place of U+0020"],
        ),
        # keys
        (
            entry("finetune", "ft", r'"a\u001b[31m\nerror: x" = 3'),
            [r'finetune[1]."a\u001b[31m\nerror: x": unknown key'],
        ),
        ("[model2]\n[model2.a]", ['model2: unknown key; did you mean "model"?']),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_a_spec_cannot_hold(
    rateval: Rateval, write_spec: WriteSpec, added: str, parts: list[str]
) -> None:
    refused(rateval("validate", str(write_spec(added))), *parts)


@pytest.mark.parametrize(
    ("use", "advice"),
    [
        ("imagefolder", "unknown dataset; there are "),
        ("imagnet", 'unknown dataset; did you mean "imagenet"?'),
        ("Stanford Dogs", 'did you mean "stanford-dogs"?'),
        ("im\u0430genet", '"imagenet"? "\u0430" is U+0430'),
        ("image\u00adnet", "no control characters (U+00AD)"),
        ("image\u200dnet", '"imagenet"? It differs only in Unicode form: U+200D in place of'),
    ],
)
def test_suggestions_are_really_near(
    rateval: Rateval, write_spec: WriteSpec, use: str, advice: str
) -> None:
    done = rateval("validate", str(write_spec(dataset=f'[[dataset]]\nuse = "{use}"\n')))
    refused(done, advice)
    assert ("did you mean" in done.err) == ("imagenet" in advice or "dogs" in advice)


def test_a_list_that_is_written_as_a_table(rateval: Rateval, write_spec: WriteSpec) -> None:
    done = rateval("validate", str(write_spec(model='[model]\nuse = "tiny"\n')))
    refused(done, "write [[model]] in place of [model]")


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("RATEVAL_LIMIT", "9" * 5000, ["RATEVAL_LIMIT: ", "64 bits"]),
        ("RATEVAL_LIMIT", "[" * DEEP + "]" * DEEP, ["RATEVAL_LIMIT: ", "too deep"]),
        ("RATEVAL_LIMIT", "2024-01-01", ["RATEVAL_LIMIT = 2024-01-01: is a date"]),
        ("RATEVAL_OUTPUT", "~nosuchuser/x", ["RATEVAL_OUTPUT = ", "home folder"]),
        ("RATEVAL_OUTPUT", LONG, ["RATEVAL_OUTPUT = ", "is longer than this system allows"]),
        ("RATEVAL_OUTPUT", "a\udcffb", ["RATEVAL_OUTPUT = ", "not UTF-8"]),
        ("RATEVAL_OUTPUT", "", ["RATEVAL_OUTPUT = ", "is empty"]),
        ("RATEVAL_DEVICE", "5", ['RATEVAL_DEVICE = "5": must be of this form']),
        ("RATEVAL_DEVICE", "cpu\ncuda", ["RATEVAL_DEVICE: must be one line"]),
        ("RATEVAL_REUSE", "yes", ["RATEVAL_REUSE = ", "write true or false"]),
    ],
)
def test_what_the_environment_and_set_cannot_hold(
    rateval: Rateval,
    write_spec: WriteSpec,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    parts: list[str],
) -> None:
    spec, key = str(write_spec()), variable.removeprefix("RATEVAL_").lower()
    done = rateval("validate", spec, "--set", f"{key}={value}")
    refused(done, *(part.replace(variable, f"--set {key}") for part in parts))
    monkeypatch.setenv(variable, value)
    refused(rateval("validate", spec), *parts)


def test_set_takes_one_line(rateval: Rateval, write_spec: WriteSpec) -> None:
    done = rateval("validate", str(write_spec()), "--set", "limit=3\nbatch_size=4")
    refused(done, "--set limit: must be one line; set each key by itself")


@pytest.mark.parametrize("value", ["2024", "2024-01-01", "true", "'2024'", '"2024"'])
def test_text_needs_no_quotes_outside_of_a_spec(write_spec: WriteSpec, value: str) -> None:
    document, registry = read_document(write_spec()), discover()
    for set_by in (read_environment({"RATEVAL_OUTPUT": value}), read_settings([f"output={value}"])):
        plan = make_plan(override_run(document, set_by), registry)
        assert plan.spec.run.output == Path(value.strip("'\""))


def test_a_home_is_a_folder_of_results(
    write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    spec = write_spec(run='[run]\noutput = "~/runs"\n')
    plan = make_plan(read_document(spec), discover())
    assert plan.spec.run.output == tmp_path / "home" / "runs"


def test_a_home_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("RATEVAL_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    with pytest.raises(RatevalError, match="set RATEVAL_CACHE"):
        Context()
    monkeypatch.setenv("RATEVAL_CACHE", "~nosuchuser/x")
    with pytest.raises(RatevalError, match="RATEVAL_CACHE = '~nosuchuser/x'"):
        Context()


@pytest.mark.parametrize(
    ("encoded", "parts"),
    [
        (lambda text: text.encode("utf-16"), ["is UTF-16 text; save it as UTF-8"]),
        (
            lambda text: text.encode() + b"# caf\xe9\n",
            ["not UTF-8 text (line 11, byte ", "save it as UTF-8"],
        ),
        (lambda text: text.encode() + b'[run.x]\n"a = 1\n', ["not valid TOML"]),
    ],
)
def test_files_that_are_no_utf_8(
    rateval: Rateval, write_spec: WriteSpec, encoded: Callable[[str], bytes], parts: list[str]
) -> None:
    spec = write_spec()
    spec.write_bytes(encoded(spec.read_text()))
    refused(rateval("validate", str(spec)), *parts)


def test_a_mark_at_the_beginning_is_no_fault(rateval: Rateval, write_spec: WriteSpec) -> None:
    spec = write_spec()
    spec.write_bytes(b"\xef\xbb\xbf" + spec.read_bytes())
    assert rateval("validate", str(spec)).code == 0
    assert not read_document(spec).text.startswith("\ufeff")


@pytest.mark.parametrize(
    "words",
    [
        ("report", "PATH"),
        ("validate", "PATH"),
        ("run", "PATH"),
        ("parity", "PATH"),
        ("compare", "PATH", "x"),
        ("export-checkpoint", "PATH", "--to", "x"),
        ("export-checkpoint", "x", "--to", "PATH"),
        ("model", "check", "PATH"),
        ("model", "fetch", "x", "--folder", "PATH"),
        ("init", "PATH"),
    ],
    ids=" ".join,
)
def test_paths_on_the_command_line(
    rateval: Rateval, tmp_path: Path, words: tuple[str, ...]
) -> None:
    for path, why in (
        ("x" * 300, "is longer than this system allows a path"),
        ("x/" * 3000, "is longer than this system allows a path"),
        ("a\0b", r"a\x00b: holds a NUL character"),
        ("", "is empty; give a path"),
    ):
        refused(rateval(*(path if word == "PATH" else word for word in words)), why)
    (tmp_path / "file").write_text("x")
    for path in ("file/x", "nowhere/x", "a\udcffb"):
        if words[0] not in ("init", "export-checkpoint"):
            refused(rateval(*(path if word == "PATH" else word for word in words)))
    if words[0] == "init":
        refused(rateval("init", "file/x"), "cannot be written")


def test_paths_given_in_python() -> None:
    for path in ("a\0b", LONG):
        with pytest.raises(RatevalError, match="holds no run that can be read"):
            load(path)
        with pytest.raises(RatevalError, match="cannot be read"):
            read_document(Path(path))
    with pytest.raises(RatevalError, match="rename it"):
        read_document(Path("a\udcffb"))


def test_a_record_that_is_nested_too_deep(rateval: Rateval, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("[" * 100_000)
    refused(rateval("report", "."), "not a run record of format 4, 5 or 6: Invalid JSON: recursion")


def test_a_spec_that_never_ends(rateval: Rateval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval.spec.document.LARGEST", 1 << 20)
    refused(rateval("validate", "/dev/zero"), "is larger than 1 MiB")


def test_the_newest_run_is_the_one_that_says_so(rateval: Rateval, write_spec: WriteSpec) -> None:
    for name in ("first", "second"):
        study = f'[study]\nname = "{name}"\n'
        assert rateval("run", str(write_spec(study=study)), "-q").code == 0
    (first,), (second,) = (list(Path("runs").glob(f"{name}-*")) for name in ("first", "second"))
    os.utime(first / "run.json", (2e9, 2e9))
    os.utime(second / "run.json", (1e9, 1e9))
    said = json.loads((second / "run.json").read_text())
    said["started"] = "2099-01-01T00:00:00+00:00"
    (second / "run.json").write_text(json.dumps(said))
    assert rateval("report").out.startswith("second  finished")
    (Path("runs") / "other").mkdir()
    (Path("runs") / "other" / "run.json").write_text("{")
    done = rateval("report")
    assert done.out.startswith("second  finished")
    assert "runs/other/run.json: does not say when the run ended" in done.err


def grid(**entries: int) -> dict[str, Any]:
    uses = {"dataset": "squares", "model": "tiny", "finetune": "zs", "attribution": "any-map"}
    tables = {
        table: [{"use": use, "name": f"{use}-{at}"} for at in range(entries.get(table, 1))]
        for table, use in uses.items()
    }
    return {"study": {"name": "grid"}} | tables


def test_a_huge_grid_is_counted_and_refused(rateval: Rateval, write_spec: WriteSpec) -> None:
    tables = grid(dataset=100, model=100, finetune=100, attribution=100)
    with pytest.raises(SpecError) as caught:
        make_plan(Document("spec", tables, ""), discover())
    assert str(caught.value) == (
        "spec: run.max_cells = 10000: the study has 100,000,000 cells = 100 dataset × 100 model × "
        "100 finetune × 100 attribution; leave some out, or allow as many with "
        "--set max_cells=100000000"
    )
    more = '[[finetune]]\nuse = "zs"\nname = "b"\n'
    done = rateval("validate", str(write_spec(more)), "--set", "max_cells=1")
    refused(done, "--set max_cells = 1: the study has 2 cells")
    assert rateval("validate", str(write_spec(more)), "--set", "max_cells=2").code == 0


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_cells_are_counted_as_they_are_laid_out(seeds: list[int], protocol: str) -> None:
    tables = grid(dataset=2, model=2)
    tables["study"] = {"name": "grid", "seeds": seeds, "protocol": protocol}
    tables["finetune"] = [{"use": use} for use in ("zs", "ft", "flcp")]
    tables["dataset"].append({"use": "shapes"})
    tables["attribution"] = [{"use": "generic-attention"}, {"use": "attention-rollout"}]
    tables["shift"] = [{"use": "darken"}]
    plan = make_plan(Document("spec", tables, ""), discover())
    assert count_cells(plan.choices, plan.seeds) == len(plan.cells) > 40


@pytest.mark.parametrize("table", ["dataset", "finetune"])
def test_entries_of_a_table_cost_linear_time(table: str) -> None:
    document = Document("spec", grid(**{table: 8000}), "")
    registry = discover()
    before = time.process_time()
    assert len(make_plan(document, registry).cells) == 8000
    assert time.process_time() - before < 6  # of 13 when each label was held against all others
