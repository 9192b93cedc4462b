from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from rateval.api import Sample, Skipped
from rateval_datasets.own.hf_datasets.params import HuggingFaceParams


def read(split: Any) -> list[Sample | Skipped]:
    return list(split.samples(range(len(split))))


def one(split: Any, at: int = 0) -> Sample:
    found = split.samples([at])[0]
    assert isinstance(found, Sample), found
    return found


def test_saved_splits_labels_masks_and_groups(tables: Any, make: Any, saved: Path) -> None:
    dataset = make(saved, mask="mask", caption="text")
    assert dataset.classes == ("mug", "kettle")  # in the table's order
    assert [len(dataset.train), len(dataset.test)] == [2, 2]
    assert dataset.test.ids == ["validation/000000", "validation/000001"]
    assert dataset.test.groups == {
        "site": ["north", "south"],
        "year": ["2022", "2023"],
        "sharp": ["true", "true"],
        "file": ["f2.jpg", "f3.jpg"],
    }
    second, third = one(dataset.train, 1), one(dataset.test)
    assert (second.label, second.caption, third.label) == (1, "photo 1", 0)
    np.testing.assert_array_equal(np.asarray(second.image), np.asarray(tables.photo(1)))
    np.testing.assert_array_equal(second.mask, tables.mask_of(1))
    assert third.mask is None


def test_one_saved_table_is_for_testing(tables: Any, make: Any, tmp_path: Path) -> None:
    tables.table().save_to_disk(str(tmp_path / "one"))
    dataset = make(tmp_path / "one")
    assert dataset.train is None
    assert dataset.test.ids == [f"{at:06d}" for at in range(4)]
    assert not dataset.has_masks
    divided = make(tmp_path / "one", split={"test": 0.5})
    assert sorted([*divided.train.ids, *divided.test.ids]) == list(dataset.test.ids)


def test_parquet_files_of_splits(tables: Any, make: Any, tmp_path: Path) -> None:
    root = tmp_path / "parquet"
    root.mkdir()
    tables.table().select(range(3)).to_parquet(str(root / "train-00000-of-00001.parquet"))
    tables.table().select(range(3, 4)).to_parquet(str(root / "test-00000-of-00001.parquet"))
    dataset = make(root, mask="mask")
    assert [len(dataset.train), len(dataset.test)] == [3, 1]
    np.testing.assert_array_equal(one(dataset.test).mask, tables.mask_of(3))
    assert sorted(path.name for path in root.iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]


def test_a_folder_of_photos(tables: Any, make: Any, tmp_path: Path) -> None:
    for split, label, number in [("train", "mug", 0), ("test", "mug", 1), ("test", "kettle", 2)]:
        path = tmp_path / "photos" / split / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        tables.photo(number).save(path)
    dataset = make(tmp_path / "photos")
    assert dataset.classes == ("kettle", "mug")
    assert sorted(dataset.test.ids) == ["test/kettle/2.png", "test/mug/1.png"]


def test_the_cache_by_name(tables: Any, make: Any, refuse: Any, tmp_path: Path) -> None:
    """As load_dataset leaves a dataset of the hub."""
    source = tmp_path / "source"
    source.mkdir()
    tables.table().to_parquet(str(source / "test.parquet"))
    datasets.load_dataset("parquet", data_dir=str(source), cache_dir=str(tmp_path / "cache"))
    (made,) = (tmp_path / "cache" / "parquet").iterdir()
    made.rename(tmp_path / "cache" / "default")
    (tmp_path / "cache" / "shop___kettles").mkdir()
    (tmp_path / "cache" / "default").rename(tmp_path / "cache" / "shop___kettles" / "default")
    (file,) = (tmp_path / "cache" / "shop___kettles").rglob("parquet-test.arrow")
    file.rename(file.with_name("kettles-test.arrow"))
    assert len(make(None, cached="shop/kettles").test) == 4
    assert "load it once with datasets.load_dataset" in refuse(None, cached="shop/mugs")


