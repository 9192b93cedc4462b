"""A component without packaging: a function in a Python file, and what its signature says."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.component import NEEDS, Component
from rateval.api.kinds import Kind
from rateval.api.params import Params
from rateval.api.use import FileUse
from rateval.errors import RatevalError
from rateval.registry.python_file import PythonFile, load_module, read_file
from rateval.registry.registry import Registered
from rateval.wording import list_some, meant

_TASKS = ("classification",)
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class _Function(Component):
    """What a function of a file says of itself; its name is Python's, not kebab-case."""

    def __post_init__(self) -> None:
        """Take the name as it is."""


@dataclass(frozen=True, slots=True)
class Factory:
    """A function of a file as a factory: called with as much as it takes."""

    function: Callable[..., Any]
    takes: int
    """0, 1 (params) or 2 (params and context)."""
    params: type[Params]

    def __call__(self, params: Params, context: object) -> Any:
        """Make the object."""
        return self.function(*(params, context)[: self.takes])


def find_in_file(kind: Kind, use: FileUse, folder: Path) -> Registered:
    """Return the component that a function makes, after running its file; paths start at folder.

    Params with a ``seed`` make it depend on the study's; a function of the same name with
    ``_digest`` behind it digests what else determines it; its name with ``_needs``, ``_tasks`` or
    ``_protocol`` says what a ``Component`` says in ``needs``, ``tasks`` and ``protocol``. Raises
    RatevalError when there is no such file or function, the file raises, or the function can't be
    a factory.
    """
    if not use.function:
        raise RatevalError(
            f'names no function; write it behind the file and a colon: "{use.file}:make"'
        )
    try:
        given = Path(use.file).expanduser()
    except RuntimeError:
        raise RatevalError(f"{use.file}: the home folder isn't known; write it out") from None
    file = read_file(folder / given)
    module = load_module(file)
    if use.function not in vars(module):
        raise RatevalError(f"{file} has no {use.function}; {_name_functions(module, use.function)}")
    params = read_factory(getattr(module, use.function), f"{file}: {use.function}").params
    digest = f"{use.function}_digest"
    component = _Function(
        name=use.function,
        summary=_summarise(getattr(module, use.function)),
        factory=f"{file.module}:{use.function}",
        params="",
        digest=f"{file.module}:{digest}" if callable(vars(module).get(digest)) else "",
        seeded="seed" in params.model_fields,
        needs=_read_needs(vars(module).get(f"{use.function}_needs", ""), file, use.function),
        tasks=_read_tasks(vars(module).get(f"{use.function}_tasks", _TASKS), file, use.function),
        protocol=_read_protocol(
            vars(module).get(f"{use.function}_protocol", ""), file, use.function
        ),
    )
    return Registered(kind, component, file)


def _read_needs(needs: object, file: PythonFile, function: str) -> str:
    if needs not in NEEDS:
        allowed = " or ".join(f'"{need}"' for need in NEEDS[1:])
        raise RatevalError(f"{file}: {function}_needs is {needs!r:.80}; it may be {allowed}")
    return str(needs)


def _read_tasks(tasks: object, file: PythonFile, function: str) -> tuple[str, ...]:
    if not isinstance(tasks, tuple) or not tasks or not all(isinstance(t, str) for t in tasks):
        raise RatevalError(
            f"{file}: {function}_tasks is {tasks!r:.80}; it must be a tuple of names of tasks, "
            'such as ("vqa",)'
        )
    return tasks


def _read_protocol(protocol: object, file: PythonFile, function: str) -> str:
    if not isinstance(protocol, str) or (protocol and not _REFERENCE.fullmatch(protocol)):
        raise RatevalError(
            f"{file}: {function}_protocol is {protocol!r:.80}; it must name a protocol, such as "
            '"rateval.api.tasks.texts:TextModel"'
        )
    return protocol


def is_from_file(found: Registered) -> bool:
    """Return whether a component is a function in a file, rather than a plugin's."""
    return isinstance(found.plugin, PythonFile)


def read_factory(function: Any, name: str) -> Factory:
    """Return a function as a factory, by its signature.

    Raises RatevalError, which begins with ``name``, when it can't be one.
    """
    if not callable(function):
        raise RatevalError(f"{name} is {function!r:.80}, which cannot be called; name a function")
    try:
        taken = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise RatevalError(
            f"{name} doesn't say which arguments it takes; name a function"
        ) from None
    needed = [p for p in taken if p.default is p.empty and p.kind in _POSITIONAL]
    named = [p for p in taken if p.default is p.empty and p.kind is p.KEYWORD_ONLY]
    if len(needed) > 2 or named:
        asked = ", ".join(p.name for p in (*needed, *named))
        raise RatevalError(
            f"{name} needs {asked}; it is called with params and context, in that order, and may "
            "take fewer"
        )
    positional = [p for p in taken if p.kind in _POSITIONAL]
    several = any(p.kind is p.VAR_POSITIONAL for p in taken)
    params = _read_params(function, positional[0], name) if positional else Params
    return Factory(function, 2 if several else min(2, len(positional)), params)


def _read_params(function: Any, first: inspect.Parameter, name: str) -> type[Params]:
    annotation: Any = first.annotation
    if annotation is first.empty:
        return Params
    if isinstance(annotation, str):  # from __future__ import annotations
        module = sys.modules.get(getattr(function, "__module__", ""))
        names = getattr(inspect.unwrap(function), "__globals__", vars(module) if module else {})
        try:
            annotation = eval(annotation, dict(names))  # noqa: S307 - a part of the file that ran
        except Exception as error:
            raise RatevalError(
                f"{name}: its first argument, {first.name}, is annotated by {annotation}, which "
                f"cannot be found: {type(error).__name__}: {error}"
            ) from None
    if isinstance(annotation, type) and issubclass(annotation, Params):
        return annotation
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    raise RatevalError(
        f"{name}: its first argument, {first.name}, is annotated by {shown}; the first one holds "
        "the params: annotate it by a subclass of rateval.api.Params, or by nothing for no params"
    )


def _name_functions(module: Any, name: str) -> str:
    names = [
        called
        for called, value in vars(module).items()
        if callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and not called.startswith("_")
        and not (isinstance(value, type) and issubclass(value, Params))
    ]
    return meant(name, names) or (f"it has {list_some(names)}" if names else "it has no function")


def _summarise(function: Any) -> str:
    text = (inspect.getdoc(function) or "").strip().partition("\n")[0].rstrip(".")
    return text or "a function in a file"
