"""Text that isn't ours, through every command: as it is, never raw, whatever the encoding."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.cli.main import main
from rateval.cli.studies.run import VisibleFormatter

Rateval = Callable[..., Any]
WriteSpec = Callable[..., Path]
MakePlugin = Callable[..., Path]

HOSTILE = "[/x][b]\x1b[31m\x9b2J\u202e"
SHOWN = r"[/x][b]\x1b[31m\x9b2J\u202e"
LABELS = ("lp [lr=1e-2]", "lp [lr=1e-5]", "[/x]", "[bold]b[/bold]")


@pytest.fixture
def hostile(acme: Path, make_plugin: MakePlugin) -> Path:
    """Have a plugin whose every text is hostile, one that is broken by such an error, and acme."""
    parts = acme / "acme" / "parts.py"
    source = parts.read_text(encoding="utf-8")
    parts.write_text(source.replace('"truncated file"', ascii(HOSTILE)), encoding="utf-8")
    make_plugin(f"raise RuntimeError({HOSTILE!a})", distribution="broken-plugin")
    make_plugin(
        f"""
        from pydantic import Field
        from rateval.api import Component, Params, hookimpl

        class LoudParams(Params):
            size: str = Field(default={HOSTILE!a}, description={HOSTILE!a})

        def make(params, context):
            raise RuntimeError({HOSTILE!a})

        @hookimpl
        def rateval_register_models():
            return [Component(name="loud", summary={HOSTILE!a}, source={HOSTILE!a},
                              factory=__name__ + ":make", params=__name__ + ":LoudParams")]
        """,
        distribution="loud-plugin",
    )
    return acme


@pytest.fixture
def spec(hostile: Path, write_spec: WriteSpec) -> Path:
    sets = [f'[[finetune]]\nuse = "zs"\nname = "{label}"\n' for label in LABELS]
    return write_spec(
        '[[model]]\nuse = "loud"\n',
        dataset='[[dataset]]\nuse = "squares"\nname = "[data]"\nskipped = 2\n',
        finetune="".join(sets),
    )


def clean(done: Any, code: int = 0) -> str:
    """Return all that was printed, in which nothing is raw."""
    text: str = done.out + done.err
    assert done.code == code, text
    assert not [sign for sign in "\x1b\x9b\u202e" if sign in text]
    assert "MarkupError" not in text
    assert "Traceback" not in text
    return text


def unwrapped(text: str) -> str:
    return "".join(text.split())


def test_run_report_and_their_notes(rateval: Rateval, spec: Path) -> None:
    for arguments in (("run", str(spec), "-v"), ("report",)):
        text = clean(rateval(*arguments), code=int(arguments[0] == "run"))
        assert all(label in text for label in LABELS)
        assert "[data]  10 test images" in text
        skipped = unwrapped(text).partition("[data]:2testsamplesskipped")[2]
        assert skipped.startswith(f"·2×{unwrapped(SHOWN)}:suchas")
        assert f"RuntimeError: {SHOWN}" in text


def test_parity(rateval: Rateval, spec: Path) -> None:
    text = clean(rateval("parity", str(spec)), code=1)
    assert all(label in text for label in LABELS)


def test_list_and_show(rateval: Rateval, hostile: Path) -> None:
    listed = clean(rateval("list"))
    assert unwrapped(SHOWN) in unwrapped(listed)
    assert unwrapped(f"is left out: RuntimeError: {SHOWN}") in unwrapped(listed)
    shown = clean(rateval("show", "model", "loud"))
    assert f"loud  {SHOWN}" in shown
    assert f"source    {SHOWN}" in shown
    done = rateval("list", "--json")
    assert SHOWN in clean(done)
    assert HOSTILE in {row["summary"] for row in json.loads(done.out)}
    assert SHOWN in clean(rateval("--version"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", HOSTILE),
        ("validate", HOSTILE),
        ("parity", HOSTILE),
        ("report", HOSTILE),
        ("show", "model", HOSTILE),
        ("list", HOSTILE),
        (HOSTILE,),
        ("validate", "x", HOSTILE),
        ("model", "check", HOSTILE),
        ("model", "fetch", HOSTILE),
        ("export-checkpoint", HOSTILE, "--to", "x"),
        ("run", "spec.toml", "--set", f"{HOSTILE}=1"),
        ("run", "spec.toml", "--set", f"device={HOSTILE}"),
        ("run", "spec.toml", "--only", HOSTILE),
    ],
    ids=lambda arguments: " ".join(arguments).replace(HOSTILE, "hostile"),
)
def test_what_is_typed_comes_back_visible(
    rateval: Rateval, spec: Path, arguments: tuple[str, ...]
) -> None:
    text = clean(rateval(*arguments), code=2)
    assert r"\x1b[31m" in text or r"\u001b[31m" in text


def test_init_writes_where_it_is_told(rateval: Rateval) -> None:
    assert r"wrote a\x1b[31m" in clean(rateval("init", "a\x1b[31m"))


def test_a_traceback_and_log_lines_are_visible_too(
    rateval: Rateval, spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    record = logging.LogRecord("lib", logging.INFO, "", 0, HOSTILE, (), None)
    assert VisibleFormatter("%(message)s").format(record) == SHOWN

    def fail(*_: object) -> None:
        raise ValueError(HOSTILE)

    monkeypatch.setattr("rateval.cli.studies.validate.make_plan", fail)
    assert main(["validate", str(spec)]) == 1
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert f"ValueError: {SHOWN}" in said


def environment(encoding: str) -> dict[str, str]:
    return os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "80"}


def command(*arguments: str, encoding: str = "utf-8", **more: Any) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "rateval", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more,
        env=environment(encoding),
        timeout=120,
        check=False,
    )


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs a command on streams of an encoding, in this process."""

    def run(encoding: str, *arguments: str) -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in ("stdout", "stderr")]
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", streams[0])
            patch.setattr("sys.stderr", streams[1])
            code = main(arguments)
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
        return code, out, err

    return run


