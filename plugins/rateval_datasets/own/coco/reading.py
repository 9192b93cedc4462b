"""A COCO file of instances: its images, each with its objects, found in one pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import list_some
from rateval_datasets.layout import printable
from rateval_datasets.own.coco.objects import Area
from rateval_datasets.own.problems import problem, read_text

_LARGEST_FILE = 1 << 31
"""Bytes that a file may have; that of COCO's training images has 450 MB."""


@dataclass(slots=True)
class CocoImage:
    """One image of the file."""

    file_name: str
    """With forward slashes."""
    size: tuple[int, int] | None
    """Rows and columns; None where the file doesn't say both."""
    attributes: Mapping[str, Any]
    id: int | str = ""
    areas: list[Area] = field(default_factory=list)


@dataclass(slots=True)
class Instances:
    """What a file holds."""

    path: Path
    images: list[CocoImage]
    categories: tuple[str, ...]
    """Names, in the order of the file."""
    named: Mapping[int | str, str] = field(default_factory=dict)
    """Id of a category to its name."""
    notes: list[str] = field(default_factory=list)


def read_instances(component: str, key: str, path: Path) -> Instances:
    """Read the file that the param ``key`` names. Raises RatevalError when it is none of COCO's."""
    content = read_object(component, key, path, "COCO file")
    return _Reader(component, f"{key} = {path}").read(path, content)


def read_object(component: str, key: str, path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object of a file, which is to be ``what``. Raises RatevalError otherwise."""
    where = f"{key} = {path}"
    if not path.exists():
        raise problem(component, f"{where}: no such file")
    if path.is_dir():
        raise problem(component, f"{where}: is a folder; give the JSON file")
    text = read_text(component, key, path, _LARGEST_FILE)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise problem(component, f"{where}: is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise problem(component, f"{where}: is no JSON object, and so no {what}")
    return content


class _Reader:
    """Reads a file's lists; what is wrong is told with its place in them."""

    def __init__(self, component: str, where: str) -> None:
        self._component, self._where = component, where

    def read(self, path: Path, content: Mapping[str, Any]) -> Instances:
        categories = self._categories(content)
        images = self._images(content)
        unknown: Counter[Any] = Counter()
        for place, one in self._list(content, "annotations"):
            number = self._id(place, one, "image_id")
            category = self._id(place, one, "category_id")
            if category not in categories:
                raise self._wrong(
                    place, f"category_id = {category!r:.40}: no such category; add it to categories"
                )
            if number not in images:
                unknown[number] += 1
                continue
            images[number].areas.append(self._area(place, one, categories[category]))
        notes = (
            [
                f"{sum(unknown.values())} annotations of {path.name} are of images that it doesn't "
                f"list: {list_some(map(str, unknown))}"
            ]
            if unknown
            else []
        )
        named = tuple(categories.values())
        return Instances(path, list(images.values()), named, categories, notes)

    def _wrong(self, place: str, what: str) -> RatevalError:
        return problem(self._component, f"{self._where}: {place}: {what}")

    def _list(self, content: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the place and the content of each entry of a list."""
        entries = content.get(name)
        if not isinstance(entries, list):
            raise problem(
                self._component,
                f'{self._where}: has no list "{name}"; a COCO file of instances has images, '
                "annotations and categories",
            )
        for at, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise self._wrong(f"{name}[{at}]", "is no JSON object")
            yield f"{name}[{at}]", entry

    def _id(self, place: str, entry: Mapping[str, Any], key: str) -> int | str:
        found = entry.get(key)
        if isinstance(found, bool) or not isinstance(found, int | str):
            raise self._wrong(place, f"{key} = {found!r:.40}: must be a whole number or text")
        return found

    def _text(self, place: str, entry: Mapping[str, Any], key: str) -> str:
        found = entry.get(key)
        if not isinstance(found, str) or not found.strip():
            raise self._wrong(place, f"{key} = {found!r:.40}: must be text")
        return printable(found.strip())

    def _categories(self, content: Mapping[str, Any]) -> dict[int | str, str]:
        found: dict[int | str, str] = {}
        for place, one in self._list(content, "categories"):
            number, name = self._id(place, one, "id"), self._text(place, one, "name")
            if number in found:
                raise self._wrong(place, f"the id {number} stands there twice")
            if name in found.values():
                raise self._wrong(place, f"the name {name} stands there twice; make them differ")
            found[number] = name
        return found

    def _images(self, content: Mapping[str, Any]) -> dict[int | str, CocoImage]:
        found: dict[int | str, CocoImage] = {}
        for place, one in self._list(content, "images"):
            number, name = self._id(place, one, "id"), self._text(place, one, "file_name")
            if number in found:
                raise self._wrong(place, f"the id {number} stands there twice")
            rows, columns = (self._side(place, one, key) for key in ("height", "width"))
            size = (rows, columns) if rows and columns else None
            attributes = self._attributes(place, one)
            found[number] = CocoImage(name.replace("\\", "/"), size, attributes, number)
        if not found:
            raise problem(self._component, f"{self._where}: lists no image")
        names = Counter(image.file_name for image in found.values())
        twice = [name for name, times in names.items() if times > 1]
        if twice:
            raise problem(self._component, f"{self._where}: lists {list_some(twice)} twice")
        return found

    def _side(self, place: str, entry: Mapping[str, Any], key: str) -> int:
        """Return a side in pixels, 0 where the file doesn't say it."""
        found = entry.get(key)
        if found is None:
            return 0
        if isinstance(found, bool) or not isinstance(found, int | float) or found != found // 1:
            raise self._wrong(place, f"{key} = {found!r:.40}: must be a whole number")
        if found < 0:
            raise self._wrong(place, f"{key} = {found!r:.40}: must not be below 0")
        return int(found)

    def _attributes(self, place: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        found = entry.get("attributes")
        if found is not None and not isinstance(found, dict):
            raise self._wrong(place, "attributes must be a JSON object")
        return found or {}

    def _area(self, place: str, entry: Mapping[str, Any], category: str) -> Area:
        crowd = entry.get("iscrowd", 0)
        if crowd not in (0, 1, None):
            raise self._wrong(place, f"iscrowd = {crowd!r:.40}: must be 0 or 1")
        return Area(
            place,
            category,
            entry.get("segmentation"),
            entry.get("bbox"),
            bool(crowd),
            self._attributes(place, entry),
            entry.get("id"),
        )
