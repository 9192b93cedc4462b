"""A dataset of people's own photos, made from rows whatever their files look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rateval.modelkit import list_some
from rateval_datasets.asking import IMAGE, sort_classes
from rateval_datasets.layout import printable
from rateval_datasets.own.classes import name_classes, order_classes
from rateval_datasets.own.only_split import without_only_split
from rateval_datasets.own.params import PhotoParams
from rateval_datasets.own.photo import Opening
from rateval_datasets.own.problems import problem
from rateval_datasets.own.rows import Photo, PhotoSplit
from rateval_datasets.own.splitting import divide

_LONGEST_NAME = 64
"""Characters that a group's name may have in a study."""


@dataclass
class PhotoDataset:
    """Classes and splits of photos."""

    classes: tuple[str, ...]
    labels: tuple[str, ...]
    """What the files call the classes."""
    test: PhotoSplit
    train: PhotoSplit | None
    unused: Mapping[str, int] = field(default_factory=dict)
    """Name of a split that is neither tested nor trained on to its number of photos."""
    notes: tuple[str, ...] = ()
    """What a person should look at, such as masks that belong to no photo."""

    @cached_property
    def has_masks(self) -> bool:
        """Whether there is evidence for any test photo."""
        return any(photo.evidence is not None for photo in self.test.photos)


def make_dataset(
    component: str,
    photos: Sequence[Photo],
    params: PhotoParams,
    notes: Sequence[str] = (),
    *,
    asks: bool = False,
) -> PhotoDataset:
    """Make the dataset of photos, which a reader lists; ``asks`` where each is a question.

    Raises RatevalError when ids occur twice, labels contradict the params, or there is no photo to
    test on.
    """
    _require_ids(component, photos)
    labels, names = _find_classes(component, photos, params, asks=asks)
    given, seed = without_only_split(photos, params), params.split_seed
    by = _choose_group(params) if asks else params.group_by
    divided = divide(given, params.split, component=component, group_by=by, seed=seed)
    sizes = Counter(photo.split for photo in divided)
    test, train = _choose(component, sizes, params)
    columns = _list_columns(component, photos)
    index = {label: at for at, label in enumerate(labels)}
    opening = Opening(params.exif, params.background, params.decode)

    def split(name: str | None) -> PhotoSplit:
        chosen = [photo for photo in divided if photo.split == name]
        # Who has no label is skipped, whatever stands here.
        at = [0 if photo.label is None else index[photo.label] for photo in chosen]
        return PhotoSplit(f"{component} split={name}", chosen, at, opening, columns)

    rest = {str(name or "in no split"): sizes[name] for name in sizes if name not in (test, train)}
    return PhotoDataset(
        classes=names,
        labels=labels,
        test=split(test),
        train=None if train is None else split(train),
        unused=rest,
        notes=tuple(notes),
    )


def _find_classes(
    component: str, photos: Sequence[Photo], params: PhotoParams, *, asks: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the files call the classes, and what prompts do; answers stay as they are."""
    found = {photo.label for photo in photos if photo.label is not None}
    if not found:
        what = "no question can be asked" if asks else "no photo has a label"
        raise problem(component, f"{what}: {photos[0].fault}")
    if asks and params.classes is None:
        labels = sort_classes(found)
    else:
        labels = order_classes(component, found, params.classes)
    return labels, labels if asks else name_classes(component, labels, params.class_names)


def _choose_group(params: PhotoParams) -> str | None:
    """Return what must stay on one side: of drawn shares all questions about one image."""
    drawn = any(isinstance(share, float | int) for share in (params.split or {}).values())
    return IMAGE if params.group_by is None and drawn else params.group_by


def _require_ids(component: str, photos: Sequence[Photo]) -> None:
    if not photos:
        raise problem(component, "holds no photo")
    counts = Counter(photo.id for photo in photos)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise problem(
            component, f"{len(twice)} ids occur twice: {list_some(twice)}; each photo needs its own"
        )


def _list_columns(component: str, photos: Sequence[Photo]) -> list[str]:
    """Return the names of all groups. Raises RatevalError for one that reports can't print."""
    columns = list(dict.fromkeys(name for photo in photos for name in photo.groups))
    odd = [name for name in columns if not 1 <= len(name.strip()) <= len(name) <= _LONGEST_NAME]
    odd += [name for name in columns if len(name.splitlines()) > 1 or printable(name) != name]
    if odd:
        raise problem(
            component,
            f"the group {list_some(f'{name!r:.80}' for name in odd)} needs another name: one line "
            f"of 1 to {_LONGEST_NAME} characters",
        )
    return columns


def _choose(
    component: str, sizes: Counter[str | None], params: PhotoParams
) -> tuple[str | None, str | None]:
    """Return the names of the splits to test on and, or None, to train on."""
    named = [name for name in sizes if name is not None]
    for key, name in (("test_split", params.test_split), ("train_split", params.train_split)):
        if name is not None and name not in named:
            there = f"there are {list_some(sorted(named))}" if named else "the photos have none"
            raise problem(component, f'{key} = "{name}": no such split; {there}')
    if not named:
        return None, None
    usual = [name for name in ("test", "val") if name in named]
    test = params.test_split or next(iter(usual), None)
    if test is None:
        raise problem(
            component,
            f"there is no split to test on, only {list_some(sorted(named))}; name one by test_split"
            ", or divide the photos by split",
        )
    train = params.train_split or ("train" if "train" in named and test != "train" else None)
    if train == test:
        raise problem(
            component,
            f'train_split = "{train}" is tested, too; test on photos that nobody trains on',
        )
    return test, train
