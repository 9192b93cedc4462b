"""Data at fault, of every reader: the command ends with 2, one line that says it, no traceback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from faults.values import as_toml
from forms.photos import write_photos
from forms.reading import FORMS
from forms.truth import Truth, make_truth
from rateval.cli.main import main

Entry = dict[str, Any]
Damage = Callable[[Path, Entry], Entry]


def gone(path: str) -> Damage:
    def damage(root: Path, entry: Entry) -> Entry:
        found = root / path
        shutil.rmtree(found) if found.is_dir() else found.unlink()
        return entry

    return damage


def text(path: str, content: str | bytes) -> Damage:
    def damage(root: Path, entry: Entry) -> Entry:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return entry

    return damage


def param(**params: Any) -> Damage:
    """Change params; a text that begins with "/" is a path below the form's folder."""

    def place(root: Path, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: place(root, one) for key, one in value.items()}
        is_path = isinstance(value, str) and value.startswith("/")
        return str(root / str(value)[1:]) if is_path else value

    return lambda root, entry: entry | {key: place(root, one) for key, one in params.items()}


def swap(path: str, old: str, new: str) -> Damage:
    def damage(root: Path, entry: Entry) -> Entry:
        before = (root / path).read_text(encoding="utf-8")
        assert old in before
        (root / path).write_text(before.replace(old, new), encoding="utf-8")
        return entry

    return damage


def both(*damages: Damage) -> Damage:
    def damage(root: Path, entry: Entry) -> Entry:
        for one in damages:
            entry = one(root, entry)
        return entry

    return damage


