"""What trackers are given of a record, and under which names; no library is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from rateval.testing.trackers import make_record
from rateval_trackers.flat import collect_curves, collect_scores, describe_end, flatten_spec
from rateval_trackers.naming import MLFLOW_LONGEST, Names, clean_for_mlflow
from rateval_trackers.params import MlflowParams, TensorboardParams, TrackioParams

PARTS = st.lists(st.text(max_size=80), min_size=1, max_size=6).map(tuple)


def test_what_is_undefined_has_a_count_alone(tmp_path: Path) -> None:
    scores = collect_scores(make_record(tmp_path, "finished"))
    (undefined,) = (at[:-1] for at, value in scores.items() if value == 0 and at[-1] == "count")
    assert [at for at in scores if at[: len(undefined)] == undefined] == [(*undefined, "count")]
    pt = {at[4:]: value for at, value in scores.items() if at[4:5] == ("pt",)}
    assert pt["pt",] == 0.25
    assert pt["pt", "low"] < 0.25 < pt["pt", "high"]
    assert pt["pt", "count"] == 4


def test_curves_leave_out_what_is_undefined(tmp_path: Path) -> None:
    curves = collect_curves(make_record(tmp_path, "finished"))
    assert {epoch: {at[3:]: n for at, n in row.items()} for epoch, row in curves.items()} == {
        1: {("loss",): 1.0, ("lr",): 1e-3, ("held out", "pt"): 0.5},
        2: {("loss",): 0.5, ("lr",): 1e-3, ("held out", "pt"): 0.5},
    }


def test_an_interrupted_run_has_nothing_but_its_spec(tmp_path: Path) -> None:
    record = make_record(tmp_path, "interrupted")
    assert collect_scores(record) == {}
    assert collect_curves(record) == {}
    assert describe_end(record) == {"status": "interrupted", "folder": str(record.path)}
    assert flatten_spec(record)["run", "limit"] == "null"
    assert flatten_spec(record)["tracker",] == "[]"


@given(st.lists(PARTS, max_size=8))
def test_names_for_mlflow_are_allowed_and_no_two_are_alike(several: list[tuple[str, ...]]) -> None:
    names = Names(clean_for_mlflow)
    made = {parts: names(parts) for parts in several}
    assert len(set(made.values())) == len(made)
    for name in made.values():
        assert re.fullmatch(r"[\w\-. :/]+", name)
        assert len(name) <= MLFLOW_LONGEST
        assert not {"", ".", ".."} & set(name.split("/"))


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "must be a database file"),
        ("mlruns", "must be a database file"),
        ("sqlite:///", "must be a database file"),
        ("file:///tmp/mlruns", "must be a database file"),
        ("https://", "must be a database file"),
        ("https://me:secret@host/", "must hold no name and no password"),
        ("http://[", "is no address"),
    ],
)
def test_addresses_that_are_none_are_refused(uri: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        MlflowParams(uri=uri)


def test_a_folder_may_be_made_later() -> None:
    assert MlflowParams(uri="https://host:5000").uri == "https://host:5000"
    assert TensorboardParams(folder=Path("none/there")).on_disk() == {}
    with pytest.raises(ValidationError, match="pattern"):
        TrackioParams(project="../mine")
