"""What people get wrong: each exits with 2 and one clear message, without a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

Rateval = Callable[..., Any]
WriteSpec = Callable[..., Path]


@pytest.fixture(autouse=True)
def _with_acme(acme: Path) -> None:
    """Have tiny components at hand."""


def refused(done: Any, *parts: str) -> None:
    assert done.code == 2, done.err
    assert done.err.startswith("error: ") or "\nerror: " in done.err
    for part in parts:
        assert part in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_missing_file(rateval: Rateval, command: str) -> None:
    refused(rateval(command, "no.toml"), "no.toml: no such file", "rateval init")


@pytest.mark.parametrize("command", ["run", "validate"])
def test_toml_syntax(rateval: Rateval, write_spec: WriteSpec, command: str) -> None:
    spec = write_spec(study="[study\n")
    refused(rateval(command, str(spec)), "not valid TOML", "line 1, column 7")


@pytest.mark.parametrize(
    ("finetune", "message"),
    [
        ('use = "ft"\nepoch = 3\n', 'finetune[0].epoch: unknown key; did you mean "epochs"?'),
        ('use = "ft"\nepochs = "3"\n', 'finetune[0].epochs = "3": must be a valid integer'),
        ('use = "ft"\nepochs = 0\n', "finetune[0].epochs = 0: must be greater than or equal to 1"),
        ('use = "zss"\n', 'finetune[0].use = "zss": unknown finetuner; did you mean "zs"?'),
    ],
)
def test_wrong_keys_types_bounds_and_components(
    rateval: Rateval, write_spec: WriteSpec, finetune: str, message: str
) -> None:
    spec = write_spec(finetune=f"[[finetune]]\n{finetune}")
    refused(rateval("run", str(spec)), f"spec.toml: {message}")


def test_all_errors_of_a_file_together(rateval: Rateval, write_spec: WriteSpec) -> None:
    spec = write_spec(
        finetune='[[finetune]]\nuse = "ft"\nepoch = 3\nlr = "fast"\n', study="[study]\nseed = -1\n"
    )
    done = rateval("run", str(spec))
    refused(done, "finetune[0].epoch:", "finetune[0].lr =", "study.name:", "study.seed = -1:")
    assert len(done.err.strip().splitlines()) == 4


def test_a_missing_extra(rateval: Rateval, write_spec: WriteSpec, make_plugin: Any) -> None:
    make_plugin(
        """
        from rateval.api import Component, hookimpl

        @hookimpl
        def rateval_register_models():
            return [Component(name="far", summary="s", factory="m:f", params="m:P",
                              requires=("no_such_module",), extra="vlp")]
        """,
        distribution="far-away",
    )
    spec = write_spec(model='[[model]]\nuse = "far"\n')
    refused(
        rateval("run", str(spec)),
        'model[0].use = "far": needs no_such_module, which is not installed',
        "pip install 'far-away[vlp]'",
    )


def test_a_component_of_a_distribution_that_is_not_installed(
    rateval: Rateval, write_spec: WriteSpec
) -> None:
    spec = write_spec('[[shift]]\nuse = "grayscale"\n')
    refused(rateval("run", str(spec)), "pip install ./examples/rateval-example")


def test_data_without_a_sample_to_test(rateval: Rateval, write_spec: WriteSpec) -> None:
    spec = write_spec(dataset='[[dataset]]\nuse = "squares"\ntest = 0\n')
    refused(rateval("run", str(spec)), 'dataset "squares": its test split holds no sample')


def test_data_of_which_no_sample_can_be_read(rateval: Rateval, write_spec: WriteSpec) -> None:
    done = rateval("run", str(write_spec(dataset='[[dataset]]\nuse = "squares"\nskipped = 12\n')))
    assert done.code == 1
    assert re.search("✗ infer +tiny · zs on squares  all 12 samples of the test split", done.err)
    assert "Traceback" not in done.err + done.out


def test_zero_samples_to_train_on(rateval: Rateval, write_spec: WriteSpec) -> None:
    spec = write_spec(
        dataset='[[dataset]]\nuse = "squares"\ntrain = 0\n',
        finetune='[[finetune]]\nuse = "ft"\n',
    )
    done = rateval("run", str(spec))
    assert done.code == 1
    assert re.search("✗ finetune +tiny · ft  the training split holds no sample", done.err)
    assert "Traceback" not in done.err + done.out


def test_an_output_that_cannot_be_written(
    rateval: Rateval, write_spec: WriteSpec, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = rateval("run", str(write_spec()), "--output", "file/runs")
    refused(done, 'run.output: "file/runs" cannot be written to', "--output")


def test_cuda_where_there_is_none(
    rateval: Rateval, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = rateval("run", str(write_spec()), "--device", "cuda")
    refused(done, 'run.device = "cuda": ', "finds no such device here; there is cpu", "auto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "gpu"], '--device = "gpu"'),
        (["--limit", "0"], "--limit = 0: must be greater than or equal to 1"),
        (["--limit", "ten"], '--limit = "ten": must be a valid integer'),
        (["--set", "batchsize=3"], '--set batchsize: unknown key; did you mean "batch_size"?'),
        (["--set", "study.seed=3"], "only keys of [run] can be set here"),
        (["--set", "batch_size"], "write it as key=value"),
    ],
)
def test_options_out_of_bounds(
    rateval: Rateval, write_spec: WriteSpec, options: list[str], message: str
) -> None:
    refused(rateval("run", str(write_spec()), *options), message)


def test_an_environment_out_of_bounds(
    rateval: Rateval, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEVAL_BATCH_SIZE", "none")
    refused(rateval("run", str(write_spec())), 'RATEVAL_BATCH_SIZE = "none"')


def test_a_run_that_is_none(rateval: Rateval, tmp_path: Path) -> None:
    refused(rateval("report"), "runs: holds no run")
    refused(rateval("report", "nowhere"), "nowhere: holds no run that can be read")
    (tmp_path / "run.json").write_text("not json")
    refused(rateval("report", "."), "not a run record")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rnu", 'argument COMMAND: invalid choice: "rnu"; did you mean "run"?'),
        ("vaildate spec.toml", 'did you mean "validate"?'),
        ("frobnicate", 'invalid choice: "frobnicate"; there are check-plugin, compare, '),
        ("runs clear", 'argument ACTION: invalid choice: "clear"; did you mean "clean"?'),
        ("run spec.toml --quite", 'arguments: --quite; did you mean "--quiet"?'),
        ("runs prune --yess --wat", 'arguments: --yess --wat; did you mean "--yes"?'),
        ("list --jsno=1", 'arguments: --jsno=1; did you mean "--json"?'),
        ("list dataset extra", "unrecognized arguments: extra"),
        ("show modle clip", 'invalid choice: "modle"; did you mean "model"?'),
    ],
)
def test_a_slip_of_the_pen_on_the_command_line(rateval: Rateval, words: str, said: str) -> None:
    done = rateval(*words.split())
    assert done.code == 2
    assert said in done.err
