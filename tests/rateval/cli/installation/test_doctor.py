"""``rateval doctor`` tells what works, and exits with 1 where what was asked to work doesn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.doctor import examining
from rateval.doctor.libraries import read_libraries
from rateval.doctor.record import Device, Extra, Library

Rateval = Callable[..., Any]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("RATEVAL_CACHE", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return folder


def test_one_screen(rateval: Rateval) -> None:
    done = rateval("doctor")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) <= 32
    assert max(map(len, lines)) <= 80
    said = " ".join(done.out.split())
    for part in ("Python 3.", "torch", "cpu", "float32", "extras", "plugins", "checkpoints: none"):
        assert part in said


def test_json_says_the_same(rateval: Rateval, cache: Path) -> None:
    (cache / "checkpoints/deep").mkdir(parents=True)
    (cache / "checkpoints/deep/file").write_bytes(bytes(1234))
    found = json.loads(rateval("doctor", "--json").out)
    assert found["problems"] == []
    assert {device["name"] for device in found["devices"]} >= {"cpu"}
    sizes = {place["what"]: place["bytes"] for place in found["places"]}
    assert sizes["checkpoints"] == 1234
    assert found["torch"] and found["plugins"]["usable"] > 50
    clip = next(extra for extra in found["extras"] if extra["name"] == "clip")
    assert {library["name"] for library in clip["libraries"]} >= {"transformers"}


def test_a_broken_plugin_is_a_problem(rateval: Rateval, make_plugin: Callable[..., Path]) -> None:
    make_plugin("raise RuntimeError('no luck')", distribution="broken-plugin")
    done = rateval("doctor")
    assert done.code == 1
    assert "broken-plugin" in done.out
    assert "no luck" in done.out
    assert "RATEVAL_DISABLE_PLUGINS=broken-plugin" in done.out


def test_plugins_that_contradict_one_another(
    rateval: Rateval, make_plugin: Callable[..., Path]
) -> None:
    make_plugin(
        """
        from rateval.api import hookimpl
        @hookimpl
        def rateval_no_such_hook(): ...
        """,
        distribution="odd-plugin",
    )
    done = rateval("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, found["plugins"]) == (1, None)
    assert "rateval_no_such_hook" in found["problems"][0]


def test_what_is_asked_for_has_to_be_there(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rateval("doctor", "--extra", "html", "--device", "cpu").code == 0
    fit = read_libraries()
    gone = [
        Extra(one.name, (Library("gone", None, ">=2", fits=False), *one.libraries))
        if one.name == "html"
        else one
        for one in fit[1]
    ]
    monkeypatch.setattr(examining, "read_libraries", lambda: (fit[0], gone))
    assert rateval("doctor").code == 0
    done = rateval("doctor", "--extra", "html")
    assert done.code == 1
    assert "gone isn't installed" in done.out
    assert "pip install --upgrade 'rateval[html]'" in done.out
    done = rateval("doctor", "--device", "cuda:99")
    assert done.code == 1
    assert "--device cuda:99: torch finds no such device; there is" in done.out


def test_an_extra_that_is_none(rateval: Rateval) -> None:
    done = rateval("doctor", "--extra", "clipp")
    assert done.code == 2
    assert "rateval has no such extra; there are captions, captum, clip" in done.err


def test_a_device_that_fails(rateval: Rateval, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Device("cuda:0", "Made Up", 1 << 30, (), "RuntimeError: no kernel image")
    monkeypatch.setattr("rateval.doctor.devices.try_device", lambda name: broken)
    done = rateval("doctor")
    assert done.code == 1
    assert "no kernel image" in done.out


def test_a_cache_that_nobody_can_write(rateval: Rateval, cache: Path) -> None:
    cache.write_text("a file")
    done = rateval("doctor")
    assert done.code == 1
    assert "can't be written to" in done.out
    assert "RATEVAL_CACHE" in done.out


def test_old_libraries_are_named(rateval: Rateval, monkeypatch: pytest.MonkeyPatch) -> None:
    old = (Library("numpy", "1.20", ">=1.26", fits=False),)
    monkeypatch.setattr(examining, "read_libraries", lambda: (old, []))
    done = rateval("doctor")
    assert done.code == 1
    assert "numpy 1.20 doesn't fit; it has to be >=1.26" in done.out
