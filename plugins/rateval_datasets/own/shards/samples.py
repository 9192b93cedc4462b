"""Members of shards that belong together as photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.modelkit import list_some
from rateval_datasets.own.evidence import MaskImage
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo
from rateval_datasets.own.shards.index import Found, ending_of, fields_of, key_of, list_members
from rateval_datasets.own.shards.params import WebDatasetParams
from rateval_datasets.own.shards.shard import NAME, Member, Shard
from rateval_datasets.own.tables.cells import is_scalar, text_of, word_of

_SHOWN = 3
"""Members at fault that a message names."""
_MASKS = ("mask.png", "seg.png")
_JSON = "json."
"""Beginning of the name of a field."""


@dataclass(frozen=True, slots=True)
class Members:
    """The members of one key, by their endings."""

    shard: Shard
    key: str
    members: Mapping[str, tuple[str, Found]]
    """Ending to name and place."""
    fields: Mapping[str, Any]
    """Of the member json."""

    def text(self, column: str) -> str | None:
        """Return a label or sentence: a field, or what the member of that ending holds."""
        if column.startswith(_JSON):
            return word_of(self.fields.get(column.removeprefix(_JSON)))
        _, found = self.members.get(column.lower(), ("", Found(0, 0)))
        return word_of(found.text)

    def member(self, ending: str) -> Member | None:
        """Return the member of an ending."""
        if ending not in self.members:
            return None
        name, found = self.members[ending]
        return Member(self.shard, name, found.offset, found.size)


def list_photos(
    shards: Sequence[tuple[str | None, Shard]], params: WebDatasetParams
) -> list[Photo]:
    """Return the photos of shards, each in the split that its shard is named for.

    Raises RatevalError where a shard is no archive, and where members or their texts are at fault.
    """
    faults: list[str] = []
    first: dict[str, str] = {}
    photos: list[Photo] = []
    for split, shard in shards:
        before = len(photos)
        for sample in _samples(shard, params, faults):
            where = f"{shard.name}: {sample.key}"
            if first.setdefault(sample.key, where) is not where:
                faults.append(f"{where}: the key is that of {first[sample.key]}, too")
            photos.append(_photo(sample, split, params, faults))
        if len(photos) == before:
            faults.append(f"{shard.name}: holds no member with a key and an ending, such as 17.jpg")
    if not faults and not any(isinstance(one.source, Member) for one in photos):
        faults.append(_without_images(shards, params))
    if faults:
        rest = len(faults) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        raise problem(NAME, f"shards: {'; '.join(faults[:_SHOWN])}{more}")
    return photos


def _without_images(shards: Sequence[tuple[str | None, Shard]], params: WebDatasetParams) -> str:
    members = list_members(shards[0][1], frozenset())
    endings = sorted({f".{ending_of(name)}" for name, _ in members if ending_of(name)})
    return (
        f"no key has an image, which ends in .{', .'.join(params.image)}; {shards[0][1].name} has "
        f"{list_some(endings)}: name the one of images by image"
    )


def _samples(shard: Shard, params: WebDatasetParams, faults: list[str]) -> Iterator[Members]:
    """Yield what follows one another with the same key, as webdataset groups it."""
    columns = (params.label, params.caption)
    texts = frozenset(one.lower() for one in columns if one and not one.startswith(_JSON))
    key: str | None = None
    group: dict[str, tuple[str, Found]] = {}
    for name, found in list_members(shard, texts):
        name, last = name.removeprefix("./"), name.rpartition("/")[2]
        ending, own = ending_of(name), key_of(name)
        if not ending or last.startswith("."):
            continue
        if own != key and group:
            yield _sample(shard, str(key), group, faults)
            group = {}
        if ending in group:
            faults.append(f"{shard.name}: {name}: the key has two members of that ending")
        key, group[ending] = own, (name, found)
    if group:
        yield _sample(shard, str(key), group, faults)


def _sample(
    shard: Shard, key: str, members: Mapping[str, tuple[str, Found]], faults: list[str]
) -> Members:
    fields: Mapping[str, Any] = {}
    name, found = members.get("json", ("", None))
    if found is not None:
        try:
            if found.text is None:
                raise ValueError("is no UTF-8 text of at most 1 MiB")
            fields = fields_of(found.text)
        except ValueError as error:
            faults.append(f"{shard.name}: {name}: {error}")
    return Members(shard, key, members, fields)


def _photo(
    sample: Members, split: str | None, params: WebDatasetParams, faults: list[str]
) -> Photo:
    image = next(filter(None, (sample.member(one.lower()) for one in params.image)), None)
    label = caption = mask = None
    try:
        label = sample.text(params.label)
        caption = sample.text(params.caption or "txt") if params.caption is not False else None
        mask = _mask(sample, params)
    except ValueError as error:
        faults.append(f"{sample.shard.name}: {sample.key}: {error}")
    missing = "image" if image is None else "label" if label is None else None
    return Photo(
        sample.key,
        image or Path(),
        label,
        mask,
        split,
        _groups(sample, params),
        caption,
        missing and f"no {missing}",
    )


def _mask(sample: Members, params: WebDatasetParams) -> MaskImage | None:
    if params.mask is False:
        return None
    endings = _MASKS if params.mask is None else (params.mask.lower(),)
    if params.mask is not None and params.mask.startswith(_JSON):
        named = word_of(sample.fields.get(params.mask.removeprefix(_JSON)))
        if named is None:
            return None
        by_name = {name: ending for ending, (name, _) in sample.members.items()}
        ending = by_name.get(named, named.lower())
        if ending not in sample.members:
            raise ValueError(f'{params.mask} = "{named:.100}": the key has no such member')
        endings = (ending,)
    found = next(filter(None, map(sample.member, endings)), None)
    if found is None:
        return None
    return MaskImage(found, params.mask_values, f"{found.name} {found.size}")


def _groups(sample: Members, params: WebDatasetParams) -> dict[str, str | None]:
    taken = {params.label, params.mask, params.caption}
    return {
        name: text_of(value)
        for name, value in sample.fields.items()
        if f"{_JSON}{name}" not in taken and is_scalar(value)
    }
