"""Captions from infer to the counts of their quadrants, on a small case that is made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Sample, Skipped
from rateval.api.tasks.texts import Answer, Answered, Asked, Depicted
from rateval.api.values import Explanation, Verdict
from rateval.progress import SilentMonitor
from rateval.stages.infer import infer, merge, require_samples
from rateval.stages.judge import judge
from rateval.store import rows as tables
from rateval.store.tables.samples import read_samples
from rateval.tasks.captioning.captions import Captions
from rateval.tasks.captioning.phrases import Phrases
from rateval.workbench.cell import Job

CLASSES = ("dog", "cat", "tree", "sky")
CAPTIONS = (
    "a dog left of a cat",  # dog: right, valid; cat: right, elsewhere
    "nothing at all",  # silent
    "a dog and a tree and a dog",  # dog: there, nobody knows where; tree: hallucinated
    "sky",  # told of by people alone
    "a cat",  # right, valid
)
LOOKS = {"dog": 0, "cat": 0, "tree": 1, "sky": 1}
"""The half of an image, left or right, that each word looks at."""
LEFT = np.array([[True, False], [True, False]])
DEPICTED = (
    (Depicted(0, LEFT), Depicted(1, ~LEFT)),
    (Depicted(2, LEFT),),
    (Depicted(0, None),),
    (),
    (Depicted(1, LEFT), Depicted(3, ~LEFT)),
)
SKIPPED = 5


class Split:
    identity = "by hand"

    def __len__(self) -> int:
        return SKIPPED + 1

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        return [self._sample(at) for at in indices]

    def _sample(self, at: int) -> Sample | Skipped:
        if at == SKIPPED:
            return Skipped("s5", "broken")
        image = Image.new("RGB", (2, 2), (at, at, at))
        told = "the sky" if at == 3 else "a picture"
        asked = Asked("", (told,))
        return Sample(f"s{at}", image, 0, None, asked=asked, depicted=DEPICTED[at])


class Model:
    grid = (1, 2)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        return torch.from_numpy(mask)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> list[Answer]:
        return [Answer(CAPTIONS[int(image[0, 0, 0])], -1.0) for image in images]


class Classifier:
    model = Model()


class Explainer:
    def explain_answers(self, answerer: Any, answered: Answered) -> Explanation:
        assert answered.spans is not None
        words = [
            text[start:stop]
            for text, (start, stop) in zip(answered.answers, answered.spans, strict=True)
        ]
        return Explanation(torch.eye(2)[[LOOKS[word] for word in words]][:, None])


class Half:
    """Calls a map valid where the half with its maximum is that of the mask."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        score = (relevance[:, 0] * masks.float().mean(dim=1)).sum(dim=1)
        return Verdict(
            score, score > 0.5, torch.ones_like(score, dtype=torch.bool), ("",) * len(score)
        )


def make_job(batch_size: int = 2) -> Job:
    task = Captions(Phrases([(name,) for name in CLASSES]), CLASSES, "depicted or told")
    classifier, explainer = cast("Any", Classifier()), cast("Any", Explainer())
    return Job(classifier, explainer, Split(), None, task, "cpu", batch_size, 1)


def test_counts_are_those_made_by_hand(tmp_path: Path) -> None:
    inferred, judged = tmp_path / "inferred", tmp_path / "judged"
    inferred.mkdir()
    judged.mkdir()
    facts = infer(make_job(), range(6), SilentMonitor(), inferred)
    assert (facts.count, facts.samples, len(facts.skipped)) == (6, 5, 1)
    rows = tables.read_rows(inferred).to_pydict()
    assert rows["id"] == ["s0#dog", "s0#cat", "s2#dog", "s2#tree", "s3#sky", "s4#cat"]
    assert rows["sample"] == ["s0", "s0", "s2", "s2", "s3", "s4"]
    assert rows["position"] == [0, 0, 2, 2, 3, 4]
    assert rows["index"] == [0, 1, 8, 10, 15, 17]
    assert rows["correct"] == [True, True, True, False, True, True]
    assert rows["mask_area"] == [0.5, 0.5, None, None, None, 0.5]
    verdicts = judge(Half(), inferred, 4, SilentMonitor(), judged, "cpu")
    assert verdicts.quadrants == {"RR": 2, "RW": 1, "WR": 0, "WW": 0, "RU": 2, "WU": 1}
    assert verdicts.undefined == {"no mask": 3}
    samples = read_samples(inferred).to_pydict()
    assert samples["id"] == ["s0", "s1", "s2", "s3", "s4"]
    assert samples["mentions"] == [2, 0, 3, 1, 1]
    assert samples["hallucinated"] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_parts_are_the_whole_where_some_say_nothing(tmp_path: Path, size: int) -> None:
    whole, merged = tmp_path / "whole", tmp_path / "merged"
    whole.mkdir()
    merged.mkdir()
    expected = infer(make_job(), range(6), SilentMonitor(), whole)
    parts = []
    for start in range(0, 6, size):
        folder = tmp_path / str(start)
        folder.mkdir()
        job, part = make_job(size), range(start, min(start + size, 6))
        parts.append((folder, infer(job, part, SilentMonitor(), folder)))
    assert require_samples(merge(parts, merged)) == expected
    assert tables.read_rows(merged).equals(tables.read_rows(whole))
    assert read_samples(merged).equals(read_samples(whole))
    assert np.array_equal(tables.read_relevance(merged), tables.read_relevance(whole))
    masks, others = (list(tables.read_masks(folder, 100)) for folder in (merged, whole))
    assert masks[0][0] == others[0][0]
    assert np.array_equal(masks[0][1], others[0][1])
