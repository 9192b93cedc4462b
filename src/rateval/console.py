"""What people are shown: text that isn't ours comes out as it is, whatever the terminal.

Everything that is printed goes through ``Console`` and ``Text``, which take the place of rich's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from rich.console import Console as RichConsole, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.text import Span, Text as RichText

from rateval.errors import OutputError
from rateval.wording import show_controls

_ASCII = {
    # A pattern of labels that is printed stays one that can be pasted: `*` fits what it stands for.
    "·": "*",
    "×": "x",
    "−": "-",
    "–": "-",
    "…": "...",
    "Δ": "d",
    "±": "+-",
    "²": "^2",
    "≤": "<=",
    "≥": ">=",
    "✓": "+",
    "✗": "x",
    "↑": "^",
    "↓": "v",
} | dict(zip("▁▂▃▄▅▆▇█", ".:-=+*#@", strict=True))
"""Rateval's own signs to what is drawn where an encoding lacks them."""


def fit(text: str, encoding: str) -> str:
    r"""Return text that an encoding can write: signs in ASCII, the rest escaped.

    >>> fit("ViT · 1e−3 é 中", "ascii"), fit("ViT · é", "latin-1")
    ('ViT * 1e-3 \\xe9 \\u4e2d', 'ViT · é')
    """
    return "".join(_fit_parts(text, encoding))


def _fit_parts(text: str, encoding: str) -> Iterable[str]:
    """Return what is written for each character of a text, or the text as one part."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return [_fit_one(character, encoding) for character in text]
    return [text]


def _fit_one(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _ASCII.get(character) or character.encode("ascii", "backslashreplace").decode()
    return character


class Text(RichText):
    """Text without markup, in which control characters are visible and nothing is lost.

    What an encoding lacks is replaced when it is laid out, so that columns stay straight.
    """

    def __init__(self, text: str = "", style: str | Style = "", **options: Any) -> None:
        super().__init__(show_controls(text), style, **options)

    def append(self, text: RichText | str, style: str | Style | None = None) -> Text:
        """Add text at the end, in a style of its own."""
        super().append(show_controls(text) if isinstance(text, str) else text, style)
        return self

    @classmethod
    def assemble(cls, *parts: RichText | str | tuple[str, str], **options: Any) -> Text:  # type: ignore[override]  # styles are names
        """Return parts as one text, each of them in a style of its own if it has one."""
        text = cls(**options)
        for part in parts:
            text.append(*part) if isinstance(part, tuple) else text.append(part)
        return text

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterable[Segment]:
        return RichText.__rich_console__(self.fitted(options.encoding), console, options)

    def __rich_measure__(self, console: RichConsole, options: ConsoleOptions) -> Measurement:
        return RichText.__rich_measure__(self.fitted(options.encoding), console, options)

    def fitted(self, encoding: str) -> Text:
        """Return the text as an encoding can write it, itself where it already is so."""
        parts = list(_fit_parts(self.plain, encoding))
        if parts == [self.plain]:
            return self
        ends = list(accumulate(map(len, parts), initial=0))
        fitted = Text(
            "".join(parts),
            self.style,
            justify=self.justify,
            overflow=self.overflow,
            no_wrap=self.no_wrap,
            end=self.end,
        )
        fitted.spans = [Span(ends[start], ends[end], style) for start, end, style in self.spans]
        return fitted


class Console(RichConsole):
    """A standard stream for a person: no markup, no highlighting, and nothing raw.

    Also what others lay out (a plugin's report) is written with control characters visible and in
    the stream's encoding. ``print`` raises OutputError when the stream cannot be written to, and
    BrokenPipeError when its reader is gone. A ``plain`` one prints ASCII without colours.
    """

    def __init__(self, *, plain: bool = False, **options: Any) -> None:
        colours = {"color_system": None} if plain else {}
        super().__init__(markup=False, emoji=False, highlight=False, **(options | colours))
        self._plain = plain

    @property
    def encoding(self) -> str:
        """The encoding of the stream that is written to, or a narrower one that is asked for."""
        if self._plain:
            return "ascii"
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def render_str(self, text: str, **options: Any) -> RichText:
        """Return a string as text, in which nothing is markup unless ``markup`` is asked for."""
        if options.get("markup"):
            return super().render_str(text, **options)
        style, justify, overflow = (options.get(key) for key in ("style", "justify", "overflow"))
        return Text(text, style or "", justify=justify, overflow=overflow)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield segments in which nothing is left that a terminal would obey or can't show."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n" or _is_plain(segment.text):
                yield segment
            else:
                yield Segment(fit(show_controls(segment.text), self.encoding), segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print to the stream."""
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except OSError as error:
            stream = "standard error" if self.stderr else "standard output"
            raise OutputError(
                f"{stream} cannot be written to: {error.strerror}; send it elsewhere"
            ) from error

    def on_broken_pipe(self) -> None:
        """Leave it to the command line what is to be done when the reader is gone."""
        error = sys.exception()
        raise error if error else BrokenPipeError


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
