"""A live model on given images gives what a spec gives, and is left as it was."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rateval
from rateval.api import Model, RunRecord
from rateval.errors import RatevalError

Evaluate = Callable[..., RunRecord]
CHEAP = "center-prior"
"""An attribution that computes nothing."""


def columns(record: RunRecord, cell: int = 0) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = record.rows(record.cells[cell]).to_pydict()
    return {name: values for name, values in rows.items() if name != "id"}


def count_done(record: RunRecord) -> dict[str, int]:
    done = [stage.stage for stage in record.stages if not stage.reused]
    return {stage: done.count(stage) for stage in done}


def test_numbers_are_those_of_a_spec(evaluate: Evaluate, clip: Model) -> None:
    record = evaluate(clip, name="mine", batch_size=16)
    spec = {
        "study": {"name": "quickstart"},
        "dataset": [{"use": "shapes", "test_size": 24}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "run": {"device": "cpu", "batch_size": 16},
    }
    expected = rateval.run(spec)
    assert columns(record) == columns(expected)
    maps = record.relevance(record.cells[0]), expected.relevance(expected.cells[0])
    assert np.array_equal(*maps)
    assert [e.scores for e in record.cells[0].evidence] == [
        e.scores for e in expected.cells[0].evidence
    ]
    assert record.cells[0].key.model == "mine"


SHIFTS = [
    {"use": "corruption", "type": ["contrast", "brightness"], "severity": [1, 5]},
    {"use": "grey"},
]
"""None of these draws by an image's id, which is another one in a dataset."""


