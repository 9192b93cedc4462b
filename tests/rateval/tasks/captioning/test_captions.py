"""Units of captions: which there are, what is right of them, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rateval.api import Context, PluginError
from rateval.api.tasks.task import Inputs
from rateval.api.tasks.texts import Answer, Answered, Asked, Depicted
from rateval.api.values import Explanation
from rateval.tasks.captioning.captions import Captions
from rateval.tasks.captioning.task import make_captioning
from rateval.tasks.params import CaptioningParams
from rateval.testing import check_task


class Data:
    classes = ("dog", "cat", "wall")
    wordings = (("dog", "puppy"), ("cat",), ("wall",))


CAPTIONS = ("A cat and two dogs; a dog barks", "Nothing here", "a puppy at a wall")
TOLD = ("a cat", "a tree", "a dog by the wall")
LEFT = np.array([[True, False], [True, False]])


class Model:
    grid = (1, 2)

    def generate(self, images: torch.Tensor, questions: Any) -> list[Answer]:
        assert list(questions) == [""] * len(images)
        return [Answer(text, -float(at)) for at, text in enumerate(CAPTIONS)]


class Classifier:
    model = Model()


class Explainer:
    """Answers with a map that is the place of what is explained, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Answered] = []

    def explain_answers(self, answerer: Any, answered: Answered) -> Explanation:
        self.asked.append(answered)
        assert answered.spans is not None
        starts = torch.tensor([[[start, stop]] for start, stop in answered.spans])
        return Explanation(starts.float())


def pose(correct: Any = "depicted or told") -> Captions:
    return make_captioning(CaptioningParams(correct=correct), Context()).pose(Data())


def make_inputs(asked: tuple[Asked | None, ...] | None = None) -> Inputs:
    return Inputs(
        images=torch.arange(3).float().reshape(3, 1, 1, 1).expand(3, 3, 2, 2),
        labels=torch.zeros(3, dtype=torch.int64),
        ids=("a", "b", "c"),
        asked=tuple(Asked("", (text,)) for text in TOLD) if asked is None else asked,
        sizes=((2, 2),) * 3,
        depicted=((Depicted(0, LEFT),), (), (Depicted(0, ~LEFT),)),
    )


@pytest.mark.parametrize("correct", ["depicted", "depicted or told"])
def test_the_task_keeps_its_promises(correct: Any) -> None:
    check_task(make_captioning(CaptioningParams(correct=correct), Context()))


def test_each_class_that_a_caption_mentions_is_a_unit() -> None:
    explainer, posed = Explainer(), pose()
    found = posed.explain(explainer, Classifier(), make_inputs())
    units, outputs = found.units, found.outputs
    assert units is not None
    assert outputs is not None
    assert units.places == (0, 0, 2, 2)
    assert units.names == ("dog", "cat", "dog", "wall")
    assert units.labels.tolist() == [0, 1, 0, 2]
    # The cat and the wall are told of, and nobody knows where they are.
    assert [None if mask is None else mask.tolist() for mask in units.masks] == [
        LEFT.tolist(),
        None,
        (~LEFT).tolist(),
        None,
    ]
    asked = [Asked("", (TOLD[place],)) for place in units.places]
    columns = {
        name: values.to_pylist()
        for name, values in posed.columns(outputs, units.labels, asked).items()
    }
    assert columns["correct"] == [True, True, True, True]
    assert columns["phrase"] == ["dogs", "cat", "puppy", "wall"]
    assert columns["mentions"] == [2, 1, 1, 1]
    assert columns["likelihood"] == [0, 0, -2, -2]
    assert columns["output"] == [CAPTIONS[0], CAPTIONS[0], CAPTIONS[2], CAPTIONS[2]]
    samples = units.samples.to_pydict()
    assert samples["mentions"] == [3, 0, 2]
    assert samples["hallucinated"] == [0, 0, 0]
    # As many at once as there are images, of the images that the captions are of.
    assert [len(one.ids) for one in explainer.asked] == [3, 1]
    assert explainer.asked[0].ids == ("a#dog", "a#cat", "c#dog")
    assert explainer.asked[0].images[:, 0, 0, 0].tolist() == [0, 0, 2]
    spans = [span for one in explainer.asked for span in one.spans or ()]
    assert found.explanation.relevance[:, 0].tolist() == [list(span) for span in spans]


def test_what_nobody_depicts_is_wrong_where_only_that_counts() -> None:
    posed = pose("depicted")
    found = posed.explain(Explainer(), Classifier(), make_inputs())
    assert found.units is not None
    assert found.outputs is not None
    predictions = posed.predictions(found.outputs)
    assert predictions.numbers.tolist() == [0, 2**32 + 1, 0, 2**32 + 2]
    assert posed.correct(predictions, found.units.labels, ()).tolist() == [True, False, True, False]
    assert found.units.samples.to_pydict()["hallucinated"] == [1, 0, 1]


def test_samples_without_captions_are_told() -> None:
    asked = (Asked("", ("a dog",)), None, None)
    with pytest.raises(PluginError, match="2 of 3 have none"):
        pose().explain(Explainer(), Classifier(), make_inputs(asked))


def test_an_attribution_that_explains_no_texts_is_told() -> None:
    with pytest.raises(PluginError, match="says that it serves a task of texts"):
        pose().explain(object(), Classifier(), make_inputs())
