"""What ``mkdocs.yml`` can't say: lists are read as on GitHub, and links may leave docs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
KEPT = "repository"
"""Folder of the site for files that documents link to and that lie elsewhere in the repository."""
OUTSIDE = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc(?:set)?=["']?(https?:|//)|"""
    r"""<link\b(?=[^>]*rel=["']?(?:stylesheet|preconnect|icon))[^>]*href=["']?(https?:|//)"""
)
"""What a browser would load from elsewhere."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(((?:\.\./)+[^)#\s]*)(#[^)]*)?\)")


class _Lists(Extension):  # type: ignore[misc]  # mkdocs is in an environment of its own
    """Lists whose parts are indented by two spaces, as GitHub takes them."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - python-markdown's own name
        """Let two spaces be one step of indentation, for what is made anew with that step."""
        md.tab_length = 2
        md.build_parser()


def on_config(config: Any) -> Any:
    """Read lists as GitHub does; whatever else extends the parser comes after that."""
    config.markdown_extensions.insert(0, _Lists())
    return config


def _leaves(page: Path, link: str) -> str | None:
    """Return the path, from the repository's top, of a link that leaves the documents."""
    target = Path(os.path.normpath(page.parent / link))
    if target.is_relative_to(ROOT / "docs") or not target.is_relative_to(ROOT):
        return None
    return target.relative_to(ROOT).as_posix()


def on_files(files: Files, config: Any) -> Files:
    """Keep a copy of each file of the repository that a document links to."""
    wanted = set()
    for page in files.documentation_pages():
        path = Path(str(page.abs_src_path))
        for found in LINK.finditer(path.read_text(encoding="utf-8")):
            name = _leaves(path, found[2])
            if name and (ROOT / name).is_file() and not name.endswith(".md"):
                wanted.add(name)
    for name in sorted(wanted):
        files.append(File.generated(config, f"{KEPT}/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Lead links that leave the documents to those copies; where there is none, leave the text."""
    return LINK.sub(_redirect(Path(page.file.abs_src_path)), markdown)


def _redirect(path: Path) -> Callable[[re.Match[str]], str]:
    up = "../" * (len(path.relative_to(ROOT / "docs").parts) - 1)

    def replace(found: re.Match[str]) -> str:
        name = _leaves(path, found[2])
        if name is None:
            return found[0]
        if name.endswith(".md") or not (ROOT / name).is_file():
            return found[1]
        return f"[{found[1]}]({up}{KEPT}/{name})"

    return replace


def on_post_page(output: str, page: Any, **_: object) -> str:
    """Refuse a page that would load something from elsewhere, and tell who reads it."""
    found = OUTSIDE.search(output)
    if found:
        raise PluginError(f"{page.file.src_path}: would load {found[0]}…; keep a copy in docs")
    return output
