"""Photos come out of shards as they went in, in any order, with labels, masks and groups."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.api import Dataset, Sample, Skipped
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets

Make = Callable[..., Any]


def samples(split: Any) -> list[Sample]:
    found = split.samples(range(len(split)))
    assert all(isinstance(one, Sample) for one in found), found
    return found  # type: ignore[no-any-return]  # seen right above


def test_photos_of_several_shards_are_read_in_any_order(
    tmp_path: Path, shards: Any, make: Make
) -> None:
    for at in range(3):
        shards.write(tmp_path / f"photos-{at:06d}.tar", shards.plain(4 * at, 4))
    dataset = make(shards=str(tmp_path / "photos-{000000..000002}.tar"))
    assert dataset.classes == ("0", "1")
    assert list(dataset.test.ids) == [f"{at:04d}" for at in range(12)]
    order = [11, 0, 5, 5, 2]
    for at, found in zip(order, dataset.test.samples(order), strict=True):
        assert isinstance(found, Sample)
        assert (found.id, found.label) == (f"{at:04d}", at % 2)
        assert np.array_equal(np.asarray(found.image), shards.picture(at))
        assert found.mask is None


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_folders_belong_to_keys(
    tmp_path: Path, shards: Any, make: Make, form: int
) -> None:
    folder = "day.1/" + "long" * 20
    content = {f"./{folder}/7.PNG": shards.png(shards.picture(7)), f"./{folder}/7.cls": b"mug\n"}
    shards.write(tmp_path / "a.tar", content, form)
    (one,) = samples(make(shards=str(tmp_path / "a.tar")).test)
    assert one.id == f"{folder}/7"


def test_labels_masks_captions_and_groups_come_from_members_and_fields(
    tmp_path: Path, shards: Any, make: Make
) -> None:
    mask = np.zeros(shards.size, dtype=np.uint8)
    mask[2:5, 3:9] = 7
    content = {
        "a.jpg.png": b"not asked for",
        "a.png": shards.png(shards.picture(1)),
        "a.json": shards.fields(species="tit", site=3, scores=[1], evidence="a.where.png"),
        "a.where.png": shards.png(mask),
        "a.txt": b"a tit on a branch",
        "b.png": shards.png(shards.picture(2)),
        "b.json": shards.fields(species="owl", site=None, evidence=None),
        "b.pyd": b"cos\nsystem\n(S'exit 1'\ntR.",
    }
    shards.write(tmp_path / "a.tar", content)
    dataset = make(
        shards=str(tmp_path / "a.tar"), label="json.species", mask="json.evidence", mask_values=(7,)
    )
    first, second = samples(dataset.test)
    assert dataset.classes == ("owl", "tit")
    assert (first.label, second.label) == (1, 0)
    assert first.caption == "a tit on a branch"
    assert first.mask is not None
    assert np.array_equal(first.mask, mask == 7)
    assert second.mask is None
    assert dict(dataset.test.groups) == {"site": ["3", None]}


@pytest.mark.parametrize("ending", ["mask.png", "seg.png"])
def test_masks_of_the_usual_endings_are_found(
    tmp_path: Path, shards: Any, make: Make, ending: str
) -> None:
    content = shards.plain(0, 1) | {f"0000.{ending}": shards.png(np.ones(shards.size, np.uint8))}
    shards.write(tmp_path / "a.tar", content)
    (one,) = samples(make(shards=str(tmp_path / "a.tar")).test)
    assert one.mask is not None
    assert one.mask.all()
    (one,) = samples(make(shards=str(tmp_path / "a.tar"), mask=False).test)
    assert one.mask is None


def test_numbers_are_places_in_the_list_of_classes(tmp_path: Path, shards: Any, make: Make) -> None:
    shards.write(tmp_path / "a.tar", shards.plain(0, 3))
    dataset = make(shards=str(tmp_path / "a.tar"), classes=("mug", "kettle", "pan"))
    assert dataset.classes == ("mug", "kettle", "pan")
    assert [one.label for one in samples(dataset.test)] == [0, 1, 0]


def test_shards_are_of_splits_or_photos_are_divided(
    tmp_path: Path, shards: Any, make: Make
) -> None:
    for at in range(4):
        shards.write(tmp_path / f"{at}.tar", shards.plain(10 * at, 10))
    named = make(shards={"train": str(tmp_path / "{0..2}.tar"), "test": (str(tmp_path / "3.tar"),)})
    assert [len(named.train), len(named.test)] == [30, 10]
    assert list(named.test.ids) == [f"{at:04d}" for at in range(30, 40)]
    drawn: list[Dataset] = [
        make(shards=str(tmp_path / "{0..3}.tar"), split={"test": 0.25}, split_seed=seed)
        for seed in (0, 0, 1)
    ]
    ids = [set(one.test.ids) for one in drawn]  # type: ignore[attr-defined]
    assert ids[0] == ids[1] != ids[2]
    assert [len(one) for one in ids] == [10, 10, 10]


def test_identity_is_of_what_is_read_and_not_of_the_place(
    tmp_path: Path, shards: Any, make: Make
) -> None:
    paths = [shards.write(tmp_path / name, shards.plain(0, 4)) for name in ("a.tar", "b/c.tar")]
    here, there = (make(shards=str(path)).test.identity for path in paths)
    shards.write(tmp_path / "a.tar", shards.plain(0, 4) | {"0000.cls": b"1"})
    changed = make(shards=str(paths[0])).test.identity
    assert here == there != changed


def test_an_index_is_made_once(
    tmp_path: Path, shards: Any, make: Make, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards.write(tmp_path / "a.tar", shards.plain(0, 4))
    first = make(shards=str(tmp_path / "a.tar"))
    assert len(list((own_cache / "indices").iterdir())) == 1

    def never(*args: object, **options: object) -> None:
        raise AssertionError("the headers were read again")

    monkeypatch.setattr(tarfile, "open", never)
    again = make(shards=str(tmp_path / "a.tar"))
    assert again.test.identity == first.test.identity
    one, other = (samples(dataset.test)[3] for dataset in (first, again))
    assert np.array_equal(np.asarray(one.image), np.asarray(other.image))


def test_photos_at_fault_are_skipped_with_a_reason(tmp_path: Path, shards: Any, make: Make) -> None:
    content = shards.plain(0, 2) | {"x.cls": b"0", "y.png": b"no image", "y.cls": b"1"}
    content["z.png"] = shards.png(shards.picture(3))
    shards.write(tmp_path / "a.tar", content)
    found = make(shards=str(tmp_path / "a.tar")).test.samples(range(5))
    reasons = [one.reason for one in found if isinstance(one, Skipped)]
    assert reasons == [
        "no image",
        "unreadable image: UnidentifiedImageError: cannot identify image file",
        "no label",
    ]


def test_it_keeps_the_promises_of_a_dataset(tmp_path: Path, shards: Any) -> None:
    mask = shards.png(np.eye(*shards.size, dtype=np.uint8))
    masks = {f"{at:04d}.mask.png": mask for at in range(8)}
    shards.write(tmp_path / "a.tar", dict(sorted({**shards.plain(0, 8), **masks}.items())))
    component = next(one for one in rateval_register_datasets() if one.name == "webdataset")
    check_component(
        component, "dataset", shards=str(tmp_path / "a.tar"), split={"test": 0.5}, split_seed=1
    )
