"""The script that takes pictures for the documents, on a small run and in a real browser."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from rateval.records.run import RunRecord

ROOT = Path(__file__).parents[4]


@pytest.mark.slow
def test_pictures_of_a_run_are_taken(
    gallery_run: RunRecord, browser: object, tmp_path: Path
) -> None:
    spec = importlib.util.spec_from_file_location(
        "make_pictures", ROOT / "scripts" / "make_pictures.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    link = unquote(script.choose_images(gallery_run))
    chosen = json.loads(link.removeprefix("#filter="))
    lost = max(
        one.transitions.get("RR", {}).get("RW", 0)
        for one in gallery_run.comparisons
        if one.validator == "relevance-mass"
    )
    found = next(
        one
        for one in gallery_run.comparisons
        if gallery_run.label(one.method) == chosen["cell"]
        and gallery_run.label(one.against) == chosen["against"]
        and one.validator == chosen["validator"]
    )
    assert found.transitions["RR"]["RW"] == lost > 0
    drawn = script.draw_terminal(gallery_run)
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace(
        "https://www.textualize.io", ""
    )
    taken = script.take(gallery_run, browser, tmp_path / "one")
    assert {path.name for path in taken} == {
        path.name for path in (ROOT / "docs" / "pictures").iterdir()
    }
    for path in taken:
        image = Image.open(path)
        narrow = path.name == "narrow.png"
        assert image.width == 390 if narrow else image.width >= 900
        colours = image.convert("RGB").getcolors(image.width * image.height)
        assert colours is not None
        most = max(count for count, _ in colours)
        assert most < 0.99 * image.width * image.height, f"{path.name} is empty"
    light, dark = (
        Image.open(tmp_path / "one" / f"top-{theme}.png").convert("L").getpixel((2, 500))
        for theme in ("light", "dark")
    )
    assert isinstance(light, int | float)
    assert isinstance(dark, int | float)
    assert light > 200 > 60 > dark
