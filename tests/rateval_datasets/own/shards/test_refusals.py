"""What is wrong with shards or their params is said in one line."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rateval.api import RatevalError
from rateval_datasets.own.shards.params import WebDatasetParams

Refuse = Callable[..., str]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"no archive" * 100,
        lambda content: b"",
        lambda content: content[: 512 + 100],
        lambda content: content[:1024] + b"x" * 512 + content[1536:],
    ],
    ids=["text", "empty", "cut", "broken header"],
)
def test_no_archive_is_named(
    tmp_path: Path, shards: Any, refuse: Refuse, spoil: Callable[[bytes], bytes]
) -> None:
    path = shards.write(tmp_path / "a.tar", {"a.cls": b"1", "b.cls": b"2"})
    path.write_bytes(spoil(path.read_bytes()))
    told = refuse(shards=str(path))
    assert f"shards: {path}: is no tar archive that can be read whole" in told


def test_whatever_is_damaged_is_refused_skipped_or_read(
    tmp_path: Path, shards: Any, make: Callable[..., Any]
) -> None:
    content = shards.plain(0, 3) | {"0002.json": shards.fields(site="north")}
    sound = shards.write(tmp_path / "sound.tar", content).read_bytes()
    ends = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        damaged = bytearray(sound[: rng.integers(1, len(sound))] if seed % 3 == 0 else sound)
        for at in rng.integers(0, len(damaged), 1 + 8 * (seed % 2)):
            damaged[at] = rng.integers(0, 256)
        path = tmp_path / f"{seed}.tar"
        path.write_bytes(damaged)
        try:
            split = make(shards=str(path)).test
        except RatevalError as error:
            assert "\n" not in str(error)
            ends.add("refused")
        else:
            ends |= {type(one).__name__ for one in split.samples(range(len(split)))}
    assert {"refused", "Sample"} <= ends <= {"refused", "Sample", "Skipped"}


def test_members_lead_nowhere(tmp_path: Path, shards: Any, make: Callable[..., Any]) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(shards.png(shards.picture(1)))
    path = tmp_path / "in" / "a.tar"
    shards.write(path, shards.plain(0, 1) | {"../../0009.png": b"x", "../../0009.cls": b"1"})
    with tarfile.open(path, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("0008.png")
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("0008.cls"))
    before = sorted(tmp_path.rglob("*"))
    split = make(shards=str(path)).test
    assert list(split.ids) == ["0000", "../../0009", "0008"]
    found = split.samples(range(3))
    assert [type(one).__name__ for one in found] == ["Sample", "Skipped", "Skipped"]
    made = [one for one in sorted(tmp_path.rglob("*")) if one not in before]
    assert all(one.is_relative_to(tmp_path / "cache") for one in made)


def test_a_shard_that_the_cache_can_t_hold_is_named(
    far: Any, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = far.put("a.tar", b"x" * 1000)
    monkeypatch.setenv("RATEVAL_FETCHED_GIB", "0")
    assert f"shards: {url}: cannot be read: {url}: has 1,000 bytes" in refuse(shards=url)


def test_all_missing_shards_are_named(tmp_path: Path, shards: Any, refuse: Refuse) -> None:
    shards.write(tmp_path / "a-0.tar", shards.plain(0, 1))
    told = refuse(shards=str(tmp_path / "a-{0..2}.tar"))
    assert "a-1.tar: No such file" in told
    assert "a-2.tar: No such file" in told
    assert "a-0.tar" not in told


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"a.cls": b"1"}, "no key has an image, which ends in .jpg, .jpeg, .png, .webp"),
        ({"readme": b"1"}, "holds no member with a key and an ending"),
        ({"a.png": b"", "a.PNG": b""}, "a.PNG: the key has two members of that ending"),
        ({"a.png": b"", "b.png": b"", "a.cls": b"1"}, "a: the key is that of"),
        ({"a.png": b"", "a.json": b"[1]"}, "a.json: is no JSON object"),
        ({"a.png": b"", "a.json": b"\xff"}, "a.json: is no UTF-8 text"),
        ({"a.png": b""}, "no photo has a label: no label"),
    ],
)
def test_members_at_fault_are_named(
    tmp_path: Path, shards: Any, refuse: Refuse, content: dict[str, bytes], part: str
) -> None:
    shards.write(tmp_path / "a.tar", content)
    assert part in refuse(shards=str(tmp_path / "a.tar"))


def test_a_key_in_two_shards_is_named_with_both(
    tmp_path: Path, shards: Any, refuse: Refuse
) -> None:
    for name in ("a.tar", "b.tar"):
        shards.write(tmp_path / name, shards.plain(0, 1))
    told = refuse(shards=(str(tmp_path / "a.tar"), str(tmp_path / "b.tar")))
    assert f"b.tar: 0000: the key is that of {tmp_path / 'a.tar'}: 0000, too" in told


def test_a_number_beyond_the_classes_is_named(tmp_path: Path, shards: Any, refuse: Refuse) -> None:
    content = shards.plain(0, 2) | {"0001.cls": b"7"}
    shards.write(tmp_path / "a.tar", content)
    told = refuse(shards=str(tmp_path / "a.tar"), classes=("mug", "kettle"))
    assert "lists 2 labels, but there are the numbers 7, such as of 0001" in told


def test_a_field_that_names_no_member_is_named(tmp_path: Path, shards: Any, refuse: Refuse) -> None:
    content = shards.plain(0, 1) | {"0000.json": shards.fields(mask="other.png")}
    shards.write(tmp_path / "a.tar", content)
    told = refuse(shards=str(tmp_path / "a.tar"), mask="json.mask")
    assert '0000: json.mask = "other.png": the key has no such member' in told


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"shards": "a-{0..1.tar"}, "a brace stands alone"),
        ({"shards": "a-{3..1}.tar"}, "counts down"),
        ({"shards": "a-{x}.tar"}, "is no range"),
        ({"shards": "a-{0..9999999}.tar"}, "stands for more than 100,000 shards"),
        ({"shards": "{0..999}-{0..999}.tar"}, "stands for 1,000,000 shards"),
        ({"shards": "a.tar.gz"}, "is compressed"),
        ({"shards": ("a.tar", "{a,b}.tar")}, "a.tar is named twice"),
        ({"shards": "a.tar", "label": "pyd"}, "may hold an object of Python"),
        ({"shards": "a.tar", "image": ("jpg", "x.pickle")}, "may hold an object of Python"),
        ({"shards": "a.tar", "mask": "mask.jpg"}, "JPEG doesn't keep"),
        ({"shards": "a.tar", "mask": False, "mask_values": (1,)}, "mask_values needs mask"),
    ],
)
def test_params_are_refused(params: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WebDatasetParams(**params)
    assert part in str(caught.value)


def test_every_shard_must_be_there() -> None:
    params = WebDatasetParams(shards={"test": "~/a-{0..1}.tar", "train": ("b.tar",)})
    assert dict(params.on_disk()) == {
        ("shards", "test", 0): Path.home() / "a-0.tar",
        ("shards", "test", 1): Path.home() / "a-1.tar",
        ("shards", "train", 0, 0): Path("b.tar"),
    }
