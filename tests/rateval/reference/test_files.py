"""What is wrong with files is said of all of them at once, and nothing is cut silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

import rateval
from rateval.cli.main import main
from rateval.errors import SpecError
from rateval.reference.files import MethodFiles, read_answers
from rateval.reference.importing import ZERO_SHOT


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, content: Any) -> Path:
    path = Path(name)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def problems(labels: Any, said: Any, valid: Any) -> list[str]:
    files = MethodFiles("zs", put("p.json", said), put("e.json", valid))
    with pytest.raises(SpecError) as raised:
        read_answers(put("l.json", labels), [files])
    return str(raised.value).splitlines()


def test_lengths_that_differ_are_told_with_both() -> None:
    advice = "give files of the same images in the same order"
    assert problems([0, 1, 2], [0, 1], [1, 0, 1, 1]) == [
        f"p.json: holds 2 values, and l.json holds 3 labels; {advice}",
        f"e.json: holds 4 values, and l.json holds 3 labels; {advice}",
    ]


def test_evidence_is_0_or_1() -> None:
    (line,) = problems([0, 1], [0, 1], [1, 0.7])
    assert line.startswith("e.json: [1] = 0.7: must be 0 or 1, as all but 1 of the 2 values are")
    assert problems([0, 1], [0, 1], [1, 2])[0].startswith("e.json: [1] = 2: must be 0 or 1")


@pytest.mark.parametrize("wrong", [[True, 1], [-1, 1], ["a", 1], [None, 1], [2**31, 1], [0.0, 1]])
def test_labels_are_whole_numbers(wrong: list[Any]) -> None:
    assert "must be a whole number from 0 to 2,147,483,647" in problems(wrong, [0, 1], [1, 1])[0]


def test_all_of_it_is_said_at_once() -> None:
    lines = problems({"a": 1}, "[1, ", [3])
    assert [line.partition(": ")[0] for line in lines] == ["l.json", "p.json", "e.json"]
    assert "must be a list" in lines[0] and "cannot be read as JSON" in lines[1]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=6,
    ).map(json.dumps)
    | st.text(max_size=20).filter(lambda text: "\r" not in text)
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_holds_is_read_or_refused(text: str) -> None:
    labels, evidence = put("l.json", [0, 1]), put("e.json", [0, 1])
    Path("p.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        answers = read_answers(labels, [MethodFiles("zs", Path("p.json"), evidence)])
    except SpecError as error:
        assert "p.json" in str(error)
    else:
        assert len(answers.methods[0].predictions) == 2


def test_no_image_at_all() -> None:
    assert problems([], [], []) == ["l.json: holds no label; name a file with one per image"]


def test_one_name_twice_and_files_that_are_not_there() -> None:
    labels = put("l.json", [0])
    files = [MethodFiles("zs", Path("none.json"), put("e.json", [1]))] * 2
    with pytest.raises(SpecError) as raised:
        read_answers(labels, files)
    assert "none.json: cannot be read as JSON: No such file" in str(raised.value)
    assert "--method zs: is there twice" in str(raised.value)


def test_the_command_ends_with_2_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    put("l.json", [0, 1])
    put("p.json", [0])
    put("e.json", [1, 1])
    asked = ["--labels", "l.json", "--method", ZERO_SHOT, "p.json", "e.json"]
    assert main(["import-reference", *asked]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: p.json: holds 1 values, and l.json")
    put("p.json", [0, 1])
    for wrong, said in (
        (["--study", "../x"], '--study "../x": must be of letters'),
        (["--dataset", " "], '--dataset " ": is empty'),
        (["--classes", "c.json"], "--classes c.json: has 1 names, and the files have 2 classes"),
    ):
        put("c.json", ["only"])
        assert main(["import-reference", *asked, *wrong]) == 2
        assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_images_of_unknown_evidence_are_in_no_file(
    acme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = rateval.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "without_mask": 2}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "run": {"device": "cpu"},
        }
    )
    (cell,) = record.cells
    rows = record.rows(cell)
    known = rows.filter(rows.column("mask_area").is_valid())
    capsys.readouterr()
    assert main(["export-reference", str(record.path), "--output", "back"]) == 0
    left = len(rows) - len(known)
    assert left and f"{left} of unknown evidence left out" in capsys.readouterr().err
    (folder,) = Path("back").iterdir()
    assert json.loads((folder / "labels.json").read_text()) == known.column("label").to_pylist()
    valid = [int(value) for value in known.column("valid").to_pylist()]
    assert json.loads((folder / "zs_rationale.json").read_text()) == valid
