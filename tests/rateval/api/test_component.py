from __future__ import annotations

from typing import Any

import pytest

from rateval.api.component import Component


def make(**changes: Any) -> Component:
    values: dict[str, Any] = {
        "name": "one-two",
        "summary": "A thing",
        "factory": "pkg.mod:make",
        "params": "pkg.params:ThingParams",
    }
    return Component(**(values | changes))


def test_strings_are_kept() -> None:
    component = make(requires=("torch",), digest="pkg:digest", seeded=True)
    assert (component.name, component.requires, component.seeded) == ("one-two", ("torch",), True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "One"}, "kebab-case"),
        ({"name": "one_two"}, "kebab-case"),
        ({"name": ""}, "kebab-case"),
        ({"name": 3}, "must be text"),
        ({"summary": " "}, "one line"),
        ({"summary": "a\nb"}, "one line"),
        ({"factory": "pkg.mod"}, "factory = 'pkg.mod': must be 'module:attribute'"),
        ({"factory": make}, "factory = .*must be text"),
        ({"params": ""}, "params = ''"),
        ({"digest": "nothing"}, "digest = 'nothing'"),
        ({"detect": "nothing"}, "detect = 'nothing'"),
        ({"requires": ["torch"]}, "tuple of module names"),
        ({"wraps": "pkg.Model", "wrapper": "pkg:wrap"}, "tuple of full names of classes"),
        ({"wraps": ("pkg.Model",)}, "wraps and wrapper: one needs the other"),
        ({"wraps": ("pkg.Model",), "wrapper": "wrap"}, "wrapper = 'wrap'"),
        ({"requires": ("",)}, "tuple of module names"),
        ({"seeded": 1}, "must be a bool"),
    ],
)
def test_malformed_strings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)