@pytest.mark.parametrize(
    ("form", "unit", "box"),
    [
        ("xyxy", "pixels", [10, 5, 31, 20]),
        ("xywh", "pixels", [10, 5, 21, 15]),
        ("cxcywh", "pixels", [20.5, 12.5, 21, 15]),
        ("xyxy", "shares", [10 / 60, 5 / 40, 31 / 60, 20 / 40]),
    ],
)
def test_boxes(
    tables: Any, make: Any, tmp_path: Path, form: str, unit: str, box: list[float]
) -> None:
    tables.table(box=[box] * 4).save_to_disk(str(tmp_path / "t"))
    dataset = make(tmp_path / "t", boxes="box", box_format=form, box_unit=unit)
    np.testing.assert_array_equal(one(dataset.test).mask, tables.mask_of(0))


def test_boxes_of_the_label_among_objects(tables: Any, make: Any, tmp_path: Path) -> None:
    objects = tables.rows(4)["objects"]
    objects[1] = {"bbox": [], "category": []}
    objects[3]["category"] = [0, 1]
    tables.table(objects=objects).save_to_disk(str(tmp_path / "t"))
    dataset = make(tmp_path / "t", label="objects.category", boxes="objects.bbox")
    expected = tables.mask_of(0)
    expected[:9, :9] = True
    np.testing.assert_array_equal(one(dataset.test).mask, expected)
    reasons = [row.reason for row in read(dataset.test) if isinstance(row, Skipped)]
    assert reasons == ["no label", "no single label: kettle, mug"]


def test_a_list_of_objects(make: Any, tables: Any, tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "things": datasets.List(
                {
                    "where": datasets.List(datasets.Value("float32")),
                    "what": datasets.Value("string"),
                }
            ),
        }
    )
    things = [{"where": [10, 5, 31, 20], "what": "mug"}]
    made = datasets.Dataset.from_dict(
        {"image": [tables.photo(0)], "things": [things]}, features=features
    )
    made.save_to_disk(str(tmp_path / "t"))
    dataset = make(tmp_path / "t", label="things.what", boxes="things.where")
    assert dataset.classes == ("mug",)
    np.testing.assert_array_equal(one(dataset.test).mask, tables.mask_of(0))


def test_exif_is_applied(tables: Any, make: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    held = io.BytesIO()
    tables.photo(0).save(held, "JPEG", exif=exif)
    images = [{"bytes": held.getvalue(), "path": None}] * 4
    tables.table(image=images).save_to_disk(str(tmp_path / "t"))
    assert one(make(tmp_path / "t").test).image.size == (40, 60)
    assert one(make(tmp_path / "t", exif="ignore").test).image.size == (60, 40)


def test_a_broken_image_is_skipped(tables: Any, make: Any, tmp_path: Path) -> None:
    images = [{"bytes": b"nothing", "path": None}, None, *tables.rows(4)["image"][2:]]
    tables.table(image=images).save_to_disk(str(tmp_path / "t"))
    broken, missing, *whole = read(make(tmp_path / "t").test)
    assert isinstance(broken, Skipped)
    assert broken.damaged
    assert isinstance(missing, Skipped)
    assert missing.reason == "no image"
    assert all(isinstance(row, Sample) for row in whole)


def test_paths_are_below_the_folder_and_addresses_not_fetched(
    tables: Any, make: Any, tmp_path: Path
) -> None:
    paths = ["photos/a.png", "https://example.org/a.jpg", "zip://a.jpg::b.zip"]
    made = datasets.Dataset.from_dict({"image": paths, "label": ["mug"] * 3})
    made.save_to_disk(str(tmp_path / "t"))
    (tmp_path / "t" / "photos").mkdir()
    tables.photo(0).save(tmp_path / "t" / "photos" / "a.png")
    dataset = make(tmp_path / "t")
    assert dataset.test.ids[0] == "photos/a.png"
    here, far, packed = read(dataset.test)
    assert isinstance(here, Sample)
    assert isinstance(far, Skipped)
    assert "https://example.org/a.jpg, not on this computer's disk" in far.reason
    assert isinstance(packed, Skipped)


def test_ids_of_a_column(make: Any, saved: Path) -> None:
    dataset = make(saved, id="file")
    assert dataset.test.ids == ["f2.jpg", "f3.jpg"]
    assert "file" not in dataset.test.groups


def test_threads_that_read_get_the_same(tables: Any, make: Any, saved: Path) -> None:
    train = make(saved, mask="mask").train
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda at: (at % 2, one(train, at % 2)), range(40)))
    for at, row in found:
        np.testing.assert_array_equal(np.asarray(row.image), np.asarray(tables.photo(at)))
        np.testing.assert_array_equal(row.mask, tables.mask_of(at))


