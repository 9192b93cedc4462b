"""COCO's captions beside its instances: what a photo shows, and where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rateval.api import Context
from rateval.modelkit import list_some
from rateval_datasets.captions.params import CocoCaptionsParams
from rateval_datasets.captions.split import (
    CaptionDataset,
    Captioned,
    CaptionSplit,
    Seen,
    make_captioned,
    note_photos,
)
from rateval_datasets.captions.synonyms import own_wordings, read_wordings
from rateval_datasets.layout import Layout
from rateval_datasets.own.coco.objects import Area, Objects, objects_of
from rateval_datasets.own.coco.reading import CocoImage, Instances, read_instances
from rateval_datasets.own.photo import Shown
from rateval_datasets.public.place import saying_where
from rateval_datasets.questions.fields import Entry, read_items
from rateval_datasets.view import Mask

LAYOUT = Layout(
    dataset="coco-captions",
    tree="annotations/captions_val2017.json, annotations/instances_val2017.json and val2017/*.jpg "
    "(of 2014 with that year)",
    source="cocodataset.org/#download",
)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The instances of a class as a region of stored pixels, which COCO's masks are of."""

    objects: Objects

    @property
    def name(self) -> str:
        """A digest of what is drawn."""
        return self.objects.name

    def draw(self, image: Image.Image) -> Mask:
        """Draw their union."""
        return self.objects.draw(Shown(image, (image.height, image.width), 1, turned=False))


@dataclass(frozen=True, slots=True)
class _Read:
    """What the files of one part hold."""

    photos: list[Captioned]
    categories: tuple[str, ...]
    notes: tuple[str, ...]


def make_coco_captions(params: CocoCaptionsParams, context: Context) -> CaptionDataset:
    """Make the dataset. Raises RatevalError when a file is missing, or isn't as it should be."""
    root, test, train = params.root, f"val{params.year}", f"train{params.year}"
    with saying_where(LAYOUT, root, lambda folder: _captions(folder, test).is_file()):
        LAYOUT.folder(root)
        LAYOUT.file(_captions(root, test))
        LAYOUT.file(_instances(root, test))
    read = _read(root, test, crowds=params.crowds)
    classes = read.categories
    if params.synonyms is None:
        wordings = own_wordings(classes)
    else:
        wordings = read_wordings(LAYOUT.dataset, params.synonyms, classes)

    def split(part: str, photos: Sequence[Captioned]) -> CaptionSplit:
        name = f"coco-captions split={part} crowds={params.crowds}"
        return CaptionSplit(name, _photos(root, part), photos, classes)

    def list_train() -> CaptionSplit | None:
        if not params.train or not _captions(root, train).is_file():
            return None
        trained = _read(root, train, crowds=params.crowds, classes=classes)
        return split(train, trained.photos)

    notes = (*read.notes, *note_photos(read.photos))
    return CaptionDataset(classes, wordings, split(test, read.photos), list_train, notes)


def _captions(root: Path, part: str) -> Path:
    return root / "annotations" / f"captions_{part}.json"


def _instances(root: Path, part: str) -> Path:
    return root / "annotations" / f"instances_{part}.json"


def _photos(root: Path, part: str) -> Path:
    return LAYOUT.folder(root / part, root / "images" / part)


def _read(root: Path, part: str, *, crowds: bool, classes: tuple[str, ...] | None = None) -> _Read:
    """Read captions and instances of a part, whose categories must be ``classes`` if given."""
    names, captions, notes = _read_captions(_captions(root, part))
    path = LAYOUT.file(_instances(root, part))
    found = read_instances(LAYOUT.dataset, f"root = {root}: instances", path)
    if not found.categories:
        raise LAYOUT.error(f"{path}: names no category")
    if classes is not None and found.categories != classes:
        other = sorted({*found.categories} ^ {*classes}) or ["their order"]
        raise LAYOUT.error(
            f"{path}: has other categories than those that are tested: {list_some(other)}"
        )
    images = {image.file_name: image for image in found.images}
    photos = [
        _photo(number, name, captions.get(number, ()), images.get(name), found, crowds)
        for number, name in names.items()
    ]
    return _Read(photos, found.categories, (*notes, *found.notes))


def _read_captions(path: Path) -> tuple[dict[int, str], Mapping[int, list[str]], tuple[str, ...]]:
    """Return the photos' files by their numbers, the captions of each, and what is to be told."""
    names: dict[int, str] = {}
    for place, fields in read_items(LAYOUT, path, "images"):
        entry = Entry(LAYOUT, f"{path}: {place}", fields)
        number = entry.number("id")
        if number in names:
            raise LAYOUT.error(f"{path}: {place}: the image {number} stands there twice")
        names[number] = entry.file_name("file_name")
    if not names:
        raise LAYOUT.error(f"{path}: lists no image")
    twice = [name for name, times in Counter(names.values()).items() if times > 1]
    if twice:
        raise LAYOUT.error(f"{path}: lists {list_some(twice)} twice")
    captions: dict[int, list[str]] = defaultdict(list)
    for place, fields in read_items(LAYOUT, path, "annotations"):
        entry = Entry(LAYOUT, f"{path}: {place}", fields)
        captions[entry.number("image_id")].append(entry.text("caption"))
    unknown = [number for number in captions if number not in names]
    if not unknown:
        return names, captions, ()
    count = sum(len(captions[number]) for number in unknown)
    shown = list_some(map(str, unknown))
    return names, captions, (f"{count} captions are of images that {path.name} lacks: {shown}",)


def _photo(
    number: int,
    name: str,
    captions: Sequence[str],
    image: CocoImage | None,
    found: Instances,
    crowds: bool,
) -> Captioned:
    if image is None:
        fault = f"captions and instances contradict each other: {found.path.name} lacks this image"
        return make_captioned(str(number), name, captions, [], fault)
    by_class: dict[str, list[Area]] = defaultdict(list)
    for area in image.areas:
        by_class[area.category].append(area)
    seen = [
        Seen(label, _region(by_class[category], category, image, crowds))
        for label, category in enumerate(found.categories)
        if category in by_class
    ]
    return make_captioned(str(number), name, captions, seen)


def _region(areas: Sequence[Area], category: str, image: CocoImage, crowds: bool) -> _Drawn | None:
    objects, _ = objects_of(areas, category, image.size, crowds=crowds)
    return None if objects is None else _Drawn(objects)
