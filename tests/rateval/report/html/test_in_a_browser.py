"""The page in a real browser: quiet, alone, legible at every width, and its counts are doors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from rateval.records.run import RunRecord
from rateval.report.html.page import render

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def page_file(small_run: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(small_run), encoding="utf-8")
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 768, 1400])
def test_nothing_is_complained_of_asked_for_or_wider_than_the_window(
    open_page: Open, page_file: Path, width: int, dark: bool
) -> None:
    opened = open_page(page_file, width=width, dark=dark)
    opened.page.wait_for_load_state("networkidle")
    assert opened.complaints == []
    assert opened.outside() == []
    wide = opened.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_a_count_is_a_door(open_page: Open, page_file: Path) -> None:
    page = open_page(page_file).page
    page.evaluate(
        "document.addEventListener('rateval:filter', (event) => { window.heard = event.detail; })"
    )
    door = page.locator("table.scores [data-filter]").first
    asked = json.loads(door.get_attribute("data-filter"))
    door.click()
    assert page.evaluate("window.heard") == asked
    assert set(asked) == {"test", "cell", "validator", "quadrant"}
    fragment = unquote(page.evaluate("location.hash"))
    assert json.loads(fragment.removeprefix("#filter=")) == asked
