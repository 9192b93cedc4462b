from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Component
from rateval.api.kinds import Kind
from rateval.registry.discovery import discover
from rateval.testing import ConformanceError, check_component, check_declaration

MakePlugin = Callable[..., Path]
PLUGIN = '''
from pydantic import BaseModel, Field
from rateval.api import Params, Score

class GoodParams(Params):
    weight: float = Field(default=1.0, ge=0)
    """How much."""
    layers: int | None = Field(default=None, ge=1)
    """How many."""
    mode: str = "plain"
    """Which one."""

class Wrong(Params):
    pass

class ForeignParams(BaseModel):
    pass

class ThawedParams(Params, frozen=False):
    pass

class LaxParams(Params, extra="ignore"):
    pass

class SilentParams(Params):
    mode: str = "plain"

class UnboundedParams(Params):
    layers: int | None = None
    """How many."""

class Right:
    label = "right"
    def compute(self, outcomes):
        return Score.share(int(outcomes.correct.sum()), len(outcomes.correct))

class Broken(Right):
    label = ""

def make(params, context):
    return Right() if params.weight else Broken()

def one_argument(params):
    return Right()

def digest(params):
    return "bytes"

number = 3
'''


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Importable modules of a plugin, written for these tests."""
    folder: Path = tmp_path_factory.mktemp("plugin")
    (folder / "conformance_light.py").write_text(PLUGIN)
    (folder / "conformance_heavy.py").write_text("import captum\n" + PLUGIN)
    # Found before any real one, and quick to import.
    (folder / "captum.py").write_text("")
    (folder / "conformance_broken.py").write_text("import no_such_module_anywhere\n")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in ("conformance_light", "conformance_heavy"):
        sys.modules.pop(name, None)


GOOD = Component(
    name="right",
    summary="Share of right ones",
    factory="conformance_light:make",
    params="conformance_light:GoodParams",
    digest="conformance_light:digest",
    requires=("json",),
)


def test_a_sound_component_passes() -> None:
    check_component(GOOD, "metric", weight=2.0)


def test_its_object_is_checked_too() -> None:
    with pytest.raises(ConformanceError, match=r"Metric.label must be a heading"):
        check_component(GOOD, "metric", weight=0)


def test_a_component_of_another_kind_is_noticed() -> None:
    with pytest.raises(ConformanceError, match="Validator: Right must offer judge; got no judge"):
        check_component(GOOD, "validator")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factory": "conformance_light:missing"}, "must name an attribute of conformance_light"),
        (
            {"factory": "conformance_light:number"},
            r"callable as \(params, context\); got 3",
        ),
        ({"factory": "conformance_light:one_argument"}, r"got conformance_light:one_argument\(pa"),
        ({"digest": "conformance_light:make"}, r"digest must be callable as \(params\)"),
        (
            {"wraps": ("pkg.Model",), "wrapper": "conformance_light:make"},
            r"wrapper must be callable as \(module, tokenizer=, preprocess=, prompt=\)",
        ),
        ({"requires": ("no_such_module",), "extra": "x"}, r"got no module 'no_such_module' \(ext"),
        ({"params": "conformance_broken:GoodParams"}, "must be importable; got ModuleNotFound"),
        ({"params": "conformance_heavy:GoodParams"}, "must import no heavy library.*; got captum"),
        ({"params": "conformance_light:Right"}, "must be a subclass of rateval.api.Params"),
        ({"params": "conformance_light:ForeignParams"}, "must be a subclass of rateval.api.Params"),
        ({"params": "conformance_light:number"}, "must be a subclass of rateval.api.Params; got 3"),
        ({"params": "conformance_light:Wrong"}, "must be named <Name>Params; got Wrong"),
        ({"params": "conformance_light:ThawedParams"}, "must be frozen; got frozen=False"),
        ({"params": "conformance_light:LaxParams"}, "must refuse unknown keys.*extra='ignore'"),
        ({"params": "conformance_light:SilentParams"}, "SilentParams.mode must have a docstring"),
        (
            {"params": "conformance_light:UnboundedParams"},
            "UnboundedParams.layers must have b",
        ),
    ],
)
def test_a_broken_declaration_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_declaration(dataclasses.replace(GOOD, **changes), "metric")


def test_what_is_no_component_or_no_kind_is_named() -> None:
    with pytest.raises(ConformanceError, match="A hook must return Components; got 'right'"):
        check_declaration("right", "metric")  # type: ignore[arg-type]
    unknown: Kind = "metrics"  # type: ignore[assignment]
    with pytest.raises(
        ConformanceError, match=r"kind must be one of dataset, model, .*; got 'metrics'"
    ):
        check_declaration(GOOD, unknown)


def test_a_plugin_that_is_slow_to_register_is_noticed(make_plugin: MakePlugin) -> None:
    source = """
        import time
        from rateval.api import Component, hookimpl

        COMPONENT = Component(name="slowly", summary="s", factory="conformance_light:make",
                              params="conformance_light:GoodParams")
        time.sleep({seconds})

        @hookimpl
        def rateval_register_metrics():
            return [COMPONENT]
    """
    make_plugin(source.format(seconds=0.25), distribution="slowly")
    component = discover().components["metric", "slowly"].component
    with pytest.raises(ConformanceError, match=r"be imported within 0.2 s .*; got plugin .slowly"):
        check_declaration(component, "metric")


def test_a_plugin_that_registers_with_torch_is_noticed(make_plugin: MakePlugin) -> None:
    source = """
        import torch
        from rateval.api import Component, hookimpl

        @hookimpl
        def rateval_register_metrics():
            return [Component(name="heavily", summary="s", factory="conformance_light:make",
                              params="conformance_light:GoodParams")]
    """
    make_plugin(source, distribution="heavily")
    component = discover().components["metric", "heavily"].component
    with pytest.raises(ConformanceError, match=r"bring no heavy library; got .* imports torch"):
        check_declaration(component, "metric")
