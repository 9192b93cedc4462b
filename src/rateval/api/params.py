"""The base of every component's params."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

Place = tuple[str | int, ...]
"""Where a param stands: its name, then the keys of tables and the positions in lists."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is beside a component in its study, as far as the spec tells."""

    tasks: tuple[Params, ...]
    """Those that the study's datasets pose."""
    scores: tuple[str, ...] | None
    """Names by which training can be watched; None where no samples are held out for that."""
    untrained: tuple[str, ...] = ()
    """Labels of datasets that offer no training split."""


class Params(BaseModel):
    """Params of a component: no unknown key, no change; each field has description and bounds.

    Before a study starts, what ``on_disk`` names is looked for, and ``find_unfit`` says which
    values can't do there. An attribution's params may take the place of their cell by overriding
    ``for_cell``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )

    type_groups: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Of a shift with a param ``type``: the group of each type, such as ``{"fog": "weather"}``.

    Reports tell of a group at once where its types do the same; a type in no group is told alone.
    """

    drawn_together: ClassVar[str] = "none"
    """Of a task: the group whose samples statistics take for drawn together unless a study says,
    such as ``image`` where several questions are asked about one, or ``sample`` for what is
    predicted of one."""

    parts_samples: ClassVar[bool] = False
    """Of a task: whether a sample can have several units, or none, which only what a model says
    of it tells."""

    unit: ClassVar[str] = "image"
    """Of a task: what is predicted once, as reports call it, such as ``question``."""

    by_text: ClassVar[bool] = False
    """Of a task: whether what is predicted is a text, and not one of the dataset's classes."""

    beside_boxes: ClassVar[bool] = False
    """Of a task: whether maps are also judged in boxes of their mask's size anywhere in the image,
    as grounding of answers is held against."""

    fetched_by_reader: ClassVar[frozenset[str]] = frozenset()
    """Params whose URLs the component fetches itself, by ``rateval.modelkit.RemoteFile``.

    What any other param has behind a URL is given as a path: fetched as a whole.
    """

    fetched_piecewise: ClassVar[frozenset[str]] = frozenset()
    """Params whose folders hold pictures that the component opens one by one.

    Behind a URL a picture isn't there before ``rateval.modelkit.bring`` fetches it.
    """

    @property
    def ranks(self) -> bool:
        """Of a task: whether predictions are the best of several, so that each has a rival."""
        return True

    @property
    def trains(self) -> bool | None:
        """Of a method whether it trains, of a dataset whether it can be trained on.

        None where params don't tell.
        """
        return None

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return why values can't do with what is beside them in a study, by the params' names.

        What is wrong with a value by itself is a validator's to say.
        """
        return {}

    def on_disk(self) -> Mapping[Place, Path]:
        """Return the files and folders that must be there, by the place of the param.

        These are all values of type ``Path``, in lists and tables, too. Override it to leave out
        one that is made later, or to add one that is given as text.
        """
        return dict(_find_paths((), self))

    def for_cell(self, names: Mapping[str, str]) -> Self:
        """Return the params for one cell of a study: these ones unless a subclass overrides this.

        ``names`` holds the cell's labels under ``dataset``, ``model``, ``finetune`` and ``shift``,
        and its ``seed``; empty where there is none. No two cells may then have the same params.
        """
        return self


def _find_paths(at: Place, value: object) -> Iterator[tuple[Place, Path]]:
    if isinstance(value, Path):
        yield at, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _find_paths((*at, name), getattr(value, name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _find_paths((*at, str(key)), one)
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _find_paths((*at, index), one)
