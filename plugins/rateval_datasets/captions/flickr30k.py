"""Flickr30k Entities: captions whose phrases are tied to boxes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rateval.api import Context, RatevalError
from rateval.modelkit import list_some
from rateval_datasets.captions.chains import Boxes, Chains, read_chains
from rateval_datasets.captions.params import Flickr30kEntitiesParams
from rateval_datasets.captions.phrases import Phrase, parse_caption, singular
from rateval_datasets.captions.split import (
    CaptionDataset,
    Captioned,
    CaptionSplit,
    Seen,
    make_captioned,
    note_photos,
)
from rateval_datasets.layout import Layout, printable
from rateval_datasets.public.place import saying_where
from rateval_datasets.split import FAULTS, skip

LAYOUT = Layout(
    dataset="flickr30k-entities",
    tree="Annotations/*.xml, Sentences/*.txt, test.txt and flickr30k-images/*.jpg",
    source="github.com/BryanPlummer/flickr30k_entities, and the photos from "
    "shannon.cs.illinois.edu/DenotationGraph",
)
_ID = re.compile(r"[\w-]{1,100}")
"""What a photo's id is made of: it names files."""
_PHOTOS = ("flickr30k-images", "flickr30k_images", "images")


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of a photo: its captions, their phrases, and where their chains are."""

    name: str
    captions: tuple[str, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    chains: Chains | None = None
    fault: str | None = None
    """Why it is left out."""

    @property
    def nouns(self) -> list[tuple[str, str]]:
        """Noun and chain of each phrase that has a noun."""
        return [(one.noun, one.chain) for one in self.phrases if one.noun is not None]


def make_flickr30k_entities(params: Flickr30kEntitiesParams, context: Context) -> CaptionDataset:
    """Make the dataset. Raises RatevalError when a file is missing, or isn't as it should be."""
    root, images = params.root, params.images
    with saying_where(LAYOUT, root, _is_whole):
        LAYOUT.folder(root)
        LAYOUT.folder(root / "Annotations")
        LAYOUT.folder(root / "Sentences")
        LAYOUT.file(_list(root, params.part))
    photos = LAYOUT.folder(*([images] if images else [root / name for name in _PHOTOS]))
    tested = _read(root, params.part)
    classes, wordings = _find_classes(tested, params.least)
    if not classes:
        raise LAYOUT.error(
            f"least = {params.least}: no noun is what so many phrases of {params.part}.txt are "
            "about; lower it"
        )

    def split(part: str, told: Sequence[_Told]) -> CaptionSplit:
        made = [_caption(one, wordings) for one in told]
        return CaptionSplit(f"flickr30k-entities split={part}", photos, made, classes)

    def list_train() -> CaptionSplit | None:
        if not params.train or not _list(root, "train").is_file():
            return None
        return split("train", _read(root, "train"))

    test = split(params.part, tested)
    return CaptionDataset(classes, wordings, test, list_train, _note(tested, test.photos))


def _is_whole(root: Path) -> bool:
    return (root / "Annotations").is_dir() and (root / "Sentences").is_dir()


def _list(root: Path, part: str) -> Path:
    return root / f"{part}.txt"


def _read(root: Path, part: str) -> list[_Told]:
    path = _list(root, part)
    lines = LAYOUT.lines(path)
    if not lines:
        raise LAYOUT.error(f"{path}: lists no photo")
    seen: set[str] = set()
    for line in lines:
        if _ID.fullmatch(line.text) is None:
            raise LAYOUT.wrong(path, line.number, f"{line.text:.40} is no id of a photo")
        if line.text in seen:
            raise LAYOUT.wrong(path, line.number, f"{line.text:.40} stands there twice")
        seen.add(line.text)
    return [_tell(root, line.text) for line in lines]


def _tell(root: Path, name: str) -> _Told:
    """Read what is said of one photo; what is at fault is told when its sample is asked for."""
    path = root / "Sentences" / f"{name}.txt"
    if not path.is_file():
        return _Told(name, fault=f"no captions: {path.name} is not in Sentences")
    try:
        parsed = [parse_caption(line.text) for line in LAYOUT.lines(path)]
    except RatevalError as error:
        return _Told(name, fault=f"unreadable captions: {error.args[0]}")
    except ValueError as error:
        return _Told(name, fault=f"unreadable captions: {error}")
    captions = tuple(caption for caption, _ in parsed)
    told = _Told(name, captions, tuple(one for _, phrases in parsed for one in phrases))
    annotation = root / "Annotations" / f"{name}.xml"
    if not annotation.is_file():
        return told
    try:
        return replace(told, chains=read_chains(annotation))
    except FAULTS as error:
        return replace(told, fault=skip(name, "evidence", error).reason)


def _find_classes(
    told: Sequence[_Told], least: int
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the nouns, in the singular, that enough phrases are about, and their forms."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        for noun, _ in one.nouns if one.fault is None else ():
            forms[singular(noun)][noun] += 1
    classes = tuple(sorted(name for name, seen in forms.items() if seen.total() >= least))
    wordings = tuple((name, *sorted({*forms[name]} - {name})) for name in classes)
    return classes, wordings


def _caption(told: _Told, wordings: Sequence[Sequence[str]]) -> Captioned:
    """Return a photo with each class that a phrase is about, where its chains are."""
    path = f"{told.name}.jpg"
    if told.fault is not None:
        damaged = make_captioned(told.name, path, told.captions, [], printable(told.fault))
        return replace(damaged, damaged=True)
    labels = {form: label for label, forms in enumerate(wordings) for form in forms}
    chains: Mapping[int, dict[str, None]] = defaultdict(dict)
    for noun, chain in told.nouns:
        if noun in labels:
            chains[labels[noun]][chain] = None
    seen = [Seen(label, _region(told.chains, of)) for label, of in chains.items()]
    return make_captioned(told.name, path, told.captions, seen)


def _region(found: Chains | None, chains: Mapping[str, None]) -> Boxes | None:
    if found is None:
        return None
    boxes = tuple(box for chain in chains for box in found.boxes.get(chain, ()))
    return Boxes(found.size, boxes) if boxes else None


def _note(told: Sequence[_Told], photos: Sequence[Captioned]) -> tuple[str, ...]:
    """Return what a person should look at: photos without boxes, and without a class."""
    sound = [one for one in told if one.fault is None]
    bare = [one.name for one in sound if one.chains is None]
    notes = [f"{len(bare):,} of {len(told):,} test photos have no XML of boxes: {list_some(bare)}"]
    return (*(notes if bare else ()), *note_photos(photos))
