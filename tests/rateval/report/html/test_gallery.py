"""What the gallery is given: rows and counts as they are stored, within any size."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.report.html.gallery import gallery_data
from rateval.report.html.gallery_budget import FLOOR, size
from rateval.report.html.gallery_maps import quantise


def test_each_row_is_that_of_the_cell(gallery_run: RunRecord) -> None:
    data = gallery_data(gallery_run)
    assert len(data["cells"]) == len(gallery_run.cells)
    for told, cell in zip(data["cells"], gallery_run.cells, strict=True):
        images = data["tests"][told["test"]]["images"]
        assert len(images) == 40
        for name in (found.validator for found in cell.evidence):
            rows = {row["index"]: row for row in gallery_run.rows(cell, name).to_pylist()}
            for at, image in enumerate(images):
                row = rows[image["index"]]
                assert image["id"] == row["id"]
                assert told["columns"]["label"][at] == row["label"]
                assert told["columns"]["prediction"][at] == row["prediction"]
                assert told["columns"]["correct"][at] == row["correct"]
                likeliest = told["columns"]["top"][at]
                assert likeliest[0][0] == int(np.argmax(row["probabilities"]))
                assert row["label"] in [number for number, _ in likeliest]
                verdict = told["verdicts"][name]
                assert verdict["undefined"][at] == row["undefined"]
                known = row["mask_area"] is not None and row.get("known", True)
                assert verdict["valid"][at] == (row["valid"] if known else None)
                if row["score"] is None:
                    assert verdict["score"][at] is None
                else:
                    assert np.float32(verdict["score"][at]) == np.float32(row["score"])


def test_some_columns_of_the_rows_are_read_alone(gallery_run: RunRecord) -> None:
    cell = gallery_run.cells[0]
    some = gallery_run.rows(cell, "counterfactual", ("correct", "mask_area"))
    assert some.column_names == [
        "id", "correct", "mask_area", "score", "valid", "undefined", "known"
    ]  # fmt: skip
    whole = gallery_run.rows(cell, "counterfactual")
    assert some.equals(whole.select(some.column_names))
    assert "known" not in gallery_run.rows(cell, "relevance-mass").column_names
    undefined = whole["undefined"].is_null().to_pylist()
    assert whole["known"].to_pylist() == undefined


def test_answers_to_edits_are_those_of_the_image(gallery_run: RunRecord) -> None:
    data = gallery_data(gallery_run)
    cell, told = gallery_run.cells[0], data["cells"][0]
    answers = {row["id"]: row for row in gallery_run.answers(cell).to_pylist()}
    for image, shown in zip(data["tests"][0]["images"], told["columns"]["answers"], strict=True):
        row = answers[image["id"]]
        assert shown[0] == pytest.approx(row["kept_on_object"], abs=1e-6)
        assert shown[1] == row["kept_without_object"]
        assert shown[2] == pytest.approx(row["gap"], abs=1e-6)
        assert shown[3] == row["undefined"]


def test_counts_by_threshold_are_those_of_all_rows(gallery_run: RunRecord) -> None:
    data = gallery_data(gallery_run)
    for told, cell in zip(data["cells"], gallery_run.cells, strict=True):
        rows = gallery_run.rows(cell, "relevance-mass")
        scores = rows["score"].fill_null(-1.0).to_numpy()
        correct = rows["correct"].to_numpy()
        curves = told["curves"]["relevance-mass"]
        for k in range(0, 1001, 7):
            valid = scores >= np.float32(k / 1000)
            assert (
                curves["correct"][0] - sum(curves["correct"][1 : k + 1]) == (valid & correct).sum()
            )
            assert curves["wrong"][0] - sum(curves["wrong"][1 : k + 1]) == (valid & ~correct).sum()
        assert "counterfactual" not in told["curves"]


def test_a_map_keeps_its_order_and_a_flat_one_is_dark() -> None:
    patches = np.random.default_rng(0).random((14, 14)).astype(np.float16)
    bytes_ = np.frombuffer(base64.b64decode(quantise(patches)), np.uint8).reshape(14, 14)
    exact = patches.astype(np.float64)
    stretched = (exact - exact.min()) / (exact.max() - exact.min())
    assert np.abs(bytes_ / 255 - stretched).max() <= 0.5 / 255 + 1e-9
    for flat in (np.full((2, 2), 0.3), np.array([[np.nan, 1.0]]), np.array([[np.inf, 1.0]])):
        assert not any(base64.b64decode(quantise(flat.astype(np.float16))))


def test_without_pictures_there_are_counts_alone(gallery_run: RunRecord) -> None:
    data = gallery_data(gallery_run, None, False)
    assert [test["images"] for test in data["tests"]] == [[], []]
    assert not data["pictures"]
    assert all("map" not in cell["columns"] for cell in data["cells"])
    with_pictures = gallery_data(gallery_run)
    for bare, whole in zip(data["cells"], with_pictures["cells"], strict=True):
        assert bare["curves"] == whole["curves"]
        assert bare["quadrants"] == whole["quadrants"]


def test_pictures_lie_beside_a_page_in_a_folder(gallery_run: RunRecord, tmp_path: Path) -> None:
    data = gallery_data(gallery_run, folder=tmp_path)
    inside = gallery_data(gallery_run)
    for beside, within in zip(data["tests"], inside["tests"], strict=True):
        for one, other in zip(beside["images"], within["images"], strict=True):
            assert "data" not in one
            assert (tmp_path / one["file"]).read_bytes() == base64.b64decode(other["data"])
    assert len(list((tmp_path / "pictures").iterdir())) == 80


def test_a_cell_is_let_go_before_the_next_one_is_read(
    gallery_run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many cells there are, the maps of one of them are in memory."""
    import gc
    import weakref

    alive: list[Any] = []
    most = 0
    read = RunRecord.relevance

    def watched(self: RunRecord, cell: CellRecord) -> Any:
        nonlocal most
        gc.collect()
        most = max(most, sum(reference() is not None for reference in alive))
        maps = read(self, cell)
        alive.append(weakref.ref(maps))
        return maps

    monkeypatch.setattr(RunRecord, "relevance", watched)
    gallery_data(gallery_run)
    assert len(alive) == len(gallery_run.cells)
    assert most == 0


def test_fifty_cells_of_fifty_thousand_images_fit(many: RunRecord) -> None:
    data = gallery_data(many, 9_000_000)
    assert size(data) <= 9_000_000
    assert len(data["cells"]) == 50
    shown = len(data["tests"][0]["images"])
    assert FLOOR <= shown < 1000
    assert data["tests"][0]["dropped"] == 1000 - shown
    assert all(cell["count"] == 50_000 for cell in data["cells"])
