"""Templates of prompts: their type as a parameter, and what they make of a class's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rateval.errors import RatevalError


def _check(value: Any) -> Any:
    templates = (value,) if isinstance(value, str) else value
    if not isinstance(templates, list | tuple) or not templates:
        raise ValueError('must be a template such as "a photo of a {class}", or a list of them')
    for template in templates:
        found = set(re.findall(r"\{[^{}]*\}", template)) if isinstance(template, str) else set()
        if found != {"{class}"}:
            raise ValueError(
                f"{template!r} is no template; it must hold {{class}} where the name of the "
                'class goes, and nothing else in braces, as in "a photo of a {class}"'
            )
    return value if isinstance(value, str) else tuple(templates)


PromptTemplates = Annotated[
    str | Annotated[tuple[str, ...], Field(min_length=1)], BeforeValidator(_check)
]
"""One template or several, each with ``{class}`` where the name of the class goes."""


def require_templates(value: Any) -> str | tuple[str, ...]:
    """Return a template or several. Raises RatevalError for what is none.

    >>> require_templates(["a {class}"])
    ('a {class}',)
    """
    try:
        checked: str | tuple[str, ...] = _check(value)
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