def test_shifts_are_those_of_a_spec(evaluate: Evaluate, clip: Model) -> None:
    record = evaluate(clip, attributions=CHEAP, shifts=SHIFTS, batch_size=16)
    spec = {
        "study": {"name": "shifted"},
        "dataset": [{"use": "shapes", "test_size": 24}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "attribution": [{"use": CHEAP}],
        "shift": SHIFTS,
        "run": {"device": "cpu", "batch_size": 16},
    }
    expected = rateval.run(spec)
    names = [str(cell.key.shift) for cell in record.cells]
    assert names == [str(cell.key.shift) for cell in expected.cells]
    assert names[0] == "None" and names[-1] == "grey" and len(names) == 6
    for at in range(6):
        assert columns(record, at) == columns(expected, at)


def test_shifts_may_take_pieces_of_the_other_images(
    evaluate: Evaluate, clip: Model, scenes: Any
) -> None:
    masks = [*scenes.masks[:-1], None]
    record = evaluate(clip, masks=masks, attributions=CHEAP, shifts="background-swap")
    plain, swapped = record.cells
    assert (plain.count, swapped.count) == (24, 23)
    assert [one.reason for one in swapped.skipped] == ["no mask, which its shift needs"]
    assert columns(record, 1)["probabilities"] != columns(record)["probabilities"][:23]


@pytest.mark.parametrize(
    ("shifts", "told"),
    [
        ("fog", r'shift\[0\].use = "fog": unknown shift'),
        ([], "shifts: is empty; give the name of a component"),
        ({"use": "corruption", "type": "fogg", "severity": 1}, 'did you mean "fog"'),
    ],
)
def test_shifts_that_are_none_are_told(
    evaluate: Evaluate, clip: Model, shifts: Any, told: str
) -> None:
    with pytest.raises(RatevalError, match=told):
        evaluate(clip, attributions=CHEAP, shifts=shifts)


def test_images_that_can_be_read_once_have_no_shifts(
    evaluate: Evaluate, clip: Model, scenes: Any
) -> None:
    with pytest.raises(RatevalError, match="can be read but once, and 6 times are asked for"):
        evaluate(clip, images=iter(scenes.images), attributions=CHEAP, shifts=SHIFTS)


def test_the_record_is_on_disk_and_reported(evaluate: Evaluate, clip: Model) -> None:
    record = evaluate(clip, attributions=CHEAP, into="here")
    assert record.path.parent == Path("here")
    assert rateval.load(record.path) == record
    done = subprocess.run(
        [sys.executable, "-m", "rateval", "report", str(record.path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "CLIP" in done.stdout and "24 test images" in done.stdout
    said = json.loads((record.path / "run.json").read_text())["spec_resolved"]
    assert said["model"][0]["params"] == {"what": "open_clip.model.CLIP"}
    assert record.command == "rateval.evaluate with the same arguments"


def test_forms_of_images_labels_and_masks_are_one(
    evaluate: Evaluate, clip: Model, scenes: Any, tmp_path: Path
) -> None:
    image_paths, mask_paths = [], []
    for at, (image, mask) in enumerate(zip(scenes.images, scenes.masks, strict=True)):
        image_paths.append(tmp_path / f"{at}.png")
        mask_paths.append(str(tmp_path / f"mask-{at}.png"))
        image.save(image_paths[-1])
        Image.fromarray(mask.astype(np.uint8)).save(mask_paths[-1])

    class Pairs(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(scenes.images)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return scenes.images[index], -1

    def stream() -> Iterator[Any]:
        yield from scenes.images

    first = columns(evaluate(clip, attributions=CHEAP))
    arrays = np.stack([np.asarray(image) for image in scenes.images])
    forms: list[dict[str, Any]] = [
        {"images": arrays, "labels": torch.tensor(scenes.labels)},
        {"images": image_paths, "masks": mask_paths},
        {"images": Pairs(), "labels": [scenes.classes[label] for label in scenes.labels]},
        {"images": stream(), "masks": [torch.from_numpy(mask) for mask in scenes.masks]},
    ]
    for form in forms:
        assert columns(evaluate(clip, attributions=CHEAP, **form)) == first
    named = evaluate(clip, images=image_paths, attributions=CHEAP)
    assert named.rows(named.cells[0])["id"].to_pylist()[0] == "0.png"


def test_without_masks_there_is_accuracy(evaluate: Evaluate, clip: Model, scenes: Any) -> None:
    record = evaluate(clip, masks=None, attributions=CHEAP)
    scores = {score.metric: score.value for score in record.cells[0].evidence[0].scores}
    correct = record.rows(record.cells[0])["correct"].to_pylist()
    assert scores["accuracy"].value == pytest.approx(sum(correct) / 24)
    assert scores["pt"].value is None
    some = evaluate(clip, masks=[*scenes.masks[:4], *[None] * 20], attributions=CHEAP)
    assert sum(some.cells[0].evidence[0].quadrants[name] for name in ("RU", "WU")) == 20


def test_components_are_chosen_as_in_a_spec(evaluate: Evaluate, clip: Model) -> None:
    record = evaluate(
        clip,
        attributions=[CHEAP, {"use": "random", "name": "chance"}],
        validators={"use": "relevance-mass", "threshold": 0.1},
        metrics="pt",
        limit=10,
        seed=3,
    )
    assert [cell.key.attribution for cell in record.cells] == [CHEAP, "chance"]
    assert record.datasets[0].test_count == 10
    assert record.seeds == (3,)
    assert record.spec_resolved["evidence"][0]["params"]["threshold"] == 0.1
    with pytest.raises(RatevalError, match=r'attribution\[0\].use = "randm": .*"random"'):
        evaluate(clip, attributions="randm")
    with pytest.raises(RatevalError, match=r"attributions: holds 3; give the name of a component"):
        evaluate(clip, attributions=[CHEAP, 3])
    with pytest.raises(RatevalError, match="metrics: is empty; give the name"):
        evaluate(clip, metrics=[])
    with pytest.raises(RatevalError, match="output: is called into here"):
        evaluate(clip, output="there")
    with pytest.raises(RatevalError, match=r"run\.batch_sise: unknown key.*batch_size"):
        evaluate(clip, batch_sise=3)


def test_the_model_is_left_as_it_was(evaluate: Evaluate, clip: Model) -> None:
    module = clip.module
    module.train()
    image_tower: Any = module.visual
    image_tower.eval()
    weights = list(module.parameters())
    weights[0].requires_grad_(False)
    gradient = weights[1].grad = torch.ones_like(weights[1])
    before = copy.deepcopy(module.state_dict())
    modes = [part.training for part in module.modules()]
    evaluate(clip, limit=4)
    assert [part.training for part in module.modules()] == modes
    assert [weight.requires_grad for weight in weights] == [False] + [True] * (len(weights) - 1)
    assert weights[1].grad is gradient
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any("forward" in vars(part) for part in module.modules())


def test_equal_weights_and_images_are_reused(evaluate: Evaluate, clip: Model, scenes: Any) -> None:
    assert count_done(evaluate(clip, attributions=CHEAP))["infer"] == 1
    assert count_done(evaluate(rateval.create("model", "clip"), attributions=CHEAP)) == {}
    other = {"use": "relevance-mass", "threshold": 0.2}
    again = evaluate(clip, attributions=CHEAP, validators=other)
    assert set(count_done(again)) == {"judge", "score", "thresholds", "pictures"}
    pixels = [np.asarray(image).copy() for image in scenes.images]
    pixels[3][0, 0, 0] ^= 1
    assert "infer" in count_done(evaluate(clip, images=pixels, attributions=CHEAP))
    with torch.no_grad():
        next(clip.module.parameters()).flatten()[0].add_(0.5)
    assert set(count_done(evaluate(clip, attributions=CHEAP))) >= {"finetune", "infer"}
    stream = {"images": iter(scenes.images), "attributions": CHEAP}
    assert "infer" in count_done(evaluate(clip, **stream))


def test_a_head_decides(evaluate: Evaluate, clip: Model, scenes: Any) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        images = torch.stack([clip.preprocess(image) for image in scenes.images])
        features = clip.features(images)
    head = torch.nn.Linear(features.shape[1], 10)
    record = evaluate(clip, head=head)
    expected = (features @ head.weight.T + head.bias).softmax(dim=1)
    found = torch.tensor(record.rows(record.cells[0])["probabilities"].to_pylist())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert record.cells[0].key.finetuner == "head"
    unit = torch.nn.functional.normalize(features, dim=1)
    on_unit = evaluate(clip, head=head, head_on="embedding", attributions=CHEAP)
    expected = (unit @ head.weight.T + head.bias).softmax(dim=1)
    found = torch.tensor(on_unit.rows(on_unit.cells[0])["probabilities"].to_pylist())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert head.training and head.weight.requires_grad


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"head": "fc"}, "head is 'fc'; give a torch.nn.Module"),
        ({"head": torch.nn.Linear(64, 3)}, r"of one image the model gives \(1, 3\) float32.* 10 "),
        ({"head": torch.nn.Linear(3, 10)}, "no logits of a blank image: RuntimeError: "),
        ({"head_on": "tokens"}, "head_on = 'tokens': must be"),
    ],
)
def test_a_head_that_cannot_decide(
    evaluate: Evaluate, clip: Model, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(RatevalError, match=f"^rateval.evaluate: .*{message}"):
        evaluate(clip, **given)


def test_a_failure_of_everything_is_raised(evaluate: Evaluate, clip: Model) -> None:
    clip.encode_image = lambda images: images.new_full((len(images), 64), float("nan"))  # type: ignore[method-assign]
    with pytest.raises(RatevalError, match=r"nothing could be computed: .*NaN"):
        evaluate(clip, attributions=CHEAP)


NUMBERED = """
import dataclasses
import rateval

class Numbered:
    def __init__(self):
        self.whole = rateval.create("dataset", "shapes", test_size=24).test
        self.identity = "numbered scenes"
        self.ids = [f"{at:06d}" for at in range(24)]

    def __len__(self):
        return 24

    def samples(self, indices):
        found = self.whole.samples(indices)
        return [dataclasses.replace(one, id=self.ids[at]) for at, one in zip(indices, found)]

class Scenes:
    has_masks, train = True, None

    def __init__(self):
        self.classes = rateval.create("dataset", "shapes").classes
        self.test = Numbered()

def numbered():
    return Scenes()
"""
"""The scenes under the ids that a call gives them: donors are drawn by these."""


def test_counterfactual_evidence_is_that_of_a_spec(evaluate: Evaluate, clip: Model) -> None:
    table = {"donors": 2, "keep": 1.0}
    Path("numbered.py").write_text(NUMBERED)
    record = evaluate(clip, batch_size=16, counterfactual=table)
    expected = rateval.run(
        {
            "study": {"name": "quickstart"},
            "dataset": [{"use": "./numbered.py:numbered"}],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "zs"}],
            "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
            "metric": [
                {"use": use}
                for use in ("accuracy", "pt", "ir", "right-for-the-object", "looks-right-is-not")
            ],
            "counterfactual": table,
            "run": {"device": "cpu", "batch_size": 16},
        }
    )
    assert [e.scores for e in record.cells[0].evidence] == [
        e.scores for e in expected.cells[0].evidence
    ]
    answers = record.answers(record.cells[0]).to_pydict()
    assert answers == expected.answers(expected.cells[0]).to_pydict()
    assert 0 < sum(answers["kept_on_object"]) < 24
    assert record.spec_resolved["counterfactual"]["donors"] == 2


