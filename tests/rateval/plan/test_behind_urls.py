"""Params that name what lies behind URLs: what is absent is told, what is fetched is a path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from rateval.api import Params
from rateval.errors import SpecError
from rateval.plan.behind_urls import describe_params, find_urls, place_here
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document

REGISTRY = discover(third_party=False)
CLIP = next(one for one in REGISTRY.of_kind("model") if one.component.name == "clip")


class Inner(Params):
    file: Path


class Given(Params):
    fetched_by_reader: ClassVar[frozenset[str]] = frozenset({"own"})
    fetched_piecewise: ClassVar[frozenset[str]] = frozenset({"several"})

    one: Path
    text: str = ""
    own: str = ""
    several: tuple[Path, ...] = ()
    table: dict[str, Path | float] = Field(default_factory=dict)
    inner: Inner | None = None


def given(**values: Any) -> Given:
    return Given.model_validate_json(json.dumps(values), strict=True)


URLS = {
    "one": "s3://bucket/one.csv",
    "text": "gs://bucket/weights.pt",
    "own": "s3://bucket/own.tar",
    "several": ["here", "s3://bucket/photos"],
    "table": {"a": "file:///mnt/a", "half": 0.5},
    "inner": {"file": "memory://b/c"},
}


def test_urls_are_found_wherever_they_stand() -> None:
    assert find_urls(CLIP, given(**URLS)) == {
        ("one",): "s3://bucket/one.csv",
        ("text",): "gs://bucket/weights.pt",
        ("several", 1): "s3://bucket/photos",
        ("table", "a"): "file:///mnt/a",
        ("inner", "file"): "memory://b/c",
    }
    plain = given(one="one", text="a photo of http://x", own="{x}")
    assert find_urls(CLIP, plain) == {}
    assert find_urls(CLIP, given(one="one", text="s3://b/{model}.npz")) == {}


def test_they_become_paths_and_all_else_stays() -> None:
    asked = {}

    def fetch(url: str, piecewise: bool) -> Path:
        asked[url] = piecewise
        return Path("/cache") / url.rpartition("/")[2]

    before = given(**URLS)
    after = place_here(CLIP, before, fetch)
    assert after == Given(
        one=Path("/cache/one.csv"),
        text="/cache/weights.pt",
        own="s3://bucket/own.tar",
        several=(Path("here"), Path("/cache/photos")),
        table={"a": Path("/cache/a"), "half": 0.5},
        inner=Inner(file=Path("/cache/c")),
    )
    assert {url for url, piecewise in asked.items() if piecewise} == {"s3://bucket/photos"}
    plain = given(one="one")
    assert place_here(CLIP, plain, fetch) is plain


def test_records_show_them_as_they_were_written() -> None:
    assert describe_params(CLIP, given(**URLS)) == URLS
    plain = given(one="one", table={"a": "b"})
    assert describe_params(CLIP, plain) == plain.model_dump(mode="json")


def problems(**tables: Any) -> list[str]:
    spec: dict[str, Any] = {
        "study": {"name": "s"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
    }
    try:
        make_plan(Document("s", spec | tables, ""), REGISTRY)
    except SpecError as error:
        return sorted(map(str, error.problems))
    return []


def test_all_that_is_absent_is_told_at_once_and_nothing_is_fetched(far: Any) -> None:
    for name in ("photos/cat/1.jpg", "photos/dog/1.jpg", "w.pt", "a-0.tar"):
        far.put(name, b"x")
    tables = {
        "dataset": [
            {"use": "folder", "root": f"{far.url}/photos"},
            {"use": "webdataset", "name": "tars", "shards": f"{far.url}/a-0.tar"},
        ],
        "model": [{"use": "clip", "architecture": "ViT-B-32", "pretrained": f"{far.url}/w.pt"}],
        "finetune": [{"use": "checkpoint", "path": f"{far.url}/w.pt"}],
    }
    assert problems(**tables) == []
    tables["dataset"][0]["root"] += "s"
    tables["dataset"][1]["shards"] = f"{far.url}/a-{{0..2}}.tar"
    tables["model"][0]["pretrained"] += "h"
    tables["finetune"][0]["path"] = f"{far.url}/x/w.pt"
    found = problems(**tables)
    url = far.url
    assert found == [
        f's: dataset[0].root = "{url}/photoss": no such object; did you mean "photos"?',
        f's: dataset[1].shards = "{url}/a-{{0..2}}.tar": no such object: {url}/a-1.tar, '
        f"{url}/a-2.tar; see rateval show dataset webdataset",
        f's: finetune[0].path = "{url}/x/w.pt": no such object: there is no {url}/x; give the URL '
        "of one that is there; see rateval show finetuner checkpoint",
        f's: model[0].pretrained = "{url}/w.pth": no such object; did you mean "w.pt"?',
    ]
    assert not far.fetched


def test_what_is_not_installed_or_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval.store.remote.urls._is_there", lambda module: False)
    assert problems(
        dataset=[{"use": "folder", "root": "s3://bucket/photos"}],
        finetune=[{"use": "checkpoint", "path": "https://host/w.pt"}],
    ) == [
        's: dataset[0].root = "s3://bucket/photos": needs s3fs, which isn\'t installed: '
        "pip install 'rateval[s3]'; see rateval show dataset folder",
        's: finetune[0].path = "https://host/w.pt": is of a kind that is not known here; URLs '
        "begin with s3://, gs://, file://, memory://; see rateval show finetuner checkpoint",
    ]


def test_what_lies_on_this_computer_is_looked_for_there(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    root = f"file://{tmp_path}/a%20b"
    assert problems(dataset=[{"use": "folder", "root": root}]) == []
    (found,) = problems(dataset=[{"use": "folder", "root": root + "c"}])
    assert f'no such file or folder; did you mean "{tmp_path}/a b"?' in found


def test_maps_of_cells_are_looked_for_behind_their_urls(far: Any) -> None:
    far.put("maps/one.npz", b"x")
    models = [{"use": "clip", "name": name} for name in ("one", "two")]
    attribution = {"use": "precomputed", "path": f"{far.url}/maps/{{model}}.npz"}
    assert problems(model=models[:1], attribution=[attribution]) == []
    (found,) = problems(model=models, attribution=[attribution])
    assert f"no such object: {far.url}/maps/two.npz; cells need their own" in found
