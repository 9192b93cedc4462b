"""How a check reports which promise is broken."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import torch
from typing_extensions import get_protocol_members

from rateval.errors import name_error


class ConformanceError(AssertionError):
    """A promise that a plugin's object breaks: what the protocol asks, and what was got."""

    def __init__(self, where: str, asked: str = "", got: object = "") -> None:
        super().__init__(f"{where} must {asked}; got {got}" if asked else where)
        self.where, self.asked, self.got = where, asked, str(got)


class _PartOverError(Exception):
    """A promise is broken once more, which was gathered before."""


class Gathered:
    """Broken promises in the order in which they were found."""

    def __init__(self, own: str = "") -> None:
        """``own`` is the folder or file of the plugin, by which its code is told from others'."""
        self.own = own
        self.errors: list[ConformanceError] = []
        self.missing: set[str] = set()
        """Members that an object lacks: what breaks for want of them is no other promise."""
        self._lines: set[str] = set()

    def note(self, error: ConformanceError, line: str) -> bool:
        """Keep a broken promise; return False where one from that line is there already."""
        if line in self._lines:
            return False
        self._lines.add(line)
        self.errors.append(error)
        return True


_GATHERED: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


@contextmanager
def gathering(own: str = "") -> Iterator[Gathered]:
    """Let suites go on behind broken promises within the context, and gather those.

    ``own`` is the folder or file of the plugin.
    """
    gathered = Gathered(own)
    token = _GATHERED.set(gathered)
    try:
        yield gathered
    finally:
        _GATHERED.reset(token)


@contextmanager
def part(where: str) -> Iterator[None]:
    """Let a part of a suite end by itself where promises are gathered; else it changes nothing.

    What a part raises counts as a broken promise of ``where``, unless it follows from one that was
    found before.
    """
    gathered = _GATHERED.get()
    if gathered is None:
        yield
        return
    before = len(gathered.errors)
    try:
        yield
    except _PartOverError:
        pass
    except ConformanceError as error:
        gathered.note(error, str(error))
    except Exception as error:
        lacking = isinstance(error, AttributeError) and error.name in gathered.missing
        if not lacking and (len(gathered.errors) == before or _own_frames(error, gathered.own)):
            said = f"{name_error(error)} ({_place(error, gathered.own)})"
            gathered.note(ConformanceError(where, "not raise", said), f"{where}: {said}")


def _own_frames(error: Exception, own: str) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if own and frame.filename.startswith(own)]


def _place(error: Exception, own: str) -> str:
    frames = _own_frames(error, own) or traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def require(holds: bool | torch.Tensor, where: str, asked: str, got: object) -> None:
    """Raise ConformanceError as ``{where} must {asked}; got {got}`` unless it ``holds``.

    Where broken promises are gathered, the first from a line of a suite is noted, and the suite
    goes on; a second one from it ends the part that it is in.

    >>> require(False, "Metric.label", "be a string", 3)
    Traceback (most recent call last):
    rateval.testing.failure.ConformanceError: Metric.label must be a string; got 3
    """
    if bool(holds):
        return
    error = ConformanceError(where, asked, got)
    gathered = _GATHERED.get()
    if gathered is None:
        raise error
    if not gathered.note(error, _calling_line()):
        raise _PartOverError


def _calling_line() -> str:
    """Return the line of a suite that asks, past the functions of this module."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def require_members(thing: object, protocol: type) -> None:
    """Raise ConformanceError unless ``thing`` has every public member that ``protocol`` names."""
    names = {name for name in get_protocol_members(protocol) if not name.startswith("_")}
    missing = sorted(name for name in names if not hasattr(thing, name))
    gathered = _GATHERED.get()
    if gathered is not None:
        gathered.missing.update(missing)
    require(
        not missing,
        f"{protocol.__name__}: {type(thing).__name__}",
        f"offer {', '.join(sorted(names))}",
        f"no {', '.join(missing)}",
    )


def require_tensor(
    tensor: object, shape: tuple[int | None, ...], dtype: torch.dtype, where: str, meaning: str
) -> None:
    """Raise ConformanceError unless ``tensor`` has this dtype and shape; None is any length.

    ``meaning`` names the axes, such as ``(B, rows, cols)``.
    """
    fits = (
        isinstance(tensor, torch.Tensor)
        and tensor.dtype == dtype
        and tensor.ndim == len(shape)
        and all(want in (None, size) for want, size in zip(shape, tensor.shape, strict=True))
    )
    wanted = ", ".join("any" if length is None else str(length) for length in shape)
    name = str(dtype).removeprefix("torch.")
    asked = f"be {meaning} {name}, here ({wanted})"
    require(fits, where, asked, describe(tensor))


def describe(value: object) -> str:
    """Return shape and dtype of a tensor, the value itself of anything else.

    >>> describe(torch.zeros(2, 3)), describe(None)
    ('(2, 3) float32', 'None')
    """
    if isinstance(value, torch.Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return repr(value)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest absolute difference, relative to the largest value of ``other``.

    >>> difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    0.5
    """
    if one.numel() == 0:
        return 0.0
    scale = other.abs().max().clamp(min=torch.finfo(other.dtype).tiny)
    return float(((one - other).abs().max() / scale).item())
