"""Photos on a server that speaks S3 are the photos of this computer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample, Skipped
from rateval.errors import RatevalError
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import read_document

NAMES = [f"{label}/{at}.png" for label in ("cat", "dog") for at in range(4)]


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a bucket with photos, which lie in ``here``, too."""
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))
    files: Any = fsspec.filesystem("s3", use_listings_cache=False)
    for at, name in enumerate(NAMES):
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(png(at))
        files.pipe_file(f"{s3}/photos/{name}", png(at))
    return s3


def open_folder(root: str) -> Any:
    given: dict[str, Any] = {"root": root}
    return rateval.create("dataset", "folder", **given).test


def read(split: Any) -> list[Sample]:
    found = split.samples(range(len(split)))
    assert all(isinstance(one, Sample) for one in found), found
    return list(found)


def test_a_folder_is_read_from_a_bucket(bucket: str, tmp_path: Path) -> None:
    here, there = open_folder(str(tmp_path / "here")), open_folder(f"s3://{bucket}/photos")
    assert there.identity == here.identity
    for one, other in zip(read(here), read(there), strict=True):
        assert (one.id, one.label) == (other.id, other.label)
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))


def test_a_photo_that_is_gone_is_skipped(bucket: str) -> None:
    there = open_folder(f"s3://{bucket}/photos")
    files: Any = fsspec.filesystem("s3", use_listings_cache=False)
    files.rm_file(f"{bucket}/photos/cat/2.png")
    found = there.samples(range(len(there)))
    (gone,) = (one for one in found if isinstance(one, Skipped))
    assert gone.id.startswith("cat/2")


def test_what_a_bucket_lacks_is_told_before_anything_starts(bucket: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'[study]\nname = "s"\n[[model]]\nuse = "clip"\n[[finetune]]\nuse = "zs"\n'
        f'[[dataset]]\nuse = "folder"\nroot = "s3://{bucket}/phtos"\n'
    )
    with pytest.raises(RatevalError, match=rf"s3://{bucket}/phtos") as caught:
        make_plan(read_document(spec), discover(third_party=False))
    assert "no such" in str(caught.value)
