from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.registry.discovery import own_version

Rateval = Callable[..., Any]
MakePlugin = Callable[..., Path]

HEAVY = {
    "torch",
    "open_clip",
    "transformers",
    "pydantic",
    "numpy",
    "PIL",
    "pyarrow",
    "timm",
    "scipy",
}


def imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.partition(".")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("options", ["", "'--all'", "'--json'"])
def test_list_imports_nothing_heavy(options: str) -> None:
    modules = imported_by(f"from rateval.cli.main import main; main(['list', {options}])")
    assert "rateval_clip" in modules
    assert modules & HEAVY == set()


def test_importing_rateval_and_its_api_imports_nothing_heavy() -> None:
    assert imported_by("import rateval, rateval.api") & HEAVY == set()


def test_validate_imports_no_torch(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    code = (
        "from rateval.cli.main import main\n"
        f"assert main(['init', {str(spec)!r}]) == 0 and main(['validate', {str(spec)!r}]) == 0"
    )
    assert imported_by(code) & (HEAVY - {"pydantic"}) == set()


def test_report_imports_no_torch(tmp_path: Path) -> None:
    code = f"from rateval.cli.main import main; main(['report', {str(tmp_path)!r}])"
    assert imported_by(code) & (HEAVY - {"pydantic"}) == set()


def test_json_lists_every_bundled_component(rateval: Rateval) -> None:
    done = rateval("list", "--json", "--no-third-party")
    rows = json.loads(done.out)
    assert done.code == 0
    assert {(row["kind"], row["name"]) for row in rows} >= {
        ("model", "clip"),
        ("finetuner", "zs"),
        ("finetuner", "ft"),
        ("attribution", "generic-attention"),
        ("validator", "relevance-mass"),
        ("metric", "accuracy"),
        ("metric", "pt"),
        ("metric", "ir"),
        ("dataset", "shapes"),
        ("executor", "local"),
    }
    for row in rows:
        assert row["distribution"] == "rateval"
        assert row["version"] == own_version()
        assert row["available"] is not (row["kind"] == "tracker" or row["name"].startswith("lavis"))
        assert row["summary"]


def test_one_kind(rateval: Rateval) -> None:
    rows = json.loads(rateval("list", "metric", "--json").out)
    assert {row["kind"] for row in rows} == {"metric"}


def test_an_unknown_kind_names_the_kinds(rateval: Rateval) -> None:
    done = rateval("list", "metrics")
    assert done.code == 2
    assert 'did you mean "metric"?' in done.err
    done = rateval("list", "frobnicate")
    assert done.code == 2
    assert "there are attribution, dataset, " in done.err


def test_the_table_fits_80_columns(rateval: Rateval) -> None:
    done = rateval("list", "--all")
    assert "generic-attention" in done.out
    assert "pip install ./examples/rateval-example" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 80


def test_all_adds_what_could_be_installed(rateval: Rateval) -> None:
    rows = json.loads(rateval("list", "--all", "--json", "--no-third-party").out)
    (row,) = [row for row in rows if row["name"] == "grayscale"]
    assert (row["available"], row["version"]) == (False, None)
    assert row["missing"] == "pip install ./examples/rateval-example"


def test_broken_and_incomplete_plugins_are_shown(rateval: Rateval, make_plugin: MakePlugin) -> None:
    make_plugin("raise RuntimeError('boom')", distribution="broken-one")
    make_plugin(
        """
        from rateval.api import Component, hookimpl

        @hookimpl
        def rateval_register_models():
            return [Component(name="far", summary="s", factory="m:f", params="m:P",
                              requires=("no_such_module",), extra="big")]
        """,
        distribution="acme",
        offers=("big",),
    )
    done = rateval("list")
    flat = " ".join(done.out.split())
    assert done.code == 0
    assert 'broken: plugin "broken-one" (broken-one 1.2) is left out: RuntimeError: boom' in flat
    assert "needs no_such_module, which is not installed; pip install 'acme[big]'" in flat
    as_json = rateval("list", "--json")
    (row,) = [row for row in json.loads(as_json.out) if row["name"] == "far"]
    assert row["available"] is False
    assert "broken-one" in as_json.err
    assert "broken-one" not in rateval("list", "--no-third-party").out


REQUIRING = """
    from rateval.api import Component, hookimpl

    @hookimpl
    def rateval_register_models():
        return [Component(name="far", summary="s", factory="m:f", params="m:P",
                          requires={requires!r}, extra={extra!r})]
"""


@pytest.mark.parametrize(
    ("requires", "extra", "offers", "needs", "advice"),
    [
        (("no_such_module",), "", (), (), "and pip install acme brings nothing that isn't here"),
        (("no_such_module",), "big", (), (), "and pip install 'acme[big]' brings nothing that"),
        (("no_such_module.part",), "", (), ("numpy>=1",), "and pip install acme brings nothing"),
        (("no_such_module",), "big", ("big",), (), "; pip install 'acme[big]'"),
        (("no_such_module",), "", (), ("no-such-dist>=1",), "; pip install acme"),
    ],
)
def test_what_pip_cannot_install_is_said(
    requires: tuple[str, ...],
    extra: str,
    offers: tuple[str, ...],
    needs: tuple[str, ...],
    advice: str,
    rateval: Rateval,
    make_plugin: MakePlugin,
) -> None:
    source = REQUIRING.format(requires=requires, extra=extra)
    make_plugin(source, distribution="acme", offers=offers, needs=needs)
    (row,) = [row for row in json.loads(rateval("list", "--json").out) if row["name"] == "far"]
    assert advice in row["missing"]
    assert row["missing"].startswith(f"needs {requires[0]}, which is not installed")


def test_a_slow_plugin_and_one_that_imports_torch_are_named(make_plugin: MakePlugin) -> None:
    make_plugin("import time; time.sleep(0.25)", distribution="sleepy")
    make_plugin("import torch", distribution="heavy")
    make_plugin("", distribution="quick")
    table, as_json = (
        subprocess.run(
            [sys.executable, "-m", "rateval", "list", *options],
            capture_output=True,
            text=True,
            check=True,
        )
        for options in ((), ("--json",))
    )
    flat = " ".join(table.stdout.split())
    for text in (flat, as_json.stderr):
        assert re.search(
            r'slow: plugin "sleepy" \(sleepy 1.2\) takes 0\.[2-9] s to register; imp', text
        )
        assert re.search(
            r'slow: plugin "heavy" .* to register and imports torch; import what', text
        )
        assert "quick" not in text
    json.loads(as_json.stdout)


def test_a_plugin_that_exits_while_it_registers_is_left_out(
    rateval: Rateval, make_plugin: MakePlugin
) -> None:
    make_plugin(
        """
        from rateval.api import hookimpl

        @hookimpl
        def rateval_register_models():
            raise SystemExit(0)
        """,
        distribution="acme",
    )
    done = rateval("list")
    assert done.code == 0
    assert "rateval_register_models failed with SystemExit: 0" in " ".join(done.out.split())


def test_two_components_of_one_name_stop_the_command(
    rateval: Rateval, make_plugin: MakePlugin
) -> None:
    source = """
        from rateval.api import Component, hookimpl

        @hookimpl
        def rateval_register_metrics():
            return [Component(name="pt", summary="s", factory="m:f", params="m:P")]
    """
    make_plugin(source)
    done = rateval("list")
    assert done.code == 2
    assert "rateval 0." in done.err
    assert "acme-plugin 1.2" in done.err


def test_version_names_plugins(rateval: Rateval, acme: Path) -> None:
    done = rateval("--version")
    assert done.code == 0
    assert done.out.startswith(f"rateval {own_version()}\n")
    assert "shapes" in done.out
    assert "plugin acme: acme 1.2" in done.out


@pytest.mark.parametrize(
    "kind_and_name", ["finetuner ft", "model clip", "dataset shapes", "executor local"]
)
def test_show_tells_every_parameter(rateval: Rateval, kind_and_name: str) -> None:
    from rateval.registry.discovery import discover
    from rateval.registry.references import params_class

    kind, name = kind_and_name.split()
    done = rateval("show", kind, name)
    found = discover().find(kind, name)  # type: ignore[arg-type]
    assert found is not None
    assert done.code == 0
    assert found.component.summary in " ".join(done.out.split())
    assert "rateval" in done.out
    for field in params_class(found).model_fields:
        assert f"\n{field} " in done.out


def test_show_writes_types_defaults_and_bounds(rateval: Rateval, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    lines = rateval("show", "finetuner", "ft").out.splitlines()
    (epochs,) = [line for line in lines if line.startswith("epochs")]
    assert epochs.split()[1:4] == ["integer,", "≥", "1"]
    assert "10" in epochs


@pytest.mark.parametrize(
    ("kind_and_name", "line"),
    [
        ("finetuner ft", 'in a spec [[finetune]] use = "ft"'),
        ("executor local", 'in a spec [executor] use = "local"'),
    ],
)
def test_show_says_how_to_name_it_in_a_spec(
    rateval: Rateval, kind_and_name: str, line: str
) -> None:
    assert line in " ".join(rateval("show", *kind_and_name.split()).out.split())


def test_show_says_what_was_meant(rateval: Rateval) -> None:
    done = rateval("show", "metric", "p")
    assert done.code == 2
    assert "metric p: unknown metric" in done.err


def test_init_writes_a_spec_that_is_valid_and_never_replaces_one(rateval: Rateval) -> None:
    assert rateval("init").code == 0
    assert rateval("validate", "spec.toml").out.startswith("spec.toml: valid: 4 cells")
    again = rateval("init")
    assert again.code == 2
    assert "spec.toml: exists already" in again.err
    assert rateval("init", "--force").code == 0
    assert rateval("init", "no/such/folder/spec.toml").code == 2


def test_python_m_rateval(rateval_process: Rateval) -> None:
    done = rateval_process("list", "dataset", "--json")
    assert done.code == 0
    assert "shapes" in [row["name"] for row in json.loads(done.out)]


def test_a_reader_that_has_seen_enough() -> None:
    done = subprocess.run(
        f"{sys.executable} -m rateval list --json | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "["
    assert done.stderr == ""