def test_identity_follows_the_images(tables: Any, make: Any, tmp_path: Path) -> None:
    other = [tables.photo(9), *tables.rows(4)["image"][1:]]
    for name, made in {
        "a": tables.table(),
        "b": tables.table(),
        "c": tables.table(image=other),
    }.items():
        made.save_to_disk(str(tmp_path / name))
    a, b, c = (make(tmp_path / name).test.identity for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"label": "lable"}, 'label = "lable": no such column; did you mean "label"?'),
        ({"image": "photo"}, 'image = "photo": no such column'),
        ({"label": "weight"}, 'label = "weight": must hold classes, text or whole numbers; it'),
        ({"image": "year"}, 'image = "year": must hold images or paths; it holds int64'),
        ({"id": "site"}, "each photo needs its own"),
    ],
)
def test_columns_at_fault(
    tables: Any, refuse: Any, tmp_path: Path, params: dict[str, str], message: str
) -> None:
    tables.table().save_to_disk(str(tmp_path / "t"))
    assert message in refuse(tmp_path / "t", **params)


def test_boxes_at_fault_cost_their_photo(tables: Any, make: Any, tmp_path: Path) -> None:
    boxes = [[10, 5, 31], [31, 20, 10, 5], [10, 5, 31, 20], None]
    tables.table(box=boxes).save_to_disk(str(tmp_path / "t"))
    short, turned, whole, without = read(make(tmp_path / "t", boxes="box").test)
    assert isinstance(short, Skipped)
    assert short.reason == "unfit row: a box has four numbers"
    assert isinstance(turned, Skipped)
    assert 'is box_format = "xyxy" right?' in turned.reason
    assert isinstance(whole, Sample)
    assert isinstance(without, Sample)
    assert without.mask is None


def test_folders_at_fault(refuse: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("nothing")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.parquet").write_text("nothing")
    assert "no such folder" in refuse(tmp_path / "nope")
    assert "is empty" in refuse(tmp_path / "empty")
    assert "cannot be loaded: " in refuse(tmp_path / "text")
    assert "cannot be loaded: " in refuse(tmp_path / "broken")


def test_no_code_in_the_folder_runs(
    tables: Any, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, touched = tmp_path / "shop", tmp_path / "touched"
    root.mkdir()
    tables.table().to_parquet(str(root / "test.parquet"))
    for name in ("shop.py", "parquet.py", "dataset.py"):
        (root / name).write_text(f"open({str(touched)!r}, 'w').close()\n")
    monkeypatch.chdir(root)
    assert len(make(root).test) == 4
    assert not touched.exists()


@pytest.mark.parametrize("name", ["parquet", "csv", "./shop", "/data/shop", "a/b/c", "../a"])
def test_names_that_would_read_the_working_folder(refuse: Any, name: str) -> None:
    assert "must be written as owner/dataset" in refuse(None, cached=name)


def test_offline_ends_with_the_loading(make: Any, saved: Path) -> None:
    before = datasets.config.HF_HUB_OFFLINE
    make(saved)
    assert before == datasets.config.HF_HUB_OFFLINE


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "give either root"),
        ({"root": "a", "cached": "a/b"}, "give either root"),
        ({"root": "a", "config": "b"}, "config belongs to cached"),
        ({"root": "a", "mask": "m", "boxes": "b"}, "either mask or boxes"),
        ({"root": "a", "mask_values": [1]}, "mask_values needs mask"),
    ],
)
def test_params_that_contradict(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HuggingFaceParams.model_validate(params)
