"""Templates of prompts: their type as a parameter, and what they make of a class's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from rateval.errors import RatevalError
from rateval.json_file import require_regular
from rateval.store.fetched.views import view
from rateval.store.remote.urls import is_remote
from rateval.wording import meant

_SETS = Path(__file__).parent / "templates"
_LARGEST_FILE = 1 << 20
_EXAMPLE = '"a photo of a {class}"'


def _resolve(value: Any, info: ValidationInfo) -> Any:
    # Beside the spec, as a spec and its prompts are handed on together.
    return _resolve_from(value, (info.context or {}).get("folder", Path()))


def _resolve_from(value: Any, folder: Path) -> Any:
    """Return one template, or all that a list, a file or a name stands for."""
    if not isinstance(value, str):
        return _check_list(value)
    if "{" in value or "}" in value:
        return _check(value)
    if is_remote(value):
        try:
            return read_templates(view(value))
        except RatevalError as error:
            raise ValueError(str(error).removeprefix(f"{value}: ")) from None
    if re.search(r"[/\\~]|\.txt$", value, re.IGNORECASE):
        return read_templates(folder / Path(value).expanduser())
    known = [path.stem for path in _SETS.glob("*.txt")]
    if value not in known:
        if hint := meant(value, known):
            raise ValueError(f"there is no such set of templates; {hint}")
        raise ValueError(
            f"{value!r} is no template; it must hold {{class}} where the name of the class goes, "
            f'as in {_EXAMPLE}, or be a path of a file of templates, such as "./prompts.txt", or '
            f"the name of a set: {', '.join(sorted(known))}"
        )
    return read_templates(_SETS / f"{value}.txt")


def _check_list(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(
            f"must be a template such as {_EXAMPLE}, a list of them, a file of them such as "
            '"./prompts.txt", or the name of a set, such as "openai-imagenet"'
        )
    return tuple(map(_check, value))


def _check(template: object) -> str:
    # {} is how published lists write it.
    named = template.replace("{}", "{class}") if isinstance(template, str) else ""
    if set(re.findall(r"\{[^{}]*\}", named)) != {"{class}"}:
        raise ValueError(
            f"{template!r} is no template; it must hold {{class}} where the name of the "
            f"class goes, and nothing else in braces, as in {_EXAMPLE}"
        )
    return named


def read_templates(path: Path) -> tuple[str, ...]:
    """Read a UTF-8 file of templates, one in each line, with ``{class}`` or ``{}`` in it.

    Blank lines and comments, which begin with ``# ``, are passed over. Raises ValueError, which a
    field's validator may, for a file that is absent, unreadable or empty, and for a line that is no
    template.
    """
    lines = [line.strip() for line in _read(path).splitlines()]
    found = []
    for at, line in enumerate(lines, 1):
        if line and line != "#" and not line.startswith("# "):
            try:
                found.append(_check(line))
            except ValueError as error:
                raise ValueError(f"{path}, line {at}: {error}") from None
    if not found:
        raise ValueError(f"{path}: holds no template; write one in each line, such as {_EXAMPLE}")
    return tuple(found)


def _read(path: Path) -> str:
    try:
        require_regular(path)
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise ValueError(
            f"no such file: {path}; give a file of templates, one in each line, by a path that "
            f"starts from the spec's folder, or a template such as {_EXAMPLE}"
        ) from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"{path}: is larger than 1 MiB, and so no file of templates")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: is not UTF-8 text; save it as UTF-8") from None


PromptTemplates = Annotated[
    str | Annotated[tuple[str, ...], Field(min_length=1)], BeforeValidator(_resolve)
]
"""One template or several, each with ``{class}`` where the name of the class goes.

A name of a set and a path of a file become the templates that they stand for.
"""


def require_templates(value: Any) -> str | tuple[str, ...]:
    """Return what ``prompt`` of a spec would stand for. Raises RatevalError for what is none.

    >>> require_templates(["a {class}"])
    ('a {class}',)
    """
    try:
        checked: str | tuple[str, ...] = _resolve_from(value, Path())
    except ValueError as error:
        raise RatevalError(f"prompt: {error}") from None
    return checked


def fill_prompts(templates: str | Sequence[str], classes: Sequence[str]) -> list[list[str]]:
    """Return the prompts of each class, one for each template.

    >>> fill_prompts(("a {class}", "the {class}"), ["cat", "dog"])
    [['a cat', 'the cat'], ['a dog', 'the dog']]
    """
    templates = (templates,) if isinstance(templates, str) else templates
    return [[text.replace("{class}", name) for text in templates] for name in classes]