HF = {"use": "huggingface", "cache": "cache"}
TEST_JSON = "annotations/instances_test.json"
CASES: Sequence[tuple[str, Damage, str]] = (
    ("folder", param(root="/nowhere"), r"dataset\[0\]\.root = .*: no such file or folder"),
    ("folder", param(root="/photos/test/mug"), "root = .*give the folder above if this is a class"),
    ("folder", param(root="/"), "root = .*: photos such as photos/test/.* lie deeper"),
    ("folder", param(masks="/nowhere"), r"dataset\[0\]\.masks = .*: no such file or folder"),
    ("folder", param(masks="/photos"), "masks = .*photos: is root"),
    ("folder", param(masks="/masks/mug"), "masks = .*: no mask belongs to a photo; that of "),
    ("folder", both(gone("photos/test"), gone("photos/val")), "no split to test on, only train"),
    ("folder", param(test_split="tset"), 'test_split = "tset": no such split; there are test'),
    ("folder", param(split={"test": 0.5}), "split: the photos are divided already"),
    ("folder", param(classes=["mug", "mug"]), "classes = .*: names mug twice"),
    ("folder", param(classes=["mug"]), "classes = .*: lacks Gläser"),
    ("folder", param(classes="/c.txt"), r"dataset\[0\]\.classes = .*: no such file"),
    (
        "folder",
        both(text("c.txt", b"\xff\xfe"), param(classes="/c.txt")),
        r"c\.txt:1: no UTF-8 text",
    ),
    ("folder", param(class_names={"mugg": "mug"}), "no photo has the label mugg"),
    ("folder", param(class_names={"mug": "Tea Pot"}), "and so equal prompts"),
    ("folder", param(group_by="patient"), 'group_by = "patient": no such column'),
    ("folder", param(mask_values=[]), "mask_values = "),
    ("folder", param(mask="masks"), 'mask: unknown key; did you mean "masks"'),
    ("folder and coco", text("objects.json", "{"), r"coco = .*objects\.json"),
    ("coco", text(TEST_JSON, ""), r"annotations\.test = .*instances_test\.json"),
    ("coco", text(TEST_JSON, "[]"), r"annotations\.test = "),
    ("coco", gone(TEST_JSON), r"dataset\[0\]\.annotations\.test = .*no such file"),
    ("coco", param(root="/annotations"), "root = .*: none of "),
    ("coco by datumaro", text(TEST_JSON, "[" * 99999), 'cannot be read as format = "coco_inst'),
    ("coco by datumaro", param(format="cocco"), 'format = "cocco": is none that is read here'),
    ("coco by datumaro", param(root="/nowhere"), r"dataset\[0\]\.root = .*: no such file"),
    ("voc", gone("ImageSets"), 'cannot be read as format = "voc"'),
    ("voc", gone("labelmap.txt"), "Undeclared label"),
    ("voc", text("labelmap.txt", "mug\n"), "wrong number of fields"),
    ("voc", swap("ImageSets/Main/mug_test.txt", " -1", " 7"), r"mug_test\.txt:1: unexpected"),
    ("yolo", gone("data.yaml"), 'cannot be read as format = "yolo"'),
    ("yolo", text("data.yaml", "names: [a, b"), "ParserError"),
    ("yolo", text("data.yaml", "names: !!python/object/apply:os.getcwd []"), "ConstructorError"),
    ("yolo", text("data.yaml", "path: ."), r"data\.yaml has no list of names"),
    ("cvat", gone("images"), "Cannot find an image which has name="),
    ("cvat", text("test.xml", "<annotations>"), "ParseError|<meta> tag"),
    ("cvat", text("test.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations/>'), "EntitiesForbid"),
    ("cvat", swap("test.xml", 'points="', 'points="x,y;'), "could not convert string to float"),
    ("table", param(file="/nowhere.csv"), r"dataset\[0\]\.file = .*: no such file"),
    ("table", text("photos.jsonl", '{"image": "a"\n'), r"photos\.jsonl"),
    ("table", text("photos.jsonl", ""), r"photos\.jsonl"),
    ("table", param(label="lable"), 'label = "lable": no such column'),
    ("csv", text("photos.csv", b"image,label\n\xff\xfe,a\n"), r"photos\.csv"),
    ("csv", param(split_column="slpit"), 'split_column = "slpit": no such column'),
    (
        "",
        lambda root, entry: HF | {"root": str(root / "nowhere")},
        r"dataset\[0\]\.root = .*: no such file",
    ),
    ("", lambda root, entry: HF, "give either root, a folder, or cached"),
    ("", lambda root, entry: HF | {"cached": "me/none"}, 'cached = "me/none": cannot be loaded'),
    ("", lambda root, entry: HF | {"cached": "parquet"}, "must be written as owner/dataset"),
    ("", both(text("hf/a.parquet", "PAR1"), lambda r, e: HF | {"root": str(r / "hf")}), "ArrowInv"),
    ("", both(text("hf/state.json", "{"), lambda r, e: HF | {"root": str(r / "hf")}), "be loaded"),
    ("", both(text("hf/a.csv", "a\n"), lambda r, e: HF | {"root": str(r / "hf")}), "be loaded"),
)


@pytest.fixture(scope="module")
def truths() -> Sequence[Truth]:
    return make_truth(24, small=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, truths: Sequence[Truth]) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos") / "all", truths)


@pytest.mark.parametrize(
    ("form", "damage", "message"), CASES, ids=[f"{form} {said:.30}" for form, _, said in CASES]
)
def test_data_at_fault_are_refused_in_a_line(
    tmp_path: Path,
    photos: Path,
    truths: Sequence[Truth],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: str,
    damage: Damage,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "2000")
    root = tmp_path / "data"
    entry = FORMS[form](root, photos, truths) if form else {}
    spec = {
        "study": {"name": "fault"},
        "dataset": [damage(root, entry)],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "run": {"device": "cpu"},
    }
    Path("spec.toml").write_text(as_toml(spec), encoding="utf-8")
    capsys.readouterr()
    code = main(["run", "spec.toml"])
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert code == 2, said.err
    assert re.search(message, line), line
    assert re.match(r"error: [\w.-]+: \S", line)
    assert "Traceback" not in said.err + said.out
