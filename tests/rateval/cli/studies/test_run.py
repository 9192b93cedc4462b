from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.records.run import load

Rateval = Callable[..., Any]
WriteSpec = Callable[..., Path]
ROOT = Path(__file__).parents[4]

KEPT = "interrupted: every finished stage, and what a training goes on from, is kept in"
LOSE = """

class PressedInVain:
    def __del__(self):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)
"""


def run_folder() -> Path:
    (folder,) = Path("runs").glob("*-*")
    return folder


def test_a_study_from_spec_to_report(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    spec = write_spec('[[finetune]]\nuse = "ft"\nepochs = 2\nlr = 0.01\n')
    done = rateval("run", str(spec))
    assert done.code == 0
    for line in ("✓ load +tiny", "✓ finetune +tiny · ft", "✓ infer +tiny · zs on squares"):
        assert re.search(line, done.err)
    record = load(run_folder())
    assert [cell.key.finetuner for cell in record.cells] == ["zs", "ft"]
    for cell in record.cells:
        values = [s.value.value for s in cell.evidence[0].scores]
        shown = [f"{100 * value:.1f}" for value in values if value is not None]
        pattern = rf"tiny +{cell.key.finetuner} .*" + ".*".join(map(re.escape, shown))
        assert re.search(pattern, done.out)
    assert f"runs/{record.path.name}/run.json" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_report_prints_the_same_again(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    printed = rateval("run", str(write_spec())).out
    assert rateval("report", str(run_folder())).out == printed
    assert rateval("report", str(run_folder() / "run.json")).out == printed
    assert rateval("report").out == printed


def test_quiet_prints_the_report_only(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    done = rateval("run", str(write_spec()), "--quiet")
    assert done.err == ""
    assert "RR" in done.out


def test_verbose_prints_identities(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    done = rateval("run", str(write_spec()), "-v")
    assert re.search(r"✓ score .* [0-9a-f]{32}", done.err)


def test_a_second_run_says_what_it_reuses(
    rateval: Rateval, acme: Path, write_spec: WriteSpec
) -> None:
    spec = str(write_spec())
    rateval("run", spec)
    again = rateval("run", spec)
    assert re.search("= infer +tiny · zs on squares  12 images, reused", again.err)
    assert "load" not in again.err
    assert "✓ infer" in rateval("run", spec, "--fresh").err


def test_options_replace_the_spec(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    options = ("--limit", "3", "--output", "elsewhere", "--set", "batch_size=2")
    done = rateval("run", str(write_spec()), *options)
    (folder,) = Path("elsewhere").glob("small-*")
    record = load(folder)
    assert (record.limit, record.cells[0].count) == (3, 3)
    assert record.spec_resolved["run"]["batch_size"] == 2
    assert "limited to 3 samples of every split" in done.out


def test_the_environment_replaces_the_spec(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEVAL_LIMIT", "4")
    rateval("run", str(write_spec()))
    assert load(run_folder()).limit == 4


def test_undefined_values_show_as_a_dash_with_the_reason(
    rateval: Rateval, acme: Path, write_spec: WriteSpec
) -> None:
    spec = write_spec('[[attribution]]\nuse = "any-map"\nreturns = "constant"\n')
    flat = " ".join(rateval("run", str(spec)).out.split())
    assert "–" in flat
    assert "IR is undefined: no prediction rests on valid evidence (0 of 0)" in flat
    assert "12 images have no score and count as not valid (constant relevance: 12)" in flat


def test_a_broken_plugin_is_said_once_and_disturbs_no_run(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, make_plugin: Any
) -> None:
    make_plugin("raise RuntimeError('boom')", distribution="broken-one")
    done = rateval("run", str(write_spec()))
    assert done.code == 0
    assert done.err.count("RuntimeError: boom") == 1


def test_a_run_that_needs_a_broken_plugin_stops_with_its_cause(
    rateval: Rateval, write_spec: WriteSpec, make_plugin: Any
) -> None:
    make_plugin("raise RuntimeError('boom')", distribution="acme")
    done = rateval("validate", str(write_spec()))
    assert done.code == 2
    assert 'dataset[0].use = "squares": unknown dataset' in done.err
    assert 'plugin "acme" (acme 1.2) is left out: RuntimeError: boom' in done.err


def test_a_plugin_can_render_the_report(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, make_plugin: Any
) -> None:
    make_plugin(
        """
        from rateval.api import hookimpl

        @hookimpl
        def rateval_render_report(record, console):
            console.print(f"mine: {record.study}")
            return True
        """,
        distribution="mine",
    )
    assert rateval("run", str(write_spec())).out == "mine: small\n"


def test_a_bug_keeps_its_traceback_and_exits_with_1(
    rateval_process: Rateval, acme: Path, write_spec: WriteSpec
) -> None:
    parts = acme / "acme" / "parts.py"
    parts.write_text(parts.read_text().replace("return tiny_model()", "return 1 / 0"))
    done = rateval_process("run", str(write_spec()))
    assert done.code == 1
    assert re.search('✗ load +model "tiny"  ZeroDivisionError: division by zero', done.err)
    log = (run_folder() / "run.log").read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in log
    assert 'raised by the model "tiny" of plugin "acme" (acme 1.2)' in log


def test_ctrl_c_leaves_a_run_to_go_on_with(tmp_path: Path, acme: Path, write_spec: Any) -> None:
    spec = write_spec('[[finetune]]\nuse = "ft"\nepochs = 100000\n')
    arguments = [sys.executable, "-m", "rateval", "run", str(spec), "-v"]
    environment = {"PYTHONPATH": os.environ["PYTHONPATH"], "PATH": "", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        seen = ""
        while not re.search("judge +tiny · zs", seen):
            line = process.stderr.readline()
            assert line, seen
            seen += line
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
        seen += process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in seen
    assert f"{KEPT} {Path('runs', 'store')}; go on with: rateval run {spec}" in seen
    (folder,) = (tmp_path / "runs").glob("small-*")
    assert load(folder).status == "interrupted"
    assert [path.name[0] for path in (tmp_path / "runs/store/finetune").iterdir()] != ["."]


def test_ctrl_c_while_libraries_load_says_how_to_go_on(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rateval.cli.studies.run.import_ahead", press)
    spec = write_spec()
    done = rateval("run", str(spec), "--limit", "2")
    assert done.code == 130
    assert done.err.replace("\n", " ").strip().endswith(f"rateval run {spec} --limit 2")
    assert not Path("runs").exists()


def test_ctrl_c_that_python_loses_still_stops_the_run(
    rateval: Rateval, acme: Path, write_spec: WriteSpec
) -> None:
    # Pressed where nobody can catch it, while the first batch is explained.
    parts = acme / "acme" / "parts.py"
    lose = "        PressedInVain()\n        rows, cols = classifier"
    parts.write_text(parts.read_text().replace("        rows, cols = classifier", lose) + LOSE)
    explainers = ("generic-attention", "any-map")
    spec = write_spec("".join(f'[[attribution]]\nuse = "{name}"\n' for name in explainers))
    done = rateval("run", str(spec))
    assert done.code == 130
    assert KEPT in done.err
    assert "ignored" not in done.err
    assert load(run_folder()).status == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_examples_are_valid(rateval: Rateval) -> None:
    specs = sorted((ROOT / "examples").glob("*.toml"))
    assert specs
    for spec in specs:
        assert rateval("validate", str(spec)).code == 0
