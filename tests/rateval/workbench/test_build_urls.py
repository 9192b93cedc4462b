"""What is made of params with URLs is what paths would make, and never named after the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.registry.discovery import discover
from rateval.registry.references import parse_params
from rateval.workbench.build import build, determine

REGISTRY = discover(third_party=False)


def choice(kind: Any, use: str, **params: Any) -> Choice:
    found = REGISTRY.find(kind, use)
    assert found is not None
    return Choice(use, found, parse_params(found, params))


def test_identities_hold_the_bytes_and_the_url_but_not_the_cache(far: Any, tmp_path: Path) -> None:
    (tmp_path / "maps.npz").write_bytes(b"maps")
    url = far.put("maps.npz", b"maps")
    here = determine(choice("attribution", "precomputed", path=str(tmp_path / "maps.npz")), None)
    there = determine(choice("attribution", "precomputed", path=url), None)
    assert there["digest"] == here["digest"]
    assert there["params"]["path"] == url
    assert "cache" not in repr(there)
    far.put("maps.npz", b"other maps")
    changed = determine(choice("attribution", "precomputed", path=url), None)
    assert changed["digest"] != here["digest"]


def test_an_index_brings_the_files_that_it_names(far: Any, tmp_path: Path) -> None:
    index = b'{"weight_map": {"a": "w-1.safetensors", "b": "w-2.safetensors"}}'
    for name, content in {
        "w.safetensors.index.json": index,
        "w-1.safetensors": b"1",
        "w-2.safetensors": b"2",
        "big.bin": b"not asked for",
    }.items():
        far.put(name, content)
        (tmp_path / name).write_bytes(content)
    urls, paths = (
        choice("finetuner", "checkpoint", path=f"{place}/w.safetensors.index.json")
        for place in (far.url, tmp_path)
    )
    assert determine(urls, None)["digest"] == determine(paths, None)["digest"]
    assert far.fetched == dict.fromkeys(("w-1.safetensors", "w-2.safetensors"), 1) | {
        "w.safetensors.index.json": 1
    }
    far.delete("w-2.safetensors")
    with pytest.raises(RatevalError, match=r"names w-2\.safetensors: no such object"):
        determine(urls, None)


def test_components_name_urls_in_what_they_say(far: Any) -> None:
    far.put("loose.jpg", b"x")
    with pytest.raises(RatevalError) as caught:
        build(choice("dataset", "folder", root=far.url), Context())
    assert f"root = {far.url}: photos such as loose.jpg lie directly in it" in str(caught.value)
    far.delete("loose.jpg")
    with pytest.raises(RatevalError, match=r"^dataset folder: memory://.*no such object"):
        build(choice("dataset", "folder", root=far.url), Context())
