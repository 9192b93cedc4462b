"""A plugin says which contract it needs; what goes away warns first."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pluggy
import pytest

import rateval.api
from rateval.api import hookspecs
from rateval.api.deprecations import (
    NAMES,
    Deprecated,
    find_deprecated,
    may_go,
    warning_of,
)
from rateval.api.version import API_VERSION, VERSIONS, explain_version, read_version
from rateval.cli.main import main
from rateval.registry.discovery import discover, stated_version

MakePlugin = Callable[..., Path]
ROOT = Path(__file__).parents[3]
METRIC = """
    from rateval.api import Component, hookimpl
    {version}
    @hookimpl
    def {hook}():
        return [Component(name="own", summary="s", factory="m:f", params="m:P")]
"""
SPEC = """
[study]
name = "x"
[[dataset]]
use = "shapes"
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[metric]]
use = "own"
"""


def source(version: str, hook: str = "rateval_register_metrics") -> str:
    return METRIC.format(version=version, hook=hook)


@pytest.mark.parametrize(
    "stated", [f'RATEVAL_API = "{API_VERSION}"', "", "RATEVAL_API: str = '1.0'"]
)
def test_a_version_that_fits_is_used(stated: str, make_plugin: MakePlugin) -> None:
    make_plugin(source(stated))
    registry = discover()
    assert not registry.broken
    assert registry.find("metric", "own")


@pytest.mark.parametrize(
    ("stated", "cause"),
    [
        (
            '"9.0"',
            f"it needs version 9.0 of the contract, and this is {API_VERSION}; upgrade rateval",
        ),
        ('"1.99"', f"it needs version 1.99 of the contract, and this is {API_VERSION}"),
        ('"0.4"', "upgrade the plugin, or install a version of rateval that offers 0.x"),
        ('"one"', "RATEVAL_API = 'one': must be text such as \"1.0\""),
        ("1.0", "must be text such as"),
        ('""', "must be text such as"),
    ],
)
def test_another_one_is_left_out_before_it_is_imported(
    stated: str, cause: str, make_plugin: MakePlugin
) -> None:
    make_plugin(f"    RATEVAL_API = {stated}\n    raise RuntimeError('imported')\n")
    (broken,) = discover().broken
    assert cause in broken.cause
    assert "imported" not in broken.cause
    assert "acme_plugin_entry" not in sys.modules


def test_a_spec_and_the_list_name_both_versions(
    make_plugin: MakePlugin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_plugin(source('RATEVAL_API = "9.0"'))
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC)
    told = f"it needs version 9.0 of the contract, and this is {API_VERSION}"
    assert main(["validate", "spec.toml"]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    for words in (["list"], ["--version"]):
        with pytest.raises(SystemExit) if words == ["--version"] else warnings.catch_warnings():
            main(words)
        assert told in " ".join(capsys.readouterr().out.split())


def test_versions_are_compared_as_numbers() -> None:
    assert read_version("1.10") > read_version("1.9")
    assert explain_version("1.9", "1.10") is None
    assert explain_version("1.10", "1.9") is not None
    for wrong in ("1", "1.0.0", "01.0", "1.x", "", 1.0, None):
        with pytest.raises(ValueError, match="must be text such as"):
            read_version(wrong)


def test_each_version_has_its_changes_written_down() -> None:
    page = (ROOT / "docs/contract-changes.md").read_text(encoding="utf-8")
    assert tuple(reversed(re.findall(r"^## (\d+\.\d+)$", page, re.M))) == VERSIONS
    assert [*VERSIONS] == sorted(VERSIONS, key=read_version)
    assert VERSIONS[-1] == rateval.api.API_VERSION


def test_what_is_deprecated_is_there_and_not_overdue() -> None:
    for name, entry in NAMES.items():
        assert not may_go(entry.since), f"{name} has warned for two versions: take it away"
        module, _, attribute = entry.instead.partition(":")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute)


def test_a_deprecated_name_warns_and_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"rateval.api:Picture": Deprecated("1.0", "rateval.api:Sample")}
    monkeypatch.setattr(rateval.api, "NAMES", names)
    with pytest.warns(
        DeprecationWarning, match=r"rateval\.api\.Picture is deprecated since version 1\.0"
    ):
        found = rateval.api.__getattr__("Picture")
    assert found is rateval.api.Sample
    with pytest.raises(AttributeError):
        find_deprecated("rateval.api", "Other")


def test_a_deprecated_hook_still_registers_and_the_list_shows_it(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warning = warning_of("rateval_register_numbers", "1.0", "rateval_register_metrics")

    @pluggy.HookspecMarker(hookspecs.PROJECT)(warn_on_impl=warning)
    def rateval_register_numbers() -> None: ...

    monkeypatch.setattr(
        hookspecs, "rateval_register_numbers", rateval_register_numbers, raising=False
    )
    monkeypatch.setitem(hookspecs.REGISTRATION, "rateval_register_numbers", "metric")
    make_plugin(source("", "rateval_register_numbers"))
    registry = discover()
    assert registry.find("metric", "own")
    (dated,) = registry.dated
    assert str(dated) == f'plugin "acme-plugin" (acme-plugin 1.2): {warning}'
    assert main(["list", "metric"]) == 0
    assert "deprecated: plugin" in capsys.readouterr().out


def test_other_warnings_are_not_swallowed(make_plugin: MakePlugin) -> None:
    make_plugin("import warnings\nwarnings.warn('look here', UserWarning)\n")
    (broken,) = discover().broken  # as these tests turn warnings into errors
    assert "look here" in broken.cause


def test_bundled_modules_need_no_version() -> None:
    assert stated_version("rateval_clip.plugin") is None
    assert stated_version("no.such.module") is None
