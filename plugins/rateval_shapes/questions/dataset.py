"""The drawn scenes with questions as a dataset: a sample is a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image

from rateval.api import Context, Sample, Split
from rateval.api.tasks.texts import Asked
from rateval_shapes.dataset import ShapesDataset
from rateval_shapes.questions.crowds import RECIPE, Plan, asked_first, make_crowds, plan_crowds
from rateval_shapes.questions.drawing import draw_crowds, draw_evidence
from rateval_shapes.questions.params import ShapesVqaParams
from rateval_shapes.questions.words import CLASSES, TYPES
from rateval_shapes.scenes import Style
from rateval_shapes.streams import Stream

_CHUNK = 32
"""Questions whose scenes are drawn at once."""
_NAMES = {Stream.TRAIN_QUESTIONS: "train", Stream.TEST_QUESTIONS: "test"}


@dataclass
class QuestionsSplit:
    """The questions of one split; number i is the same in every batch, order and size."""

    stream: Stream
    size: int
    per_image: int
    bias: float
    style: Style
    seed: int
    identity: str = field(init=False)
    """Names what the samples depend on, the version of scenes and questions included."""

    def __post_init__(self) -> None:
        self.identity = (
            f"shapes-vqa recipe={RECIPE} split={_NAMES[self.stream]} size={self.size}"
            f" per_image={self.per_image} bias={self.bias!r} style={self.style} seed={self.seed}"
        )

    @property
    def ids(self) -> list[str]:
        """Ids of all questions."""
        return [self._name(index) for index in range(self.size)]

    @cached_property
    def labels(self) -> list[int]:
        """Indices of all answers into the classes."""
        at = {answer: label for label, answer in enumerate(CLASSES)}
        return [at[plan.answer(member)] for plan, member in self._plans]

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """The scene that each question is about, and the type of each."""
        return {
            "image": [self._image(index) for index in range(self.size)],
            "question type": [TYPES[plan.forms[member]] for plan, member in self._plans],
        }

    @property
    def at_once(self) -> int:
        """Questions whose scenes are best drawn in one go."""
        return _CHUNK

    def __len__(self) -> int:
        return self.size

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        """Ask the questions at ``indices``, in that order.

        Raises IndexError for an index outside of the split.

        >>> split = QuestionsSplit(Stream.TEST_QUESTIONS, 600, 2, bias=0.0, style="hard", seed=0)
        >>> [sample.asked.question for sample in split.samples([2, 599])]
        ['what is above the coin?', 'what colour is the kite?']
        """
        order = [int(index) for index in indices]
        for index in order:
            if not 0 <= index < self.size:
                raise IndexError(f"index {index} is outside of a split of {self.size} questions")
        return [
            sample
            for at in range(0, len(order), _CHUNK)
            for sample in self._draw(order[at : at + _CHUNK])
        ]

    def _draw(self, indices: list[int]) -> list[Sample]:
        scenes = list(dict.fromkeys(index // self.per_image for index in indices))
        crowds = make_crowds(
            self.seed,
            self.stream,
            scenes,
            per_image=self.per_image,
            bias=self.bias,
            style=self.style,
        )
        images, masks = draw_crowds(crowds)
        samples = []
        for index in indices:
            row = scenes.index(index // self.per_image)
            facts = crowds.facts[row]
            question = facts.questions[self._member(index)]
            samples.append(
                Sample(
                    self._name(index),
                    Image.fromarray(images[row]),
                    CLASSES.index(question.answer),
                    draw_evidence(facts, question, masks[row]),
                    asked=Asked(question.text, (question.answer,)),
                )
            )
        return samples

    @cached_property
    def _plans(self) -> list[tuple[Plan, int]]:
        """What is decided of each question's scene, and which question about it this is."""
        scenes = range((self.size - 1) // self.per_image + 1)
        plans = plan_crowds(
            self.seed, self.stream, scenes, per_image=self.per_image, bias=self.bias
        )
        every = range(self.size)
        return [(plans[index // self.per_image], self._member(index)) for index in every]

    def _member(self, index: int) -> int:
        return asked_first(index) if self.per_image == 1 else index % 2

    def _image(self, index: int) -> str:
        return f"{_NAMES[self.stream]}-{index // self.per_image:06d}"

    def _name(self, index: int) -> str:
        return f"{self._image(index)}-{self._member(index)}"


def make_shapes_vqa(params: ShapesVqaParams, context: Context) -> ShapesDataset:
    """Make the dataset; its seed is the params', else the study's.

    >>> make_shapes_vqa(ShapesVqaParams(), Context(seed=3)).test.identity
    'shapes-vqa recipe=1 split=test size=600 per_image=2 bias=0.0 style=hard seed=3'
    """
    seed = context.seed if params.seed is None else params.seed
    style = params.style
    train: Split | None = None
    if params.train_size:
        stream = Stream.TRAIN_QUESTIONS
        train = QuestionsSplit(stream, params.train_size, 1, params.train_bias, style, seed)
    return ShapesDataset(
        classes=CLASSES,
        has_masks=True,
        train=train,
        test=QuestionsSplit(
            Stream.TEST_QUESTIONS,
            params.test_size,
            params.per_image,
            params.test_bias,
            style,
            seed,
        ),
    )
