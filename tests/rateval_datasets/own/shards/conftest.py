"""Small shards of photos."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Dataset, RatevalError
from rateval_datasets.own.shards.dataset import make_webdataset
from rateval_datasets.own.shards.params import WebDatasetParams

SIZE = (12, 16)


def picture(seed: int) -> Any:
    """(rows, columns, 3) bytes that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def png(pixels: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def fields(**values: Any) -> bytes:
    return json.dumps(values).encode()


def write(path: Path, members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    """Write a shard of members by their names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


class Shards:
    """What tests use of this module."""

    size = SIZE
    picture = staticmethod(picture)
    png = staticmethod(png)
    fields = staticmethod(fields)
    write = staticmethod(write)

    @staticmethod
    def plain(first: int, count: int) -> dict[str, bytes]:
        """Members of photos with labels 0 and 1 in turn."""
        return {
            f"{at:04d}.{ending}": content
            for at in range(first, first + count)
            for ending, content in (("png", png(picture(at))), ("cls", str(at % 2).encode()))
        }


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shards() -> Shards:
    return Shards()


@pytest.fixture
def make() -> Callable[..., Dataset]:
    def build(**params: Any) -> Dataset:
        return cast(Dataset, make_webdataset(WebDatasetParams(**params), cast(Context, None)))

    return build


@pytest.fixture
def refuse(make: Callable[..., Dataset]) -> Callable[..., str]:
    def message(**params: Any) -> str:
        with pytest.raises(RatevalError) as caught:
            make(**params)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message
