"""The drawn scenes with captions as a dataset: a sample is a scene with all that stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image

from rateval.api import Context, Sample, Split
from rateval.api.tasks.texts import Asked, Depicted
from rateval_shapes.captioning.params import ShapesCaptionsParams
from rateval_shapes.captioning.scenes import RECIPE, Captioned, arrange_scenes, plan_scenes
from rateval_shapes.captioning.words import WORDINGS
from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.drawing import Masks, draw_crowds
from rateval_shapes.questions.facts import CELLS
from rateval_shapes.scenes import Style
from rateval_shapes.streams import Stream

_CHUNK = 32
"""Scenes drawn at once."""
_NAMES = {Stream.TRAIN_CAPTIONS: "train", Stream.TEST_CAPTIONS: "test"}


@dataclass
class CaptionsSplit:
    """The captioned scenes of one split; number i is the same in every batch, order and size."""

    stream: Stream
    size: int
    bias: float
    style: Style
    seed: int
    identity: str = field(init=False)
    """Names what the samples depend on, the version of scenes and captions included."""

    def __post_init__(self) -> None:
        self.identity = (
            f"shapes-captions recipe={RECIPE} split={_NAMES[self.stream]} size={self.size}"
            f" bias={self.bias!r} style={self.style} seed={self.seed}"
        )

    @property
    def ids(self) -> list[str]:
        """Ids of all scenes."""
        return [self._name(index) for index in range(self.size)]

    @cached_property
    def labels(self) -> list[int]:
        """For each scene the object that its captions name first."""
        return [plan.things[0].kind for plan in self._plan(range(self.size))]

    @property
    def at_once(self) -> int:
        """Scenes that are best drawn in one go."""
        return _CHUNK

    def __len__(self) -> int:
        return self.size

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        """Draw the scenes at ``indices``, in that order.

        Raises IndexError for an index outside of the split.

        >>> split = CaptionsSplit(Stream.TEST_CAPTIONS, 600, bias=0.0, style="hard", seed=0)
        >>> [sample.asked.answers[0] for sample in split.samples([2])]
        ['a red moon, a pink heart and a red gear']
        """
        order = [int(index) for index in indices]
        for index in order:
            if not 0 <= index < self.size:
                raise IndexError(f"index {index} is outside of a split of {self.size} scenes")
        return [
            sample
            for at in range(0, len(order), _CHUNK)
            for sample in self._draw(order[at : at + _CHUNK])
        ]

    def _draw(self, indices: list[int]) -> list[Sample]:
        plans = self._plan(indices)
        images, masks = draw_crowds(
            arrange_scenes(self.seed, self.stream, indices, plans, self.style)
        )
        rows = zip(indices, plans, images, masks, strict=True)
        return [
            Sample(
                self._name(index),
                Image.fromarray(image),
                plan.things[0].kind,
                own.any(axis=0),
                asked=Asked("", plan.captions),
                depicted=_depict(plan, own),
            )
            for index, plan, image, own in rows
        ]

    def _plan(self, indices: Sequence[int]) -> list[Captioned]:
        return plan_scenes(self.seed, self.stream, indices, bias=self.bias)

    def _name(self, index: int) -> str:
        return f"{_NAMES[self.stream]}-{index:06d}"


def _depict(plan: Captioned, masks: Masks) -> tuple[Depicted, ...]:
    """Return what stands in a scene, of the masks (4, 64, 64) of its cells."""
    return tuple(Depicted(thing.kind, masks[CELLS.index(thing.cell)]) for thing in plan.things)


@dataclass
class CaptionsDataset:
    """The objects that captions may name, and two splits."""

    classes: tuple[str, ...]
    wordings: tuple[tuple[str, ...], ...]
    has_masks: bool
    train: Split | None
    test: Split


def make_shapes_captions(params: ShapesCaptionsParams, context: Context) -> CaptionsDataset:
    """Make the dataset; its seed is the params', else the study's.

    >>> make_shapes_captions(ShapesCaptionsParams(), Context(seed=3)).test.identity
    'shapes-captions recipe=1 split=test size=600 bias=0.0 style=hard seed=3'
    """
    seed = context.seed if params.seed is None else params.seed

    def split(stream: Stream, size: int, bias: float) -> CaptionsSplit:
        return CaptionsSplit(stream, size, bias, params.style, seed)

    train = split(Stream.TRAIN_CAPTIONS, params.train_size, params.train_bias)
    return CaptionsDataset(
        classes=OBJECTS,
        wordings=WORDINGS,
        has_masks=True,
        train=train if params.train_size else None,
        test=split(Stream.TEST_CAPTIONS, params.test_size, params.test_bias),
    )
