"""Photos behind URLs are the photos of this computer, fetched ahead and one by one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample, Skipped
from rateval.data.checked import CheckedDataset
from rateval.data.looking_ahead import look_ahead
from rateval.data.splits import limit_split
from rateval.errors import RatevalError
from rateval.store.fetched import ahead, cache


def png(seed: int, *, mask: bool = False) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] // 200 if mask else pixels).save(stream, "PNG")
    return stream.getvalue()


def content() -> dict[str, bytes]:
    """Photos of two classes, their masks and a table of them."""
    names = [f"{label}/{at}.png" for label in ("cat", "dog") for at in range(4)]
    photos = {f"photos/{name}": png(at) for at, name in enumerate(names)}
    masks = {f"masks/{name}": png(100 + at, mask=True) for at, name in enumerate(names)}
    rows = [f"photos/{name},{name[:3]},masks/{name}" for name in names]
    return photos | masks | {"photos.csv": "\n".join(["image,label,mask", *rows]).encode()}


def create(use: str, **params: str) -> Any:
    given: dict[str, Any] = dict(params)
    return rateval.create("dataset", use, **given)


@pytest.fixture
def both(far: Any, tmp_path: Path) -> Callable[..., tuple[Any, Any]]:
    """Return a function that makes a dataset of paths, and the same one of URLs."""
    for name, one in content().items():
        far.put(name, one)
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(one)

    def make(use: str, **params: str) -> tuple[Any, Any]:
        here, there = (
            create(use, **{key: f"{at}/{one}" for key, one in params.items()})
            for at in (tmp_path / "here", far.url)
        )
        return here, there

    return make


def read(split: Any) -> list[Sample]:
    found = split.samples(range(len(split)))
    assert all(isinstance(one, Sample) for one in found), found
    return list(found)


def assert_same(here: Any, there: Any) -> None:
    assert there.identity == here.identity
    for one, other in zip(read(here), read(there), strict=True):
        assert (one.id, one.label) == (other.id, other.label)
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))
        assert one.mask is not None
        assert other.mask is not None
        assert np.array_equal(one.mask, other.mask)


@pytest.mark.parametrize(
    ("use", "params"),
    [
        ("folder", {"root": "photos", "masks": "masks"}),
        ("table", {"file": "photos.csv"}),
        ("table", {"file": "photos.csv", "root": ""}),
    ],
)
def test_readers_find_the_same_behind_urls(
    both: Callable[..., tuple[Any, Any]], far: Any, use: str, params: dict[str, str]
) -> None:
    here, there = both(use, **params)
    assert not [name for name in far.fetched if name.endswith(".png")]
    assert_same(here.test, there.test)
    assert {far.fetched[name] for name in content() if name.endswith(".png")} == {1}


def test_a_coco_file_and_its_photos_lie_behind_one_url(far: Any, tmp_path: Path) -> None:
    found = {
        "images": [{"id": 1, "file_name": "a.png", "width": 16, "height": 12}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 4, 5]}],
    }
    for name, one in {"c.json": json.dumps(found).encode(), "a.png": png(1)}.items():
        far.put(name, one)
        (tmp_path / name).write_bytes(one)
    here, there = (create("coco", annotations=f"{at}/c.json") for at in (tmp_path, far.url))
    assert_same(here.test, there.test)


def test_rows_name_photos_and_masks_by_url(far: Any, tmp_path: Path) -> None:
    rows = [f"{far.put(f'{at}.png', png(at))},cat,{at}" for at in range(3)]
    rows[2] += "," + far.put("m.png", png(9, mask=True))
    rows.append(f"{far.url}/gone.png,cat,3")
    rows.append("https://host/a.png,cat,4")
    table = tmp_path / "t.csv"
    lines = [line if line.count(",") == 3 else f"{line}," for line in rows]
    table.write_text("\n".join(["image,label,id,mask", *lines]))
    split: Any = create("table", file=str(table)).test
    found = split.samples(range(5))
    for at in range(3):
        assert np.array_equal(
            np.asarray(found[at].image), np.asarray(Image.open(io.BytesIO(png(at))))
        )
    assert found[2].mask is not None
    assert found[2].mask.any()
    assert isinstance(found[3], Skipped)
    assert found[3].reason.startswith("unreadable image: FileNotFoundError: no such object")
    assert "not on this computer's disk" in found[4].reason
    other = table.read_text().replace(f"{far.url}/1.png", f"{far.url}/other.png")
    table.write_text(other)
    moved: Any = create("table", file=str(table)).test
    assert moved.identity != split.identity
    table.write_text("image,label\nfile://no/slash.png,cat\n")
    with pytest.raises(RatevalError, match=r"t\.csv:2: image: .*names no folder of this computer"):
        create("table", file=str(table))


def test_splits_look_ahead_through_all_that_wraps_them(
    both: Callable[..., tuple[Any, Any]], far: Any
) -> None:
    _, there = both("folder", root="photos")
    checked = CheckedDataset(there, "the dataset")
    split = limit_split(checked.test, 4)
    look_ahead(split, [0, 1])
    ahead._fetchers.line.join()
    wanted = {f"photos/{one.id}" for one in split.samples([0, 1]) if isinstance(one, Sample)}
    assert far.fetched == dict.fromkeys(wanted, 1)


def test_photos_pass_through_a_cache_smaller_than_they_are(
    both: Callable[..., tuple[Any, Any]], far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = both("folder", root="photos", masks="masks")
    largest = max(map(len, content().values()))
    monkeypatch.setenv(cache.VARIABLE, str(3 * largest / 2**30))
    monkeypatch.setitem(cache.IN_USE_S, cache.PIECE, 0.0)
    assert_same(here.test, there.test)
    assert_same(here.test, there.test)
    files = [path for path in cache.fetched_folder().rglob("*") if path.is_file()]
    pieces = [path for path in files if not path.is_symlink()]
    assert sum(path.stat().st_size for path in pieces) <= 3 * largest
    assert max(far.fetched.values()) > 1


def test_shards_are_read_behind_urls(far: Any, tmp_path: Path) -> None:
    import tarfile

    for at in range(2):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name, one in {f"{at}.png": png(at), f"{at}.cls": b"1"}.items():
                info = tarfile.TarInfo(name)
                info.size = len(one)
                archive.addfile(info, io.BytesIO(one))
        far.put(f"a-{at}.tar", stream.getvalue())
        (tmp_path / f"a-{at}.tar").write_bytes(stream.getvalue())
    here, there = (
        create("webdataset", shards=f"{at}/a-{{0..1}}.tar") for at in (tmp_path, far.url)
    )
    assert here.test.identity == there.test.identity
    for first, second in zip(read(here.test), read(there.test), strict=True):
        assert np.array_equal(np.asarray(first.image), np.asarray(second.image))
    again: Any = create("webdataset", shards=f"file://{tmp_path}/a-{{0..1}}.tar")
    assert again.test.identity == here.test.identity
    assert far.fetched == {"a-0.tar": 1, "a-1.tar": 1}
    with pytest.raises(RatevalError, match=r"a-2\.tar: no such object"):
        create("webdataset", shards=f"{far.url}/a-{{0..2}}.tar")
