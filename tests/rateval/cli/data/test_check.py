"""``rateval data check``: each defect is planted, found and judged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rateval.machine.interrupts import INTERRUPTED

FOLDER = ("folder", "root=photos", "masks=masks")


@pytest.fixture
def check(rateval: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that checks the folder, and returns what JSON says of it."""

    def run(*options: str, code: int, words: tuple[str, ...] = FOLDER) -> dict[str, Any]:
        done = rateval("data", "check", *words, *options, "--json", "--quiet")
        assert done.code == code, done.err + done.out
        found: dict[str, Any] = json.loads(done.out)["datasets"][0]
        assert found["fit"] is (code == 0)
        return found

    return run


def codes(found: dict[str, Any], *, unfit: bool) -> list[str]:
    return [one["code"] for one in found["findings"] if one["unfit"] is unfit]


def text_of(found: dict[str, Any], code: str) -> str:
    (text,) = [one["text"] for one in found["findings"] if one["code"] == code]
    return str(text)


def test_sound_photos_are_fit_and_there_is_nothing_to_know(photos: Any, check: Any) -> None:
    photos.sound()
    found = check(code=0)
    assert found["findings"] == []
    assert found["classes"] == [
        {"name": name, "counts": {"test": 3, "train": 3}, "readable": {"test": 3, "train": 3}}
        for name in ("cup", "pan")
    ]
    test = found["splits"][0]
    assert (test["samples"], test["readable"], test["skipped"]) == (6, 6, 0)
    # 16 x 16 of 40 x 60 pixels, in the middle: the crop leaves all of it.
    areas = {(one["above"], one["up_to"]): one["count"] for one in test["evidence"]["areas"]}
    assert areas.pop((0.1, 0.2)) == 6
    assert set(areas.values()) == {0}
    assert test["evidence"]["in_views"][0]["mean_lost"] == 0


