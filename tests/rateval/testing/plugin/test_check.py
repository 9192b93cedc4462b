"""Broken plugins, each made of a scaffold that keeps its promises by changing a line or two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import rateval.api
from rateval.api import deprecations
from rateval.api.deprecations import Deprecated
from rateval.api.kinds import KINDS, Kind
from rateval.api.values import Explanation
from rateval.api.version import API_VERSION
from rateval.errors import RatevalError
from rateval.registry.discovery import discover
from rateval.registry.registry import Registered
from rateval.scaffolding.distribution import write_distribution
from rateval.scaffolding.names import read_names
from rateval.scaffolding.writing import write_files
from rateval.testing.plugin.check import _check_told, check_plugin
from rateval.testing.plugin.report import Broken, ComponentReport, PluginReport
from rateval.testing.plugin.subject import opened
from rateval_attention.answers.token_attention import TokenAttention

Change = tuple[str, str, str]
"""File of the package, what stands there, what stands there instead."""

METRIC = (
    ("metric.py", 'label = "RR/N"', 'label = "right for the right reason"'),
    ("metric.py", "        known = sum", "        return Score(0.0, 0, 0)\n        known = sum"),
)
FAULTS: dict[str, tuple[Kind, Sequence[Change], Sequence[str]]] = {
    "a metric of two faults": (
        "metric",
        METRIC,
        [
            r"Metric\.label must be a heading of 1 to 12 characters; got 'right for",
            r"Metric\.compute, .* must give None for an empty denominator",
        ],
    ),
    "a verdict on nothing": (
        "validator",
        [("validator.py", "if not mask.any():", "if False:")],
        [r"Validator\.judge must leave an empty mask undefined", "of one image and an empty mask"],
    ),
    "maps of other images": (
        "attribution",
        [("attribution.py", "[:, 0]\n", "[:, 0] - size.mean()\n")],
        [r"Explanation\.relevance must not be negative", "depends on that image alone"],
    ),
    "gradients that stay": (
        "attribution",
        [
            (
                "attribution.py",
                "            logits = classifier",
                "            classifier.model.module.requires_grad_(True)\n"
                "            logits = classifier",
            )
        ],
        [r"Attribution\.explain must leave requires_grad of \S+ False; got True"],
    ),
    "samples by chance": (
        "dataset",
        [("dataset.py", "default_rng((self._stream, index))", "default_rng()")],
        ["doesn't depend on those beside it or on earlier calls", "hold equal samples for equal"],
    ),
    "a shift of labels": (
        "shift",
        [("shift.py", "image=image)", "image=image, label=0, mask=None)")],
        [r"Shift\.apply must keep id and label", r"Shift\.apply must keep the mask; got None"],
    ),
    "a fit that leans on chance": (
        "finetuner",
        [
            ("finetuner.py", "normalize(means, dim=1) *", "torch.rand_like(means) *"),
            ("finetuner.py", "        logbook.begin(len(train))\n", ""),
        ],
        ["must give the same state for the same seed", "must call logbook.begin once; got 0 calls"],
    ),
    "a model that lies in its card": (
        "model",
        [
            ("model.py", "mean=(0.5, 0.5, 0.5)", "mean=(0.1, 0.5, 0.5)"),
            ("model.py", "def export_checkpoint", "def write_weights"),
            ("model.py", "torch.tensor(20.0)", "torch.tensor(-20.0)"),
        ],
        [
            r"ModelCard\.mean and std must be what preprocess subtracts",
            r"Model: .*Model must offer .*; got no export_checkpoint",
            r"Model\.logit_scale must be positive",
        ],
    ),
    "steps that end twice": (
        "executor",
        [("executor.py", "(step, monitor)]", "(step, monitor)] * 2")],
        [r"Executor\.collect must return one end for each step"],
    ),
    "a tracker that wants scores": (
        "tracker",
        [("tracker.py", "        scores = {", "        record.cells[0]\n        scores = {")],
        [r"Tracker\.finish must take what a run tells it; got IndexError"],
    ),
    "columns that say something else": (
        "task",
        [("task.py", "self.correct(predictions, labels, asked)),", "[True] * len(labels)),")],
        [r"Posed\.columns\(\) must say what correct\(\) says"],
    ),
    "params without bounds": (
        "metric",
        [
            ("params.py", "int = Field(default=1, ge=1, le=1_000_000)\n", "int = 1\n\n#"),
            ("params.py", '    """Images that there', '    # """Images that there'),
        ],
        [r"\.least must have a docstring below it", r"\.least must have bounds"],
    ),
    "a start that imports numpy": (
        "metric",
        [("plugin.py", "from rateval.api", "import numpy\nfrom rateval.api")],
        [r"plugin must import nothing heavy: neither torch nor numpy.*; got numpy \(\d\.\d+ s\)"],
    ),
    "a factory of nothing": (
        "shift",
        [("shift.py", "def make(params", "def make(one, two, params")],
        [r"factory must be callable as \(params, context\)"],
    ),
    "a class too few": (
        "attribution",
        [("attribution.py", "score = logits", "assert logits.shape[1] > 1; score = logits")],
        [r"of one image and one class, must not raise; got AssertionError \(attribution\.py:\d+\)"],
    ),
    "another contract": (
        "metric",
        [("plugin.py", f'RATEVAL_API = "{API_VERSION}"', 'RATEVAL_API = "99.0"')],
        [rf"it needs version 99\.0 of the contract, and this is {API_VERSION}; upgrade rateval"],
    ),
}  # fmt: skip


