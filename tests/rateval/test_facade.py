from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import rateval
import rateval.api
import rateval.modelkit
from rateval.api import hookspecs
from rateval.api.kinds import KINDS
from rateval.api.values import Outcomes
from rateval.errors import PluginError, RatevalError, SpecError
from rateval.registry.discovery import discover
from rateval.registry.references import load_reference, params_class
from rateval.registry.registry import Registered

ROOT = Path(__file__).parents[2]


def registered(site: Path, kind: Any, name: str) -> Registered:
    found = discover().find(kind, name)
    assert found is not None
    return found


def declared_names(module: Any) -> list[str]:
    """Return the names that a door imports for others, at run time or for type checkers."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [alias.asname for node in imports for alias in node.names if alias.asname]


@pytest.mark.parametrize("module", [rateval, rateval.api, rateval.modelkit])
def test_every_public_name_is_there_and_declared_once(module: Any) -> None:
    names = declared_names(module)
    assert len(names) == len(set(names)) > 5
    for name in names:
        assert getattr(module, name) is not None
    for name in ("no_such_name", "Path", "_no_such_name"):
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


def test_the_contract_is_small() -> None:
    assert len({*declared_names(rateval.api)} - {"API_VERSION"}) <= 40


def test_create_gives_a_live_component() -> None:
    import numpy as np

    metric = rateval.create("metric", "pt")
    counted = metric.compute(Outcomes(np.array([True, True]), np.array([True, False])))
    assert (counted.numerator, counted.denominator) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "name", "params", "message"),
    [
        ("metrics", "pt", {}, 'kind = "metrics": unknown; kinds are dataset, model'),
        ("metric", "ptt", {}, r'create\("metric", "ptt"\): unknown metric; did you mean "pt"'),
        ("finetuner", "ft", {"epoch": 1}, r'create\("finetuner", "ft"\): epoch: unknown key'),
        ("finetuner", "ft", {"epochs": 0}, "greater than or equal to 1"),
        (
            "model",
            "clip",
            {"architecture": "ViT-B-32"},
            r'^create\("model", "clip"\): pretrained is missing.*see rateval show model clip$',
        ),
        ("attribution", "generic-attention", {"layers": 0.5}, "^[^\n]*layers: [^\n]*$"),
    ],
)
def test_create_says_what_is_wrong(
    kind: Any, name: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(RatevalError, match=message):
        rateval.create(kind, name, **params)


def test_run_refuses_unknown_options() -> None:
    spec = {
        "study": {"name": "s"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
    }
    with pytest.raises(SpecError, match=r'run\(…, devise\): unknown key; did you mean "device"'):
        rateval.run(spec, devise="cpu")


WRONG = """
from rateval.api import Component, hookimpl

@hookimpl
def rateval_register_metrics():
    return [
        Component(name="gone", summary="s", factory="no_such_module:f", params="m:P"),
        Component(name="plain", summary="s", factory="acme_more:make", params="acme_more:make"),
        Component(name="bare", summary="s", factory="acme_more:make", params="acme_more:Nothing"),
    ]
"""
MORE = """
from rateval.api import Params

class Nothing(Params):
    pass

def make(params, context):
    return object()
"""


def test_what_a_component_names_but_does_not_have(make_plugin: Any) -> None:
    site = make_plugin(WRONG, acme_more=MORE)
    with pytest.raises(PluginError, match=r'acme-plugin 1.2.*"gone" names factory'):
        load_reference(registered(site, "metric", "gone"), "factory")
    with pytest.raises(PluginError, match=r'"plain".*not a subclass of rateval.api.Params'):
        params_class(registered(site, "metric", "plain"))
    with pytest.raises(PluginError, match=r'"bare" lacks compute, label; rateval.testing'):
        rateval.create("metric", "bare")


def test_every_hook_is_documented_and_registers_a_kind() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("rateval_")]
    text = (ROOT / "docs" / "plugins.md").read_text()
    for hook in hooks:
        assert inspect.getdoc(getattr(hookspecs, hook))
        assert f"`{hook}`" in text
    assert set(hookspecs.REGISTRATION) == {h for h in hooks if h.startswith("rateval_register_")}
    assert list(hookspecs.REGISTRATION.values()) == list(KINDS)


def test_every_key_of_a_spec_is_documented() -> None:
    from rateval.spec.run_options import RunOptions
    from rateval.spec.tables import TABLES

    text = (ROOT / "docs" / "spec.md").read_text()
    for key in (*TABLES, *RunOptions.model_fields):
        assert f"`{key}`" in text
