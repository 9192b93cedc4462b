"""Large JSON files read entry by entry give what the standard library reads whole."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rateval_datasets.questions import json_stream
from rateval_datasets.questions.json_stream import entries_of, items_of


def anything(draw: random.Random, depth: int = 3) -> Any:
    """Draw a value of JSON, with numbers, blanks and signs of several bytes."""
    kind = draw.randrange(7 if depth else 5)
    if kind < 5:
        return (None, True, draw.randrange(-(10**9), 10**9), draw.random(), 'é"\\\n{[,:]}€' * 3)[
            kind
        ]
    if kind == 5:
        return [anything(draw, depth - 1) for _ in range(draw.randrange(4))]
    return {f"k {at}é": anything(draw, depth - 1) for at in range(draw.randrange(4))}


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_entries_are_those_of_the_whole_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    indent: int | None,
    ascii_only: bool,
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", chunk)
    draw = random.Random(chunk)
    for at in range(20):
        whole = {f"{at} {key}": anything(draw) for key in range(draw.randrange(6))}
        path = tmp_path / f"{at}.json"
        text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
        path.write_text(f"\ufeff {text}\n" if at % 2 else text, encoding="utf-8")
        assert dict(entries_of(path)) == whole
        items = [anything(draw) for _ in range(draw.randrange(6))]
        path.write_text(json.dumps({**whole, "those": items, "rest": 1}, indent=indent))
        assert list(items_of(path, "those")) == items


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'the end of the file' at character 1, not {"),
        ("[1]", "'[1]' at character 1, not {"),
        ('{"a": 1', "'the end of the file' at character 8, not , or }"),
        ('{"a": 1 "b": 2}', "at character 9, not , or }"),
        ('{"a" 1}', "'1}' at character 6, not :"),
        ("{a: 1}", "'a: 1}' at character 2, not a name in \"quotes\""),
        ('{"a": tru}', "'tru}' at character 7, not a value"),
        ('{"a": "b', "not a value"),
        ('{"a": ' + "[" * 100_000, "is nested too deep at character 7"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        list(entries_of(path))
    assert message in str(caught.value)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [1]}')
    with pytest.raises(ValueError, match='there is no "b" in it'):
        list(items_of(path, "b"))
    path.write_text('{"a": {"b": 1}}')
    with pytest.raises(ValueError, match=r"'{\"b\": 1}}' at character 7, not \["):
        list(items_of(path, "a"))
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="utf-8"):
        list(entries_of(path))


def test_what_is_held_is_an_entry_and_not_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 100)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({str(at): "x" * 50 for at in range(5000)}))
    with path.open("rb") as file:
        reader = json_stream._Reader(file)
        longest = max(len(reader._text) for _ in reader.entries())
    assert longest < 400
    monkeypatch.setattr(json_stream, "_LARGEST_ENTRY", 1000)
    path.write_text(json.dumps({"a": "x" * 5000}))
    with pytest.raises(ValueError, match="not a value of at most 1,000 characters"):
        list(entries_of(path))
