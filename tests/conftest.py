"""What many tests share: distributions made on the spot, and a small study of their components."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

MakePlugin = Callable[..., Path]

ACME = """
from __future__ import annotations

from rateval.api import Component, hookimpl


def component(name, factory, params="Nothing", **more):
    return Component(
        name=name, summary=f"{name} of acme", factory=f"acme_parts:{factory}",
        params=f"acme_parts:{params}", **more,
    )


@hookimpl
def rateval_register_models():
    return [component("tiny", "make_model")]


@hookimpl
def rateval_register_datasets():
    return [component("squares", "make_dataset", "SquaresParams")]


@hookimpl
def rateval_register_attributions():
    return [component("any-map", "make_attribution", "AnyMapParams")]


@hookimpl
def rateval_register_validators():
    return [component("any-verdict", "make_validator", "AnyVerdictParams")]


@hookimpl
def rateval_register_metrics():
    return [component("any-metric", "make_metric", "AnyMetricParams")]


@hookimpl
def rateval_register_shifts():
    return [component("darken", "make_shift", "DarkenParams")]
"""

ACME_PARTS = '''
from __future__ import annotations

import dataclasses

from pydantic import Field

from rateval.api import Explanation, Params, Sample, Score, Skipped, Verdict


class Nothing(Params):
    pass


class SquaresParams(Params):
    train: int = Field(default=24, ge=0)
    """Training samples."""
    test: int = Field(default=12, ge=0)
    """Test samples."""
    masks: bool = True
    """Whether there are masks at all."""
    without_mask: int = Field(default=0, ge=0)
    """First samples that have no mask."""
    empty_mask: int = Field(default=0, ge=0)
    """First samples whose mask is empty."""
    skipped: int = Field(default=0, ge=0)
    """First test samples that cannot be read."""
    unreadable: int = Field(default=0, ge=0)
    """First training samples that cannot be read."""
    trainable: bool = True
    """Whether there is a training split."""


class AnyMapParams(Params):
    returns: str = "centre"
    """What to return: centre, constant, nan, negative, shape or logits."""


class AnyVerdictParams(Params):
    returns: str = "nan"
    """What is wrong: nan, valid or short."""


class AnyMetricParams(Params):
    value: float = 0.5
    """What to claim."""


class DarkenParams(Params):
    by: float = Field(default=0.5, gt=0, le=1)
    """Factor on every pixel."""


def make_model(params, context):
    from rateval.testing import tiny_model

    return tiny_model()


class Split:
    def __init__(self, inner, params, skips):
        self.inner, self.params, self.skips = inner, params, skips
        self.identity = f"{inner.identity} {params.model_dump_json()}"

    def __len__(self):
        return len(self.inner)

    def samples(self, indices):
        found = self.inner.samples(indices)
        return [self.change(i, s) for i, s in zip(indices, found, strict=True)]

    def change(self, index, sample):
        if self.skips and index < self.params.skipped:
            return Skipped(sample.id, "truncated file")
        if index < self.params.without_mask:
            return dataclasses.replace(sample, mask=None)
        if index < self.params.empty_mask:
            return dataclasses.replace(sample, mask=sample.mask & False)
        return sample


class Dataset:
    def __init__(self, params):
        from rateval.testing import tiny_dataset

        data = tiny_dataset(params.train, params.test, unreadable=range(params.unreadable))
        self.classes = data.classes
        self.has_masks = params.masks
        self.train = Split(data.train, params, False) if params.trainable else None
        self.test = Split(data.test, params, True)


def make_dataset(params, context):
    return Dataset(params)


class AnyMap:
    def __init__(self, returns):
        self.returns = returns

    def explain(self, classifier, images, labels, ids=None):
        import torch

        rows, cols = classifier.model.grid
        relevance = torch.zeros(len(images), rows, cols)
        relevance[:, rows // 2, cols // 2] = 1e-9
        logits = None
        if self.returns == "constant":
            relevance = torch.ones_like(relevance)
        elif self.returns == "nan":
            relevance[0, 0, 0] = float("nan")
        elif self.returns == "negative":
            relevance[0, 0, 0] = -1
        elif self.returns == "shape":
            relevance = relevance[:, :-1]
        elif self.returns == "logits":
            logits = torch.zeros(len(images), 99)
        return Explanation(relevance, logits)


def make_attribution(params, context):
    return AnyMap(params.returns)


class AnyVerdict:
    def __init__(self, returns):
        self.returns = returns

    def judge(self, relevance, masks):
        import torch

        count = len(relevance) - (self.returns == "short")
        defined = torch.full((count,), self.returns != "valid")
        score = torch.full((count,), float("nan"))
        return Verdict(score, torch.ones(count, dtype=torch.bool), defined, ("",) * count)


def make_validator(params, context):
    return AnyVerdict(params.returns)


class AnyMetric:
    label = "any"

    def __init__(self, value):
        self.value = value

    def compute(self, outcomes):
        return Score(self.value, 1, 2)


def make_metric(params, context):
    return AnyMetric(params.value)


class Darken:
    def __init__(self, by):
        self.by = by

    def apply(self, sample):
        image = sample.image.point(lambda level: int(level * self.by))
        return dataclasses.replace(sample, image=image)


def make_shift(params, context):
    return Darken(params.by)
'''


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlugin:
    """Return a function that installs a distribution with one plugin for this test alone."""

    def make(
        source: str,
        *,
        distribution: str = "acme-plugin",
        version: str = "1.2",
        name: str | None = None,
        **modules: str,
    ) -> Path:
        site = tmp_path / "site" / distribution
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        module = f"{distribution.replace('-', '_')}_entry"
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        for other, text in modules.items():
            (site / f"{other}.py").write_text(textwrap.dedent(text))
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[rateval]\n{name or distribution} = {module}\n")
        monkeypatch.syspath_prepend(str(site))
        for imported in (module, *modules):
            monkeypatch.delitem(__import__("sys").modules, imported, raising=False)
        return site

    return make


@pytest.fixture
def acme(make_plugin: MakePlugin) -> Path:
    """Install a distribution whose components can be told to misbehave."""
    return make_plugin(ACME, distribution="acme", name="acme", acme_parts=ACME_PARTS)
