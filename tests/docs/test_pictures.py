"""Documents show pictures that are there, small, and made by the script that makes them."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "make_pictures.py"
PICTURES = ROOT / "docs" / "pictures"
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def shown_in(document: Path) -> list[Path]:
    """Return the local pictures that a document shows."""
    text = document.read_text(encoding="utf-8")
    names = re.findall(r'(?:src|srcset)="([^"]+)"|!\[[^\]]*\]\(([^)\s]+)', text)
    local = [one or other for one, other in names if "://" not in (one or other)]
    return [document.parent / name for name in local]


def test_every_picture_is_there_and_shown() -> None:
    shown = {path.resolve() for document in DOCUMENTS for path in shown_in(document)}
    assert {path for path in shown if not path.is_file()} == set()
    assert {path.resolve() for path in PICTURES.iterdir()} <= shown


def test_every_picture_is_told_in_words() -> None:
    for document in DOCUMENTS:
        for element in re.findall(r"<img\b[^>]*>", document.read_text(encoding="utf-8")):
            assert re.search(r'alt="[^"]{10,}"', element), f"{document.name}: {element}"


def test_pictures_are_those_of_the_script_and_small(script: ModuleType) -> None:
    themed = {f"{view}-{theme}.png" for view in script.VIEWS for theme in ("light", "dark")}
    assert {path.name for path in PICTURES.iterdir()} == themed | {"terminal.png", "narrow.png"}
    sizes = [path.stat().st_size for path in PICTURES.iterdir()]
    assert max(sizes) <= script.EACH
    assert sum(sizes) <= script.ALL


def test_pictures_get_smaller_and_stay_what_they_are(script: ModuleType) -> None:
    rows, columns = np.mgrid[0:300, 0:400]
    shades = np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=-1)
    content = io.BytesIO()
    Image.fromarray(shades.astype(np.uint8)).save(content, "PNG", compress_level=0)
    small = script.optimise(content.getvalue())
    assert len(small) < len(content.getvalue()) / 2
    found = np.asarray(Image.open(io.BytesIO(small)).convert("RGB"), dtype=int)
    assert found.shape == shades.shape
    assert np.abs(found - shades).mean() < 16


def test_a_picture_that_has_no_room_is_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "EACH", 100)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "PNG")
    with pytest.raises(SystemExit, match="64 × 64 has no room in 100 bytes"):
        script.optimise(content.getvalue())


@pytest.mark.parametrize(
    ("named", "said"),
    [("nowhere", "RATEVAL_BROWSER = nowhere: no such file"), ("", "no Chromium on the PATH")],
)
def test_without_a_browser_it_says_what_to_install(named: str, said: str, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PATH": str(tmp_path), "RATEVAL_BROWSER": named},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert found.returncode == 1
    assert f"{said}: install Debian's package chromium" in found.stderr
    assert "Traceback" not in found.stderr
