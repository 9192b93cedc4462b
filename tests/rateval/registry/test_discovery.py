from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rateval.errors import PluginError
from rateval.registry.discovery import discover

MakePlugin = Callable[..., Path]

GOOD = """
from rateval.api import Component, hookimpl

@hookimpl
def rateval_register_metrics():
    return [Component(name="NAME", summary="s", factory="m:f", params="m:P")]
"""


def good(name: str) -> str:
    return GOOD.replace("NAME", name)


def test_bundled_and_third_party_plugins_are_found(make_plugin: MakePlugin) -> None:
    make_plugin(good("mine"))
    found = discover().find("metric", "mine")
    assert found is not None
    assert str(found.plugin) == 'plugin "acme-plugin" (acme-plugin 1.2)'
    assert discover().find("metric", "pt") is not None


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        (good("Not Kebab"), "kebab-case"),
        (good("x").replace("return [", "return {").replace('")]', '")}'), "not a list of"),
        (good("x").replace("return [", "1 / 0; ["), "ZeroDivisionError"),
        (good("x").replace("metrics()", "metrics(wrong)"), "wrong"),
        (good("x").replace("@hookimpl", ""), "not marked with @rateval.api.hookimpl"),
    ],
)
def test_a_broken_plugin_is_reported_and_the_others_go_on(
    make_plugin: MakePlugin, source: str, cause: str
) -> None:
    make_plugin(source, distribution="broken-one")
    make_plugin(good("mine"), distribution="working-one")
    registry = discover()
    (broken,) = registry.broken
    assert str(broken).startswith('plugin "broken-one" (broken-one 1.2) is left out: ')
    assert cause in broken.cause
    assert registry.find("metric", "mine") is not None
    assert registry.find("metric", "pt") is not None
    assert registry.find("metric", "x") is None
    assert "broken-one" not in {plugin.name for plugin in registry.plugins}


def test_a_hook_that_does_not_exist_names_both_distributions(make_plugin: MakePlugin) -> None:
    make_plugin(good("x").replace("register_metrics", "register_metric"))
    with pytest.raises(PluginError) as caught:
        discover()
    message = str(caught.value)
    assert 'plugin "acme-plugin" (acme-plugin 1.2) implements rateval_register_metric' in message
    assert "rateval 0." in message
    assert 'did you mean "rateval_register_metrics"?' in message
    assert "RATEVAL_DISABLE_PLUGINS=acme-plugin" in message


def test_two_components_of_one_name_name_both_distributions(make_plugin: MakePlugin) -> None:
    make_plugin(good("same"), distribution="first")
    make_plugin(good("same"), distribution="second", version="2.0")
    with pytest.raises(PluginError) as caught:
        discover()
    assert 'the metric "same"' in str(caught.value)
    assert "(first 1.2)" in str(caught.value)
    assert "(second 2.0)" in str(caught.value)


def test_a_third_party_cannot_replace_a_bundled_component(make_plugin: MakePlugin) -> None:
    make_plugin(good("pt"))
    with pytest.raises(PluginError, match=r'the metric "pt".*rateval 0.*acme-plugin 1.2'):
        discover()


@pytest.mark.parametrize("value", ["acme-plugin", "ACME_plugin", "x, acme.plugin ,", "all"])
def test_disabling(make_plugin: MakePlugin, value: str) -> None:
    make_plugin("raise RuntimeError('never imported')")
    registry = discover(environment={"RATEVAL_DISABLE_PLUGINS": value})
    assert registry.broken == ()
    assert registry.find("metric", "pt") is not None


def test_a_bundled_plugin_can_be_disabled_by_its_name() -> None:
    registry = discover(environment={"RATEVAL_DISABLE_PLUGINS": "rationality"})
    assert registry.find("metric", "pt") is None
    assert registry.find("finetuner", "zs") is not None


def test_no_third_party(make_plugin: MakePlugin) -> None:
    make_plugin(good("mine"))
    assert discover(third_party=False).find("metric", "mine") is None
