"""Lists, annotations and images of datasets damaged: refused, skipped with a reason, or read."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from faults.command import Commands, Done
from faults.comparison import Values, newest_record, require_equal, run_values
from faults.damage import ALL, damage, files_in
from faults.datasets import MAKERS, TRAINS
from faults.explore import Case
from faults.images import IMAGES, NO_IMAGES, put_image
from faults.lists import EDITS, ENCODINGS, NUMBERS, edit_text, encode
from faults.studies import looking_at
from faults.values import as_toml
from faults.verdict import FaultError, require_good_end, require_told_failures

COUNT = st.integers(0, 9999)
TEXTS = ("*.txt", "*.csv", "*.json", "*.xml", "Annotation/*/*")
PICTURES = ("*.jpg", "*.JPEG", "*.png")
EVERY = ("*.txt", "*.csv", "*.json", "*.xml", "*.mat", "Annotation/*/*", *PICTURES)
CASES = st.fixed_dictionaries(
    {
        "dataset": st.sampled_from(sorted(MAKERS)),
        "file": COUNT,
        "damage": st.one_of(
            st.tuples(st.sampled_from(sorted(ALL)), COUNT, COUNT).map(list),
            st.tuples(st.sampled_from(sorted(EDITS)), COUNT, COUNT).map(list),
            st.tuples(st.just("image"), st.sampled_from(sorted(NO_IMAGES | IMAGES))).map(list),
            st.tuples(st.just("encoding"), st.sampled_from(ENCODINGS)).map(list),
        ),
    }
)
Sound = dict[str, tuple[Path, dict[str, Any], Values]]
MUST_BE_TOLD = {"empty", "folder", "loop", "pipe", "deep"}
"""Of whatever file, unless it changes nothing."""
NUMBERED = {"image_class_labels.txt": "2", "train_test_split.txt": "0"}
"""Lists of CUB-200-2011, and the one odd number that is none in them."""
LISTS = {*NUMBERED, "images.txt", "classes.txt"}
"""Those that must name the same images, and every class."""


def choose(root: Path, case: Case) -> Path | None:
    """Return the file of a dataset that a case damages, or None where there is none such."""
    how = case["damage"][0]
    patterns = PICTURES if how == "image" else TEXTS if how in (*EDITS, "encoding") else EVERY
    files = files_in(root, *patterns)
    return files[case["file"] % len(files)] if files else None


def apply(file: Path, case: Case) -> str:
    """Damage a file, and say which and how."""
    how, *rest = case["damage"]
    if how == "image":
        return put_image(file, *rest)
    if how == "encoding":
        return encode(file, *rest)
    if how in EDITS:
        return edit_text(file, how, *rest)
    return damage(file, how, *rest)


def is_told(done: Done, place: Path) -> bool:
    """Tell whether a run said that something was wrong with its data."""
    if done.code or "warning" in done.err:
        return True
    record = json.loads(newest_record(place / "runs").read_text(encoding="utf-8"))
    return bool(re.search(r'"skipped(_in_training)?": \[\{', json.dumps(record)))


def must_be_told(case: Case, file: Path) -> bool:
    """Tell whether the damage is one that no reader can take for data."""
    how, *rest = case["damage"]
    if how == "number" and file.name in NUMBERED:
        return NUMBERS[rest[1] % len(NUMBERS)] != NUMBERED[file.name]
    if how == "line gone":
        return file.name in LISTS
    return how in MUST_BE_TOLD or (how == "image" and rest[0] in NO_IMAGES)


@pytest.fixture(scope="module")
def sound(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Return of every dataset its folder, a spec, and what comes out of it undamaged."""
    commands.preload(
        "scipy.io", "rateval_datasets.public.caltech101", "rateval_datasets.public.imagenet_c"
    )
    found = {}
    for name, make in MAKERS.items():
        folder = tmp_path_factory.mktemp("sound")
        tables = looking_at(make(folder / name), trains=name in TRAINS)
        (folder / "spec.toml").write_text(as_toml(tables), encoding="utf-8")
        done = commands.run("run", "spec.toml", folder=folder)
        require_good_end(done)
        assert done.code == 0, (name, done.err)
        assert not is_told(done, folder), name
        found[name] = folder / name, tables, run_values(newest_record(folder / "runs"))
    return found


def test_datasets(commands: Commands, explore: Any, sound: Sound, place: Path) -> None:
    def check(case: Case) -> None:
        shutil.rmtree(place, ignore_errors=True)
        root, tables, wanted = sound[case["dataset"]]
        shutil.copytree(root, place / "data")
        spec = as_toml(tables).replace(str(root), str(place / "data"))
        (place / "spec.toml").write_text(spec, encoding="utf-8")
        file = choose(place / "data", case)
        if file is None:
            return
        words = apply(file, case)
        try:
            done = commands.run("run", "spec.toml", folder=place)
            require_good_end(done)
            require_told_failures(place / "runs")
            if must_be_told(case, file) and not is_told(done, place):
                # Nobody reads the boxes of training images, for one.
                require_equal(run_values(newest_record(place / "runs")), wanted, "the report")
        except FaultError as fault:
            fault.args = (f"{fault}\n{case['dataset']} {words}",)
            raise

    explore("datasets", CASES, check, 15)
