"""The drawn scenes as a dataset: splits whose samples are drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from rateval.api import Context, Sample, Split
from rateval_shapes.captions import describe
from rateval_shapes.drawing import draw_scenes
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.params import ShapesParams
from rateval_shapes.scenes import RECIPE, Style, plan_scenes
from rateval_shapes.streams import Stream

_CHUNK = 32
"""Scenes drawn at once: enough to spread the cost of a call, few enough for the cache."""


@dataclass
class ShapesSplit:
    """The scenes of one split; sample i is the same in every batch, order and size."""

    stream: Stream
    size: int
    bias: float
    style: Style
    seed: int
    identity: str = field(init=False)
    """Names what the samples depend on, the version of the drawing included."""

    def __post_init__(self) -> None:
        self.identity = (
            f"shapes recipe={RECIPE} split={self.stream.name.lower()} size={self.size}"
            f" bias={self.bias!r} style={self.style} seed={self.seed}"
        )

    @property
    def ids(self) -> list[str]:
        """Ids of all samples."""
        return [self._name(index) for index in range(self.size)]

    @property
    def labels(self) -> list[int]:
        """Labels of all samples: the classes take turns, as ``plan_scenes`` has it."""
        return [index % len(TASK_OBJECTS) for index in range(self.size)]

    @property
    def at_once(self) -> int:
        """Scenes that are best drawn in one go."""
        return _CHUNK

    def __len__(self) -> int:
        return self.size

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        """Draw the scenes at ``indices``, in that order.

        Raises IndexError for an index outside of the split.

        >>> split = ShapesSplit(Stream.TEST, size=600, bias=0.9, style="hard", seed=0)
        >>> [sample.id for sample in split.samples([3, 599])]
        ['test-000003', 'test-000599']
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
        scenes = plan_scenes(
            self.seed,
            self.stream,
            indices,
            objects=len(TASK_OBJECTS),
            bias=self.bias,
            style=self.style,
        )
        images, masks = draw_scenes(scenes)
        return [
            Sample(self._name(index), Image.fromarray(image), label, mask, caption)
            for index, image, label, mask, caption in zip(
                indices, images, scenes.target.kind.tolist(), masks, describe(scenes), strict=True
            )
        ]

    def _name(self, index: int) -> str:
        return f"{self.stream.name.lower()}-{index:06d}"


@dataclass
class ShapesDataset:
    """The task's ten classes and its two splits."""

    classes: tuple[str, ...]
    has_masks: bool
    train: Split | None
    test: Split


def make_shapes(params: ShapesParams, context: Context) -> ShapesDataset:
    """Make the dataset; its seed is the params', else the study's.

    >>> make_shapes(ShapesParams(test_bias=0.0), Context(seed=3)).test.identity
    'shapes recipe=1 split=test size=600 bias=0.0 style=hard seed=3'
    """
    seed = context.seed if params.seed is None else params.seed
    style = params.style
    train = ShapesSplit(Stream.TRAIN, params.train_size, params.train_bias, style, seed)
    return ShapesDataset(
        classes=TASK_OBJECTS,
        has_masks=True,
        train=train if params.train_size else None,
        test=ShapesSplit(Stream.TEST, params.test_size, params.test_bias, style, seed),
    )
