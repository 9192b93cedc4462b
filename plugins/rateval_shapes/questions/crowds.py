"""Scenes of two to four objects with questions: a pure function of seed, stream and index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.questions.arranging import Arranged, arrange
from rateval_shapes.questions.facts import NUMBERS, Draws, Facts, find_facts
from rateval_shapes.questions.words import ANSWERS, Form, bound_answers, bound_backgrounds
from rateval_shapes.settings import Style
from rateval_shapes.streams import Part, Stream, scene_keys, uniforms

RECIPE = "1"
"""Version of scenes and questions; raise it with any change that alters a pixel, a mask or a word.
"""

PAIRS: tuple[tuple[Form, Form], ...] = (
    ("number", "colour"),
    ("place", "relation"),
    ("count", "relation"),
    ("number", "presence"),
    ("place", "colour"),
    ("count", "presence"),
    ("number", "colour"),
    ("place", "relation"),
    ("count", "relation"),
    ("number", "presence"),
    ("place", "presence"),
    ("count", "colour"),
)
"""Forms of the two questions about a scene, in turn, each form as often as the others. A relation
needs two objects that are alone of their kind, which ``number`` may not leave."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided of a scene before it is made."""

    forms: tuple[Form, Form]
    answers: tuple[int, int]
    """Indices into the answers of each form."""
    background: int
    """Index into BACKGROUNDS."""

    def answer(self, member: int) -> str:
        """Return the answer to one of both questions."""
        return ANSWERS[self.forms[member]][self.answers[member]]


@dataclass(frozen=True, slots=True)
class Crowds(Arranged):
    """Everything that B images with questions are drawn from."""

    facts: tuple[Facts, ...]


def asked_first(index: int) -> int:
    """Return which of a scene's two questions is asked where only one is: they take turns.

    >>> asked_first(11), asked_first(12), asked_first(24)
    (0, 1, 0)
    """
    return index // len(PAIRS) % 2


def plan_crowds(
    seed: int, stream: Stream, indices: Sequence[int], *, per_image: int, bias: float
) -> list[Plan]:
    """Decide forms, answers and backgrounds of the scenes at ``indices``.

    Answers to the question that is asked first take turns. With probability ``bias`` the background
    is one that is bound to it, else any of the ten; where both questions are asked the other's
    answer is then one that the background is bound to.

    >>> plan = plan_crowds(0, Stream.TRAIN_QUESTIONS, [4], per_image=1, bias=1.0)[0]
    >>> plan.forms, plan.answer(0), plan.background
    (('place', 'colour'), 'buoy', 4)
    """
    keys = scene_keys(seed, stream, indices)
    rows = uniforms(keys, Part.ASKED, 3).T.tolist()
    return [
        _plan(int(at), Draws(row[1:]), row[0] < bias, per_image)
        for at, row in zip(indices, rows, strict=True)
    ]


def _plan(index: int, draws: Draws, bound: bool, per_image: int) -> Plan:
    forms = PAIRS[index % len(PAIRS)]
    first = asked_first(index)
    answers = [0, 0]
    # Scenes beside each other begin their turns at different answers.
    turn = index // (2 * len(PAIRS)) + index % len(PAIRS)
    answers[first] = turn % len(ANSWERS[forms[first]])
    backgrounds = bound_backgrounds(forms[first], answers[first])
    background = draws.pick(backgrounds if bound else range(len(BACKGROUNDS)))
    other = forms[1 - first]
    both = bound and per_image == 2
    possible = bound_answers(other, background) if both else range(len(ANSWERS[other]))
    answers[1 - first] = draws.pick(possible)
    return Plan(forms, (answers[0], answers[1]), background)


def make_crowds(
    seed: int,
    stream: Stream,
    indices: Sequence[int],
    *,
    per_image: int,
    bias: float,
    style: Style,
) -> Crowds:
    """Decide everything of the scenes at ``indices``."""
    plans = plan_crowds(seed, stream, indices, per_image=per_image, bias=bias)
    keys = scene_keys(seed, stream, indices)
    numbers = uniforms(keys, Part.FACTS, NUMBERS).T.tolist()
    facts = tuple(
        find_facts((plan.forms[0], plan.answers[0]), (plan.forms[1], plan.answers[1]), row)
        for plan, row in zip(plans, numbers, strict=True)
    )
    arranged = arrange(
        keys, [plan.background for plan in plans], [one.things for one in facts], style
    )
    return Crowds(
        **{field.name: getattr(arranged, field.name) for field in fields(Arranged)}, facts=facts
    )


def pretraining_crowds(seed: int, indices: Sequence[int]) -> Crowds:
    """Decide scenes to pre-train on: any background, clean; both questions of each may be asked.

    >>> len(pretraining_crowds(0, range(3)))
    3
    """
    stream = Stream.PRETRAIN_QUESTIONS
    return make_crowds(seed, stream, indices, per_image=2, bias=0.0, style="clean")
