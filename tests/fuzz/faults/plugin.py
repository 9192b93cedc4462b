"""The tests' third-party plugin acme, installed into a folder: tiny models and drawn squares."""

from __future__ import annotations

import shutil
from pathlib import Path

ACME = Path(__file__).parents[2] / "acme" / "acme"


def install_acme(site: Path) -> Path:
    """Put the plugin and what an installer leaves beside it into ``site``, and return that."""
    shutil.copytree(ACME, site / "acme", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / "acme-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[rateval]\nacme = acme.plugin\n")
    return site
