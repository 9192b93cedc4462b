from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rateval.api.component import Component
from rateval.errors import RatevalError
from rateval.registry.catalogue import (
    explain_missing,
    explain_unknown,
    find_catalogue,
    load_catalogue,
)
from rateval.registry.discovery import discover
from rateval.registry.registry import Plugin, Registered

MakePlugin = Callable[..., Path]


def test_bundled_rows_equal_what_is_registered() -> None:
    rows = {
        (k.kind, k.name): (k.summary, k.install)
        for k in load_catalogue()
        if k.distribution == "rateval"
    }
    registered = {
        key: (
            found.component.summary,
            f"pip install 'rateval[{found.component.extra}]'"
            if found.component.extra
            else "pip install rateval",
        )
        for key, found in discover(third_party=False).components.items()
    }
    assert rows == registered


def test_it_lies_beside_its_module_or_at_the_top_of_the_repository(tmp_path: Path) -> None:
    module = tmp_path / "top" / "src" / "rateval" / "registry" / "catalogue.py"
    module.parent.mkdir(parents=True)
    for elsewhere in (tmp_path, tmp_path / "top" / "src", module.parents[1]):
        (elsewhere / "registry.toml").touch()
    with pytest.raises(RatevalError, match=r"^registry.toml is missing .*; install rateval again$"):
        find_catalogue(module)
    top, beside = tmp_path / "top" / "registry.toml", module.with_name("registry.toml")
    top.touch()
    assert find_catalogue(module) == top
    beside.touch()
    assert find_catalogue(module) == beside
    with pytest.raises(RatevalError):
        find_catalogue(Path("/catalogue.py"))


def test_rows_are_unique() -> None:
    keys = [(known.kind, known.name) for known in load_catalogue()]
    assert len(keys) == len(set(keys))


def test_an_unknown_name_close_to_another() -> None:
    advice = explain_unknown("validator", "relevance-mas", discover(third_party=False))
    assert 'did you mean "relevance-mass"?' in advice


def test_an_unknown_name_lists_what_there_is() -> None:
    advice = explain_unknown("metric", "zzz", discover(third_party=False))
    assert "there are accuracy, ir, looks-right-is-not, pt, " in advice


def test_a_name_of_another_kind() -> None:
    advice = explain_unknown("validator", "pt", discover(third_party=False))
    assert "pt is a metric" in advice


def test_a_component_of_another_distribution_says_what_provides_it() -> None:
    advice = explain_unknown("shift", "grayscale", discover(third_party=False))
    assert advice == ("rateval-example provides this shift; pip install ./examples/rateval-example")


def test_a_broken_plugin_may_be_why(make_plugin: MakePlugin) -> None:
    make_plugin("import no_such_module", distribution="acme")
    advice = explain_unknown("metric", "acme-metric", discover())
    assert 'plugin "acme" (acme 1.2) is left out: ModuleNotFoundError' in advice


def test_a_missing_requirement_names_the_extra() -> None:
    component = Component(
        name="x",
        summary="s",
        factory="m:f",
        params="m:P",
        requires=("json", "no_such_module"),
        extra="vlp",
    )
    found = Registered("model", component, Plugin("p", "rateval", "0.1"))
    assert explain_missing(found) == (
        "needs no_such_module, which is not installed; pip install 'rateval[vlp]'"
    )