def test_what_is_printed_fits_and_has_the_verdict_last(
    photos: Any, rateval: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos.sound(("cup", "[red]<script>"))
    photos.place("test/cup/broken.jpg").write_bytes(b"no photo")
    for columns in (80, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        done = rateval("data", "check", *FOLDER, "name=mine", "--quiet")
        assert done.code == 1
        assert max(map(len, done.out.splitlines())) <= columns
        assert "[red]<script>" in done.out
        assert "usual 224 px centre crop" in done.out
        verdict = " ".join(done.out.split("✗ mine is unfit")[1].split())
        assert verdict.startswith("✗ 1 of 7 test samples (14.3 %) can't be read or are left out")


def test_bars_are_ascii_where_they_have_to_be(
    photos: Any, rateval: Any, rateval_process: Any
) -> None:
    photos.sound()
    assert "█" in rateval("data", "check", *FOLDER).out
    plain = rateval("data", "check", *FOLDER, "--plain").out
    assert "#" * 24 in plain
    assert "█" not in plain
    done = rateval_process("data", "check", *FOLDER, PYTHONIOENCODING="ascii", COLUMNS="80")
    assert done.code == 0
    assert done.out.isascii()
    assert "@" * 24 in done.out


def test_broken_photos_are_counted_and_more_of_them_can_be_allowed(photos: Any, check: Any) -> None:
    photos.sound()
    photos.place("test/cup/broken.jpg").write_bytes(b"no photo")
    whole = photos.add("test/pan/cut.jpg").read_bytes()
    photos.place("test/pan/cut.jpg").write_bytes(whole[: len(whole) // 2])
    found = check(code=1)
    assert codes(found, unfit=True) == ["unreadable"]
    assert "2 of 8 test samples (25.0 %)" in text_of(found, "unreadable")
    (reason,) = found["splits"][0]["skipped_for"]
    assert reason["text"] == "unreadable image"
    assert (reason["count"], reason["damaged"]) == (2, True)
    assert reason["ids"] == ["test/cup/broken.jpg", "test/pan/cut.jpg"]
    # 25 is not above 25.
    assert codes(check("--max-unreadable", "25", code=0), unfit=False) == ["unreadable"]
    check("--max-unreadable", "24.9", code=1)


def test_a_split_of_which_nothing_can_be_read_is_unfit(photos: Any, check: Any) -> None:
    photos.place("cup/1.jpg").write_bytes(b"no photo")
    found = check("--max-unreadable", "100", code=1, words=("folder", "root=photos"))
    assert text_of(found, "unreadable") == "none of 1 test sample can be read"
    assert found["splits"][0]["sizes"] is None
    assert found["duplicates"]["train"] is None


def test_no_test_samples_are_unfit(acme: Path, check: Any) -> None:
    found = check(code=1, words=("squares", "test=0", "train=3"))
    assert text_of(found, "no-test-samples") == "no test samples"


def test_evidence_that_is_unknown_empty_or_everything_is_told(photos: Any, check: Any) -> None:
    photos.sound()
    photos.add("test/cup/bare.png")
    photos.add("test/cup/empty.png", photos.box(0, 0, 0, 0))
    photos.add("test/cup/full.png", photos.box(0, 40, 0, 60))
    evidence = (found := check(code=0))["splits"][0]["evidence"]
    counts = [evidence[state] for state in ("unknown", "empty", "everything", "some")]
    assert counts == [1, 1, 1, 6]
    assert evidence["unknown_ids"] == ["test/cup/bare.png"]
    assert evidence["empty_ids"] == ["test/cup/empty.png"]
    assert evidence["everything_ids"] == ["test/cup/full.png"]
    assert codes(found, unfit=False)[:3] == ["unknown-evidence", "empty-evidence", "all-evidence"]


def test_evidence_outside_of_the_crop_vanishes(photos: Any, check: Any) -> None:
    photos.sound()
    # Of 60 columns the crop leaves 10 to 49.
    photos.add("test/cup/gone.png", photos.box(5, 15, 0, 8))
    photos.add("test/cup/half.png", photos.box(5, 15, 4, 16))
    found = check(code=1)
    (view,) = found["splits"][0]["evidence"]["in_views"]
    assert (view["looked_at"], view["vanished"]) == (8, 1)
    assert view["vanished_ids"] == ["test/cup/gone.png"]
    assert (view["cut"], view["cut_half"]) == (2, 2)
    worst = [(one["id"], one["lost"]) for one in view["worst"]]
    assert worst == [("test/cup/gone.png", 1), ("test/cup/half.png", 0.5)]
    assert view["mean_lost"] == pytest.approx(1.5 / 8)
    assert codes(found, unfit=True) == ["vanished"]
    assert codes(check("--max-vanished", "12.5", code=0), unfit=False) == ["vanished", "cut"]


def test_a_model_says_what_it_sees(photos: Any, acme: Path, check: Any, rateval: Any) -> None:
    photos.sound()
    photos.add("test/cup/gone.png", photos.box(5, 15, 0, 8))
    assert check(code=1)["views_of_models"] is False
    # This model crops to 4:3, which leaves the columns from 3.3 to 56.7.
    found = check("--model", "tiny", code=0)
    assert found["views"] == ["tiny"]
    assert found["views_of_models"] is True
    (view,) = found["splits"][0]["evidence"]["in_views"]
    assert (view["looked_at"], view["vanished"], view["cut"]) == (7, 0, 1)
    assert view["worst"][0]["lost"] == pytest.approx((20 / 6) / 8, abs=1 / 8)
    assert 'did you mean "tiny"' in rateval("data", "check", *FOLDER, "--model", "tny").err


def test_the_models_of_a_spec_share_a_view(
    write_spec: Any, acme: Path, check: Any, rateval: Any
) -> None:
    spec = str(write_spec(model='[[model]]\nuse = "tiny"\n[[model]]\nuse = "tiny"\nname = "b"\n'))
    assert check(code=0, words=(spec,))["views"] == ["tiny, b"]
    assert check("--model", "b", code=0, words=(spec,))["views"] == ["b"]
    usual = check("--model", "none", code=0, words=(spec,))
    assert usual["views"] == ["usual 224 px centre crop"]
    assert "the spec has none of that label" in rateval("data", "check", spec, "--model", "c").err


def test_pixels_that_test_and_train_share_are_leakage(
    photos: Any, check: Any, rateval: Any
) -> None:
    photos.sound()
    # Another file, even of another format, of the same pixels.
    photos.add("train/cup/new.png")
    with Image.open(photos.place("train/cup/new.png")) as image:
        image.save(photos.place("test/pan/copy.bmp"))
    found = check(code=1)
    assert codes(found, unfit=True) == ["leak"]
    assert found["duplicates"]["leaked"] == 1
    (leak,) = found["duplicates"]["leaks"]
    assert leak["ids"] == {"test": ["test/pan/copy.bmp"], "train": ["train/cup/new.png"]}
    assert leak["classes"] == ["cup", "pan"]
    assert "contradicting-labels" in codes(found, unfit=False)
    assert "LEAKAGE: 1 of 7 test images" in rateval("data", "check", *FOLDER).out
    check("--max-leaked", "15", code=0)


def test_twins_within_a_split_are_only_told(photos: Any, check: Any) -> None:
    photos.sound()
    shutil.copy(photos.place("train/cup/0.png"), photos.place("train/pan/twin.png"))
    found = check(code=0)
    duplicates = found["duplicates"]
    assert (duplicates["test"], duplicates["train"], duplicates["leaked"]) == (0, 2, 0)
    assert duplicates["contradicting"] == 1
    (twins,) = duplicates["others"]
    assert twins["ids"] == {"train": ["train/cup/0.png", "train/pan/twin.png"]}
    assert {"contradicting-labels", "duplicates"} <= {*codes(found, unfit=False)}


def test_a_label_of_one_split_is_unfit_and_so_is_one_that_cant_be_read(
    photos: Any, check: Any
) -> None:
    photos.sound()
    photos.add("train/mug/1.png")
    photos.place("test/mug/1.png").write_bytes(b"no photo")
    photos.add("test/jug/1.png")
    found = check("--max-unreadable", "50", code=1)
    texts = [one["text"] for one in found["findings"] if one["code"] == "one-sided-label"]
    assert texts == [
        "labels that have test images and no training ones (1): jug",
        "labels that have training images and no test ones (1): mug",
    ]
    mug = found["classes"][2]
    assert (mug["name"], mug["counts"]["test"], mug["readable"]["test"]) == ("mug", 1, 0)


def test_classes_without_images_and_uneven_ones_are_told(photos: Any, check: Any) -> None:
    photos.sound()
    for number in range(40):
        photos.add(f"test/cup/more{number}.png", photos.box(12, 28, 22, 38))
    words = (*FOLDER, 'classes=["cup", "pan", "wok"]')
    found = check(code=0, words=words)
    assert text_of(found, "empty-class") == "classes without an image (1): wok"
    assert text_of(found, "imbalance") == "test images are uneven: 43 of cup, 3 of pan"


def test_groups_are_counted_and_may_not_be_torn(photos: Any, check: Any) -> None:
    for split, cameras in (("test", "ab"), ("train", "bc")):
        for camera in cameras:
            photos.add(f"{split}/cup/{camera}_1.png")
    photos.add("train/cup/x1.png")
    words = ("folder", "root=photos", "groups=/(?P<camera>[abc])_")
    (group,) = check(code=0, words=words)["groups"]
    assert group["group"] == "camera"
    counts = {one["name"]: one["counts"] for one in group["values"]}
    both, test, train = {"test": 1, "train": 1}, {"test": 1, "train": 0}, {"test": 0, "train": 1}
    assert counts == {"b": both, "a": test, "c": train, None: train}
    assert [one["name"] for one in group["values"]] == ["b", "a", "c", None]
    assert (group["in_both"], group["kept_together"]) == (1, False)


def test_splits_that_are_not_used_and_notes_of_the_reader_are_told(photos: Any, check: Any) -> None:
    photos.sound()
    photos.add("val/cup/1.png")
    extra = photos.folder / "masks" / "test" / "cup" / "nobody.png"
    shutil.copy(photos.folder / "masks" / "test" / "cup" / "0.png", extra)
    found = check(code=0)
    assert found["unused"] == {"val": 1}
    assert "val (1)" in text_of(found, "unused")
    assert found["notes"]
    assert "nobody.png" in text_of(found, "note")


def test_notes_of_photos_are_counted_by_kind(photos: Any, check: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photos.add("cup/1.jpg")
    photos.add("cup/2.jpg", exif=exif)
    (note,) = check(code=0, words=("folder", "root=photos"))["splits"][0]["notes"]
    assert (note["text"], note["count"], note["ids"]) == ("turned by EXIF", 1, ["cup/2.jpg"])


def test_sizes_are_those_of_the_extremes(photos: Any, check: Any) -> None:
    for name, size in (("a", (40, 60)), ("b", (10, 200)), ("c", (90, 90)), ("d", (20, 20))):
        photos.add(f"cup/{name}.png", size=size)
    sizes = check(code=0, words=("folder", "root=photos"))["splits"][0]["sizes"]
    assert sizes["smallest"] == {"id": "cup/d.png", "width": 20, "height": 20}
    assert sizes["largest"] == {"id": "cup/c.png", "width": 90, "height": 90}
    assert sizes["longest"] == {"id": "cup/b.png", "width": 200, "height": 10}
    assert sizes["distinct"] == 4


def test_many_classes_are_told_by_the_smallest_and_the_largest(photos: Any, rateval: Any) -> None:
    for number in range(20):
        for photo in range(1 + (number == 7)):
            photos.add(f"c{number:02}/{photo}.png", size=(4, 4))
    done = rateval("data", "check", "folder", "root=photos")
    assert "… 8 more" in done.out
    assert done.out.index("c07") < done.out.index("c00")


def test_a_split_that_lists_nothing_is_checked_as_well(acme: Path, check: Any) -> None:
    found = check(code=1, words=("squares", "skipped=2", "empty_mask=4"))
    test = found["splits"][0]
    assert (test["samples"], test["skipped"], test["evidence"]["empty"]) == (12, 2, 2)
    assert sum(one["counts"]["test"] for one in found["classes"]) == 10


def test_a_limit_narrows_and_says_so(photos: Any, check: Any, rateval: Any) -> None:
    photos.sound()
    test = check("--limit", "2", code=0)["splits"][0]
    assert (test["samples"], test["checked"]) == (6, 2)
    assert "looked at" in rateval("data", "check", *FOLDER, "--limit", "2").out


def test_threads_change_nothing(photos: Any, check: Any) -> None:
    photos.sound()
    photos.place("test/cup/broken.jpg").write_bytes(b"no photo")
    assert check("--readers", "1", code=1) == check("--readers", "5", code=1)


def test_several_datasets_are_checked_and_one_of_them_chosen(
    photos: Any, rateval: Any, tmp_path: Path
) -> None:
    photos.sound()
    (tmp_path / "spec.toml").write_text(
        '[study]\nname = "s"\n[[dataset]]\nuse = "folder"\nroot = "photos"\n'
        '[[dataset]]\nuse = "folder"\nname = "b"\nroot = "photos/test"\n'
        '[[model]]\nuse = "clip"\n[[finetune]]\nuse = "zs"\n'
    )
    done = rateval("data", "check", "spec.toml", "--model", "none", "--json")
    found = json.loads(done.out)
    assert [one["dataset"] for one in found["datasets"]] == ["folder", "b"]
    one = rateval("data", "check", "spec.toml", "--model", "none", "--dataset", "b", "--json")
    assert [one["dataset"] for one in json.loads(one.out)["datasets"]] == ["b"]
    both = rateval("data", "check", "folder", "root=photos", "folder", "root=photos", "name=c")
    assert "folder is fit" in both.out
    assert "c is fit" in both.out


def test_a_function_in_a_file_is_checked_as_a_component_is(rateval: Any, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[3] / "acme" / "one_file.py", tmp_path / "mine.py")
    words = ("./mine.py:make_dataset", "test=12", "--model", "./mine.py:make_model")
    done = rateval("data", "check", *words, "--json")
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["datasets"]
    assert (found["dataset"], found["splits"][0]["samples"]) == ("make_dataset", 12)
    assert [one["view"] for one in found["splits"][0]["evidence"]["in_views"]] == ["make_model"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("photos",), "for photos in class folders write folder root=photos"),
        (("foldr", "root=photos"), 'did you mean "folder"'),
        (("folder", "root=nowhere"), 'dataset[0].root = "nowhere": no such file or folder'),
        (("folder", "root=2024"), 'dataset[0].root = "2024": no such file or folder'),
        (("folder", "root=photo", "masks=mask"), 'did you mean "photos"?\ncommand line: dataset'),
        (("./mine.py:mak",), './mine.py:mak: mine.py has no mak; did you mean "make"?'),
        (("mine.py", "root=photos"), "mine.py: names no function; write it behind the file"),
        (("folder", "root=photos", "mask=masks"), 'did you mean "masks"'),
        (("folder", "root=photos", "root=photos"), "root is given twice"),
        (("folder", "root=photos", "folder", "root=photos"), "tell them apart by name="),
        (("root=photos",), "name the dataset first"),
        (("nowhere.toml",), "no such file"),
        (("folder", "root=photos", "--dataset", "x"), "leave it out"),
        (("folder", "root=photos", "--max-leaked", "101"), "from 0 to 100"),
        (("folder", "root=photos", "--readers", "0"), "whole number of 1 or more"),
    ],
)
def test_what_is_asked_for_wrongly_is_explained(
    photos: Any, rateval: Any, words: tuple[str, ...], said: str
) -> None:
    photos.sound()
    Path("mine.py").write_text("def make():\n    pass\n")
    done = rateval("data", "check", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_all_datasets_of_a_spec_that_cant_be_made_are_told(rateval: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "spec.toml").write_text(
        '[study]\nname = "s"\n[[dataset]]\nuse = "folder"\nroot = "one"\n'
        '[[dataset]]\nuse = "folder"\nname = "b"\nroot = "two"\n'
        '[[model]]\nuse = "clip"\n[[finetune]]\nuse = "zs"\n'
    )
    done = rateval("data", "check", "spec.toml", "--model", "none")
    assert done.code == 2
    assert "root = one" in done.err
    assert "b: folder: root = two" in done.err


def test_an_interrupt_ends_it(photos: Any, rateval: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    photos.sound()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rateval.inspection.reading.see", interrupt)
    done = rateval("data", "check", *FOLDER)
    assert done.code == INTERRUPTED
    assert done.err.endswith("interrupted\n")


def test_questions_about_one_photo_are_no_twins_and_answers_no_classes(
    check: Any, tmp_path: Path
) -> None:
    rows = ["image,question,answers,split"]
    for at, split in enumerate(("train", "train", "test", "test")):
        Image.new("RGB", (40, 30), (50 * at, 0, 0)).save(tmp_path / f"{at}.png")
        rows += [f"{at}.png,what is it?,thing {at},{split}", f"{at}.png,is it red?,yes,{split}"]
    table = tmp_path / "questions.csv"
    words = ("table", f"file={table}", f"root={tmp_path}", "question=question")
    table.write_text("\n".join(rows) + "\n")
    found = check(code=0, words=words)
    told = {one["code"] for one in found["findings"]}
    assert not told & {"duplicates", "contradicting-labels", "one-sided-label", "empty-class"}
    # A photo that is asked about in both splits is told all the same.
    table.write_text("\n".join([*rows, "0.png,is it blue?,no,test"]) + "\n")
    found = check(code=1, words=words)
    assert codes(found, unfit=True) == ["leak"]
    assert "1 of 5 test images" in text_of(found, "leak")