def scaffold(folder: Path, name: str, kinds: Sequence[Kind], changes: Sequence[Change]) -> Path:
    names = read_names(name)
    write_files(folder, write_distribution(names, kinds))
    for file, old, new in changes:
        path = folder / "src" / names.package / file
        text = path.read_text(encoding="utf-8")
        assert old in text, (file, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def check(folder: Path, *, typed: bool = False) -> PluginReport:
    with opened(str(folder)) as subject:
        return check_plugin(subject, {}, typed=typed)


def check_told(found: Registered) -> ComponentReport:
    return _check_told(found, {}, lambda _: None)


def all_broken(report: PluginReport) -> list[Broken]:
    return [*report.broken, *(one for part in report.components for one in part.broken)]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault: str, tmp_path: Path) -> None:
    kind, changes, expected = FAULTS[fault]
    name = f"broken-{list(FAULTS).index(fault)}"
    report = check(scaffold(tmp_path / name, name, [kind], changes))
    broken = all_broken(report)
    assert report.verdict == "broken"
    for pattern in expected:
        fitting = [one for one in broken if re.search(pattern, str(one), re.DOTALL)]
        assert fitting, "\n".join(map(str, broken))
        found = fitting[0]
        if re.match(r"[A-Z]\w+(\.\w+)?", found.where):
            assert re.fullmatch(r"rateval/api/[\w/]+\.py:\d+", found.line)


@pytest.mark.slow
def test_what_is_kept_is_kept(tmp_path: Path) -> None:
    report = check(scaffold(tmp_path / "kept", "kept", list(KINDS), []))
    assert not all_broken(report)
    assert report.verdict == "kept"
    assert {part.kind for part in report.components} == set(KINDS)
    assert report.needs == report.offered == API_VERSION


@pytest.mark.slow
def test_types_are_those_of_the_protocol(tmp_path: Path) -> None:
    changes = [
        ("metric.py", "-> Score:", "-> int:"),
        ("metric.py", "-> Metric:", "-> MistypedMetric:"),
    ]
    report = check(
        scaffold(tmp_path / "mistyped", "mistyped", ["metric", "shift"], changes), typed=True
    )
    (metric, shift) = report.components
    assert not shift.broken
    said = "\n".join(map(str, metric.broken))
    assert "return a Metric of (params, context), as mypy --strict sees it" in said
    assert 'Incompatible return value type (got "MistypedMetric", expected "Metric")' in said


@pytest.mark.slow
def test_types_that_mypy_cannot_read_are_not_called_sound(tmp_path: Path) -> None:
    folder = scaffold(tmp_path / "unread", "unread", ["metric"], [])
    (stub,) = (one.with_suffix(".pyi") for one in folder.rglob("metric.py"))
    stub.write_text("def (\n", encoding="utf-8")
    report = check(folder, typed=True)
    assert any("types were not checked: mypy can't finish" in note for note in report.notes)


def test_what_explains_texts_alone_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = discover().components["attribution", "token-attention"]
    report = check_told(found)
    assert (report.untried, report.broken) == (None, ())
    sound = TokenAttention.explain_answers

    def negate(self: TokenAttention, answerer: Any, answered: Any) -> Explanation:
        return Explanation(-sound(self, answerer, answered).relevance)

    monkeypatch.setattr(TokenAttention, "explain_answers", negate)
    said = "\n".join(map(str, check_told(found).broken))
    assert "Explanation.relevance must not be negative" in said


def test_a_component_that_lacks_params_is_not_tried(tmp_path: Path) -> None:
    changes = [("params.py", "default=1, ", "")]
    report = check(scaffold(tmp_path / "asking", "asking", ["metric"], changes))
    (metric,) = report.components
    assert report.verdict == "undecided"
    assert metric.untried == "least: Field required; give it by --with asking-metric.least=VALUE"
    with opened(str(tmp_path / "asking")) as subject:
        assert check_plugin(subject, {"asking-metric": {"least": 2}}, typed=False).verdict == "kept"
        with pytest.raises(RatevalError, match="has no such component; it has asking-metric"):
            check_plugin(subject, {"asking": {}}, typed=False)


def test_what_is_deprecated_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"rateval.api:Count": Deprecated("1.0", "rateval.api:Score")}
    monkeypatch.setattr(rateval.api, "NAMES", names)
    monkeypatch.setattr(deprecations, "NAMES", names)
    changes = [("metric.py", "Outcomes, Score\n", "Count as Score, Outcomes\n")]
    report = check(scaffold(tmp_path / "dated", "dated", ["metric"], changes))
    assert report.verdict == "kept"
    said = (
        "rateval.api.Count is deprecated since version 1.0 of the contract; write rateval.api.Score"
    )
    assert any(note.startswith(said) for note in report.notes)


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("ratevall", 'did you mean "rateval"'),
        ("./nowhere", "there is no such folder"),
        (".", "pyproject.toml: there is none"),
    ],
)
def test_what_is_no_plugin_is_said(
    named: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RatevalError, match=complaint), opened(named):
        pass


def test_a_project_without_an_entry_point_is_no_plugin(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    missing = pytest.raises(RatevalError, match=r"entry-points.rateval\]: is missing")
    with missing, opened(str(tmp_path)):
        pass
