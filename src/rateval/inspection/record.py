"""What was found in a dataset, as ``rateval data check --json`` prints it."""

from __future__ import annotations

from rateval.records.base import Record


class Limits(Record):
    """Shares in percent above which a dataset is unfit."""

    unreadable: float = 5.0
    """Of a split's samples, those that can't be read or are left out."""
    vanished: float = 5.0
    """Of the test images with evidence, those of whose evidence a view shows nothing."""
    leaked: float = 0.0
    """Of the test images, those whose very pixels training has, too."""


class Reason(Record):
    """Samples left out for one reason, or of which one thing is noted."""

    text: str
    count: int
    ids: tuple[str, ...]
    """The first of them."""
    example: str = ""
    """What the first one's reason says besides; empty where that is all."""
    damaged: bool = False
    """Whether files are broken or missing."""


class AreaBin(Record):
    """Images whose evidence takes a share of the image above ``above``, up to ``up_to``."""

    above: float
    up_to: float
    count: int


class Cut(Record):
    """An image of whose evidence a crop cuts off a part."""

    id: str
    lost: float
    """Share of the evidence."""
    width: int
    height: int


class InView(Record):
    """What a view leaves of the evidence of one split's images."""

    view: str
    looked_at: int
    """Images with evidence."""
    vanished: int
    """Those of whose evidence the view shows nothing."""
    vanished_ids: tuple[str, ...]
    """The first of them."""
    cut: int
    """Those of whose evidence the crop cuts off a tenth or more."""
    cut_half: int
    """Those of whose evidence it cuts off half or more."""
    mean_lost: float | None
    """Mean share of the evidence that is cut off; None without images to look at."""
    worst: tuple[Cut, ...]
    """Those that lose most."""


class Evidence(Record):
    """What is known of the evidence of the images of one split."""

    unknown: int
    """Images without a mask."""
    empty: int
    """Images whose mask marks nothing."""
    some: int
    everything: int
    """Images whose mask marks every pixel."""
    unknown_ids: tuple[str, ...]
    empty_ids: tuple[str, ...]
    everything_ids: tuple[str, ...]
    areas: tuple[AreaBin, ...]
    """Of the images with a mask that marks something."""
    in_views: tuple[InView, ...]


class Size(Record):
    """An image and its size in pixels."""

    id: str
    width: int
    height: int


class Sizes(Record):
    """The extremes among the sizes of the images of one split."""

    smallest: Size
    """Fewest pixels."""
    largest: Size
    longest: Size
    """The one whose longer side is the most times its shorter one."""
    distinct: int
    """Different sizes."""


class SplitCheck(Record):
    """What was found in one split."""

    split: str
    identity: str
    samples: int
    """All of it, before a limit."""
    checked: int
    """Those that were read, or tried."""
    readable: int
    skipped: int
    skipped_for: tuple[Reason, ...]
    """Damaged ones first, then the most frequent."""
    notes: tuple[Reason, ...]
    evidence: Evidence
    sizes: Sizes | None
    """None where no image could be read."""


class Count(Record):
    """Samples of a class, or of a value of a group, in each split."""

    name: str | None
    """None is a value that is not known."""
    counts: dict[str, int]
    readable: dict[str, int]


class GroupCheck(Record):
    """A column of groups, its values by their number of samples."""

    group: str
    values: tuple[Count, ...]
    in_both: int
    """Known values that test and train have."""
    kept_together: bool
    """Whether ``group_by`` names it: then no value may be in both."""


class Alike(Record):
    """Images of the very same pixels."""

    ids: dict[str, tuple[str, ...]]
    """Split to the ids of its images."""
    classes: tuple[str, ...]
    """Of all of them: several are a contradiction."""


class Duplicates(Record):
    """Images of the very same pixels, whatever their files are."""

    test: int
    """Test images that another test image equals."""
    train: int | None
    """Likewise in training; None where there is no such split."""
    leaked: int
    """Test images that an image of training equals."""
    contradicting: int
    """Pictures that occur with several labels."""
    leaks: tuple[Alike, ...]
    """The first pictures that both splits have."""
    others: tuple[Alike, ...]
    """The first ones that are twice within a split; contradicting ones first."""


class Finding(Record):
    """One thing that a person should know."""

    code: str
    """What it is about, for programs."""
    unfit: bool
    """Whether the dataset is unfit for it."""
    text: str


class DatasetCheck(Record):
    """Everything that was found in a dataset."""

    dataset: str
    component: str
    unit: str = "image"
    """What a sample is: an image, or a question about one."""
    fit: bool
    findings: tuple[Finding, ...]
    """What makes it unfit comes first."""
    limits: Limits
    splits: tuple[SplitCheck, ...]
    classes: tuple[Count, ...]
    """In the order of the labels."""
    groups: tuple[GroupCheck, ...]
    unused: dict[str, int]
    notes: tuple[str, ...]
    duplicates: Duplicates
    views: tuple[str, ...]
    views_of_models: bool
    """False where no model says what it sees: then it is the usual view."""
