"""What a plugin recognises stands in the draft; what it does wrong is told by its name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from rateval.drafting.draft import make_draft
from rateval.errors import PluginError, RatevalError
from rateval.registry.discovery import discover

MakePlugin = Callable[..., Path]
PLUGIN = """
from rateval.api import Component, hookimpl

@hookimpl
def rateval_register_datasets():
    return [Component(name="drawn", summary="x", factory="rateval_shapes.dataset:make_shapes",
                      params="rateval_shapes.params:ShapesParams", detect="mine_detect:detect")]
"""
DETECT = """
from rateval.modelkit import Guess

def detect(clues):
    {body}
"""


@pytest.fixture
def install(make_plugin: MakePlugin, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that installs a dataset whose detect has this body, and returns data."""

    def make(body: str) -> Path:
        make_plugin(PLUGIN, mine_detect=DETECT.format(body=body))
        data = tmp_path / "data.mine"
        data.write_text("x")
        return data

    return make


def test_a_third_partys_guess_is_taken(install: Callable[[str], Path]) -> None:
    data = install('return Guess("mine by its ending", {"test_size": 12}, 2, ("the weather",))')
    draft = make_draft(discover(), "rateval init", data=data)
    spec = tomllib.loads(draft.text)
    assert spec["dataset"] == [{"use": "drawn", "test_size": 12}]
    assert "# mine by its ending" in draft.text
    assert "# ? the weather" in draft.text
    assert "12 photos to test on" in draft.text


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return 3", 'detect of the dataset "drawn" returned 3; it must return a rateval.modelkit'),
        ("raise KeyError('x')", 'detect of the dataset "drawn" raised KeyError'),
        ("raise SystemExit(1)", 'detect of the dataset "drawn" raised SystemExit'),
    ],
)
def test_a_plugin_at_fault_is_named(
    install: Callable[[str], Path], body: str, complaint: str
) -> None:
    data = install(body)
    with pytest.raises(PluginError, match=complaint):
        make_draft(discover(), "rateval init", data=data)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('return Guess("mine", {"test_sice": 1})', "mine, which drawn reads; Extra inputs"),
        ('return Guess("mine", lacks="a licence")', "mine, which drawn reads; a licence"),
        ("return None", "no dataset is recognised there"),
    ],
)
def test_a_guess_that_cannot_be_used(
    install: Callable[[str], Path], body: str, complaint: str
) -> None:
    data = install(body)
    with pytest.raises(RatevalError, match=complaint):
        make_draft(discover(), "rateval init", data=data)


def test_two_that_are_as_sure_are_both_named(install: Callable[[str], Path]) -> None:
    data = install('return Guess("mine", {"test_size": 12}, 1) if clues.data.is_dir() else None')
    folder = data.parent / "photos" / "mug"
    folder.mkdir(parents=True)
    from PIL import Image

    Image.new("RGB", (40, 40)).save(folder / "a.png")
    draft = make_draft(discover(), "rateval init", data=folder.parent)
    assert "# ? it might as well be folder: 1 photo in 1 class folder" in draft.text
