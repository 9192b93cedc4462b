"""Params of the reader of shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rateval_datasets.own.params import LOSSY, Column, MaskValues, PhotoParams
from rateval_datasets.own.shards.patterns import expand

_UNSAFE = frozenset({"pyd", "pickle", "pkl", "pth", "pt", "npy", "npz"})
"""Endings of members that hold objects of Python, or may."""
_PACKED = (".gz", ".tgz", ".bz2", ".xz", ".zst")


def _check_pattern(value: str) -> str:
    names = expand(value)
    if packed := next((name for name in names if name.lower().endswith(_PACKED)), None):
        raise ValueError(f'"{packed}" is compressed, and can\'t be read at random; unpack it first')
    if "::" in value or value.startswith("pipe:"):
        raise ValueError("must be one pattern of paths, or a list of them")
    return value


def _check_ending(value: str) -> str:
    ending = value.lower().removeprefix(".")
    if ending.rpartition(".")[2] in _UNSAFE:
        raise ValueError(f'".{ending}" may hold an object of Python, which is never loaded')
    return value.removeprefix(".")


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_check_pattern)]
Patterns = Pattern | Annotated[tuple[Pattern, ...], Field(min_length=1)]
Ending = Annotated[Column, AfterValidator(_check_ending)]


class WebDatasetParams(PhotoParams):
    """Photos in shards, tar archives as the library ``webdataset`` writes them."""

    fetched_by_reader: ClassVar[frozenset[str]] = frozenset({"shards"})

    shards: Patterns | Annotated[dict[str, Patterns], Field(min_length=1)]
    """The archives: paths or URLs such as "photos-{000000..000012}.tar", one or a list of them, or
    those of each split, such as { train = "train-{00..19}.tar", test = "test-{00..01}.tar" }."""
    image: tuple[Ending, ...] = Field(default=("jpg", "jpeg", "png", "webp"), min_length=1)
    """Endings of photos: what follows the first dot of a member's name. The first one that a
    sample has counts."""
    label: Ending = "cls"
    """Ending of the member that holds the label, a name or a number, or of a field of the member
    json as "json.species". Where classes are listed a number is a place in that list, from 0."""
    mask: Ending | Literal[False] | None = None
    """Ending of masks, images of their photo's size, or a field "json.mask" that holds the name of
    such a member or its ending. None takes "mask.png" or "seg.png" where there is one; false takes
    none."""
    mask_values: MaskValues | None = None
    """Values of a mask's pixels that are evidence. None counts every pixel above 0."""
    caption: Ending | Literal[False] | None = None
    """Ending of sentences about the photos, or a field "json.text". None takes "txt" where there is
    one; false takes none."""

    def on_disk(self) -> Mapping[tuple[str | int, ...], Path]:
        """Return what must be there: every shard that a pattern names, too."""
        shards = {at: Path(name).expanduser() for at, name in _members(self.shards)}
        return {**super().on_disk(), **shards}

    def named_shards(self) -> dict[str | None, list[str]]:
        """Return the shards by their split, which is None where no split is named."""
        given: Mapping[Any, Any] = (
            self.shards if isinstance(self.shards, dict) else {None: self.shards}
        )
        return {
            split: [name for one in _listed(patterns) for name in expand(one)]
            for split, patterns in given.items()
        }

    @model_validator(mode="after")
    def _check_members(self) -> Self:
        names = [name for listed in self.named_shards().values() for name in listed]
        if len(set(names)) < len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise ValueError(f"shards: {twice} is named twice; name each shard once")
        if isinstance(self.mask, str) and f".{self.mask}".lower().endswith(LOSSY):
            raise ValueError("mask: JPEG doesn't keep the numbers that were stored; save PNG")
        if self.mask_values is not None and self.mask is False:
            raise ValueError("mask_values needs mask")
        return self


def _listed(patterns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns


def _members(
    shards: str | tuple[str, ...] | Mapping[str, str | tuple[str, ...]],
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each shard with its place: below that of its pattern, numbered."""
    if isinstance(shards, Mapping):
        for split, patterns in shards.items():
            for at, name in _members(patterns):
                yield ("shards", split, *at[1:]), name
    elif isinstance(shards, str):
        yield from ((("shards", at), name) for at, name in enumerate(expand(shards)))
    else:
        for place, pattern in enumerate(shards):
            for number, name in enumerate(expand(pattern)):
                yield ("shards", place, number), name