def test_encodings_that_lack_signs(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, encoded: Any
) -> None:
    spec = str(write_spec(finetune='[[finetune]]\nuse = "zs"\nname = "中 é"\n'))
    for encoding, label in (
        ("ascii", r"tiny * \u4e2d \xe9"),
        ("latin-1", r"tiny · \u4e2d é"),
        ("cp1252", r"tiny · \u4e2d é"),
    ):
        code, _, err = encoded(encoding, "run", spec)
        assert code == 0
        assert f" infer          {label} on squares" in err
        code, out, _ = encoded(encoding, "report")
        assert code == 0
        assert label.split(maxsplit=2)[2] in out
        heading, rule = out.split("\n")[3:5]
        assert heading.split()[-6:] == ["%", "d", "zs", "RR", "RW", "WR", "WW"][-6:]
        assert rule == "-" * len(heading.rstrip("\n"))
        for arguments in (("list", "--all"), ("show", "finetuner", "ft"), ("validate", spec)):
            assert encoded(encoding, *arguments)[0] == 0
        code, _, err = encoded(encoding, "validate", "no 中.toml")
        assert (code, err[:30]) == (2, r"error: no \u4e2d.toml: no such"[:30])
    code, out, _ = encoded("ascii", "parity", spec, "-q")
    assert code == 0
    assert r"\u4e2d \xe9" in out
    assert "in %, d in points" in out
    done = command("report", encoding="ascii")
    assert done.returncode == 0
    assert b" d zs " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("report",),
        ("parity", "spec.toml", "-q"),
        ("list",),
        ("list", "--json"),
        ("--version",),
        ("--help",),
    ],
    ids=" ".join,
)
def test_a_full_disk_behind_standard_output(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, arguments: tuple[str, ...]
) -> None:
    write_spec()
    if arguments == ("report",):
        assert rateval("run", "spec.toml", "-q").code == 0
    with Path("/dev/full").open("wb") as full:
        done = command(*arguments, stdout=full)
    said = done.stderr.decode()
    assert done.returncode == 2, said
    assert len(said.splitlines()) == 1
    assert f"error: standard output cannot be written to: {os.strerror(errno.ENOSPC)}" in said
    if arguments[0] == "parity":
        kept = [path.parent.name for path in Path("runs").glob("*/run.json")]
        assert kept
        assert all(f"rateval report runs/{name}" in said for name in kept)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "spec.toml", "-q"),
        ("validate", "spec.toml"),
        ("show", "finetuner", "ft"),
        ("model", "check", "tiny"),
        ("model", "fetch"),
        ("init", "other.toml"),
    ],
    ids=" ".join,
)
def test_every_command_says_so_once(
    rateval: Rateval,
    acme: Path,
    write_spec: WriteSpec,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    write_spec()
    capsys.readouterr()
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", full)
        assert main(arguments) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith("error: standard output cannot be written to: No space left on device")
    assert ("rateval report runs/small-" in said) == (arguments[0] == "run")


def test_a_full_disk_behind_standard_error(
    acme: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    spec = write_spec()
    with Path("/dev/full").open("wb") as full:
        assert command("run", str(spec), stderr=full, cwd=tmp_path).returncode == 2
        assert command("validate", "nothere", stderr=full, cwd=tmp_path).returncode == 2