def test_counterfactual_evidence_is_asked_for_in_one_word(
    evaluate: Evaluate, clip: Model, scenes: Any
) -> None:
    record = evaluate(clip, attributions=CHEAP, counterfactual=True)
    by_map, by_cause = record.cells[0].evidence
    assert (by_map.validator, by_cause.validator) == ("relevance-mass", "counterfactual")
    assert by_map.score("looks-right-is-not") and not by_cause.score("looks-right-is-not")
    assert evaluate(clip, attributions=CHEAP).cells[0].counterfactual is None
    chosen = evaluate(clip, attributions=CHEAP, counterfactual=True, metrics="accuracy")
    assert [score.metric for score in chosen.cells[0].evidence[1].scores] == ["accuracy"]
    bare = evaluate(clip, masks=None, attributions=CHEAP, counterfactual=True)
    assert bare.cells[0].counterfactual is not None
    assert bare.cells[0].counterfactual.undefined == {"no mask": 24}

    class Anew:
        def __iter__(self) -> Iterator[Any]:
            return iter(scenes.images)

    again = evaluate(clip, images=Anew(), attributions=CHEAP, counterfactual=True)
    assert [e.scores for e in again.cells[0].evidence] == [
        e.scores for e in record.cells[0].evidence
    ]


def test_what_is_wrong_with_counterfactual_is_named(
    evaluate: Evaluate, clip: Model, scenes: Any
) -> None:
    with pytest.raises(RatevalError, match=r"evaluate: counterfactual: is 3.*; give True, or"):
        evaluate(clip, counterfactual=3)
    wrong = {"donors": 0, "kep": 1.0}
    with pytest.raises(RatevalError) as caught:
        evaluate(clip, counterfactual=wrong)
    assert "rateval.evaluate: counterfactual.donors = 0: must be" in str(caught.value)
    assert 'counterfactual.kep: unknown key; did you mean "keep"?' in str(caught.value)
    with pytest.raises(RatevalError, match="can be read but once, and 3 times are asked for"):
        evaluate(clip, images=iter(scenes.images), attributions=CHEAP, counterfactual=True)
    with pytest.raises(RatevalError, match="needs predictions under edits"):
        evaluate(clip, attributions=CHEAP, validators="counterfactual")
