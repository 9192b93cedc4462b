"""What plugins hand over is checked in every run, and what is wrong names the plugin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.cli.main import main
from rateval.engine.executors.checked import CheckedExecutor
from rateval.errors import PluginError, RatevalError
from rateval.records.step import Step

MakePlugin = Callable[..., Path]

ODD = """
from rateval.api import Component, hookimpl

def component(name, factory, params="OddParams"):
    return Component(
        name=name, summary="s", factory=f"odd_parts:{factory}", params=f"odd_parts:{params}"
    )

@hookimpl
def rateval_register_datasets():
    return [component("odd", "make_dataset")]

@hookimpl
def rateval_register_models():
    return [component("odd", "make_model")]

@hookimpl
def rateval_register_finetuners():
    return [component("odd", "make_finetuner")]

@hookimpl
def rateval_register_attributions():
    return [component("odd", "make_attribution")]

@hookimpl
def rateval_register_validators():
    return [component("odd", "make_validator")]

@hookimpl
def rateval_register_metrics():
    return [component("odd", "make_metric")]

@hookimpl
def rateval_register_shifts():
    return [component("odd", "make_shift")]

@hookimpl
def rateval_register_executors():
    return [component("odd", "make_executor")]
"""
PARTS = '''
import dataclasses
import threading
import numpy as np
from rateval.api import Params, Sample, Skipped
from rateval.testing import TinyDataset, tiny_dataset, tiny_model

class OddParams(Params):
    does: str = "nothing"
    """What is wrong."""

CHANGES = {
    "bytes mask": lambda s: {"mask": s.mask.astype("uint8") * 255},
    "small mask": lambda s: {"mask": s.mask[:-1]},
    "array": lambda s: {"image": np.asarray(s.image)},
    "grey": lambda s: {"image": s.image.convert("L")},
    "label 3": lambda s: {"label": 3},
    "label -1": lambda s: {"label": -1},
    "label True": lambda s: {"label": True},
    "label 1.0": lambda s: {"label": 1.0},
    "numpy label": lambda s: {"label": np.int64(s.label)},
    "number id": lambda s: {"id": 7},
    "same id": lambda s: {"id": "same"},
    "caption": lambda s: {"caption": 5},
}

class Split:
    def __init__(self, inner, does):
        self.inner, self.does = inner, does
        self.identity = inner.identity + does
        if does == "no identity":
            del self.identity
        if does == "empty identity":
            self.identity = ""
        if does == "listed twice":
            self.ids = ["a"] * len(inner)
        if does == "listed label":
            self.labels = [0] * (len(inner) - 1) + [3]
        if does == "listed short":
            self.labels = [0]
        if does == "listed otherwise":
            self.labels = [2] * len(inner)

    def __len__(self):
        if self.does == "len":
            raise TypeError("no length today")
        return len(self.inner)

    def samples(self, indices):
        found = self.inner.samples(indices)
        if self.does == "fewer":
            return found[:-1]
        if self.does == "raises":
            raise KeyError("lost.jpg")
        if self.does == "exits":
            raise SystemExit(0)
        if self.does == "none":
            return [None for _ in found]
        change = CHANGES.get(self.does, lambda s: {})
        return [dataclasses.replace(s, **change(s)) for s in found]

class Dataset:
    def __init__(self, does):
        self.does = does
        self.inner = tiny_dataset()
        self.has_masks = True
        self.classes = {
            "equal classes": ("a", "b", "a"), "blank class": ("a", " ", "b"), "no class": (),
            "text classes": "abc",
        }.get(does, self.inner.classes)
        self.train = Split(self.inner.train, "")

    @property
    def test(self):
        if self.does == "test raises":
            raise ValueError("no such folder")
        if self.does == "test lacks":
            raise AttributeError("no such thing")
        return Split(self.inner.test, self.does)

def make_dataset(params, context):
    if params.does == "factory exits":
        raise SystemExit(4)
    return Dataset(params.does)

def make_model(params, context):
    model = tiny_model()
    if params.does == "array":
        model.preprocess = lambda image: np.zeros((3, 24, 32), "float32")
    if params.does == "sizes":
        real, real_mask, count = model.preprocess, model.preprocess_mask, iter(range(99))
        of_thread = threading.local()

        def preprocess(image):
            of_thread.cut = next(count) % 2
            return real(image)[:, :, of_thread.cut :]

        model.preprocess = preprocess
        model.preprocess_mask = lambda mask: real_mask(mask)[:, of_thread.cut :]
    if params.does == "mask":
        model.preprocess_mask = lambda mask, real=model.preprocess_mask: real(mask).float()
    return model

class Finetuner:
    trains = False
    def fit(self, model, train, classes, logbook):
        return None
    restore = fit

def make_finetuner(params, context):
    return Finetuner()

class Attribution:
    def __init__(self, does):
        self.does = does
    def explain(self, classifier, images, labels, ids=None):
        if self.does == "exits":
            raise SystemExit(0)
        return 0.5

def make_attribution(params, context):
    return Attribution(params.does)

class Validator:
    def __init__(self, does):
        self.does = does
    def judge(self, relevance, masks):
        import torch
        from rateval.api import Verdict
        if self.does == "exits":
            raise SystemExit(0)
        yes = torch.ones(len(relevance))
        if self.does == "floats":
            return Verdict(yes, yes, yes, ("",) * len(yes))
        if self.does == "reason":
            no = torch.zeros(len(relevance), dtype=torch.bool)
            return Verdict(yes, no, no, ("",) * len(yes))
        return 0.5

def make_validator(params, context):
    return Validator(params.does)

class Metric:
    label = "odd"
    def __init__(self, does):
        self.does = does
        if does == "label":
            self.label = 3
    def compute(self, outcomes):
        from rateval.api import Score
        if self.does == "exits":
            raise SystemExit(0)
        return Score.share(1, 2) if self.does == "label" else 0.5

def make_metric(params, context):
    return Metric(params.does)

class Shift:
    def __init__(self, does):
        self.does = does
    def apply(self, sample):
        if self.does == "size":
            return dataclasses.replace(sample, image=sample.image.resize((20, 20)))
        if self.does == "mask":
            return dataclasses.replace(sample, mask=None)
        if self.does == "label":
            return dataclasses.replace(sample, label=(sample.label + 1) % 3)
        if self.does == "raises":
            raise ZeroDivisionError("fog")
        return sample.image

def make_shift(params, context):
    return Shift(params.does)

class Executor:
    def __init__(self, does):
        self.does = does
        self.capacity = "two" if does == "capacity" else 1
        self.waiting = []
    def start(self, work):
        self.work = work
        if self.does == "start":
            raise ConnectionError("no cluster")
    def submit(self, step, monitor):
        self.waiting.append((step, monitor))
        if self.does == "submit":
            raise SystemExit(0)
    def collect(self):
        if self.does == "collect":
            raise KeyError("job 7")
        if self.does == "strings":
            return ["done"]
        ends = [self.work(*self.waiting.pop())] if self.waiting else []
        return ends * 2 if self.does == "twice" else ends
    def stop(self):
        pass

def make_executor(params, context):
    return Executor(params.does)
'''
PLUGIN = r'plugin "odd" \(odd 1.2\)'


@pytest.fixture(autouse=True)
def _odd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path, make_plugin: MakePlugin
) -> None:
    monkeypatch.chdir(tmp_path)
    make_plugin(ODD, distribution="odd", name="odd", odd_parts=PARTS)


def run(table: str, does: str, **more: Any) -> list[str]:
    """Run a study with one odd component; return the errors of what failed in it."""
    study: dict[str, Any] = {
        "study": {"name": "odd"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": [{"use": "center-prior"}],
        "run": {"device": "cpu", "batch_size": 5},
    }
    entry = {"use": "odd", "does": does}
    record = rateval.run(study | {table: entry if table == "executor" else [entry]} | more)
    return [failure.error for failure in record.failures]


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("bytes mask", r'sample "0000", must have a mask .*\(40, 56\) bool; got \(40, 56\) uint8'),
        ("small mask", r'sample "0000", must have a mask .*\(40, 56\) bool; got \(39, 56\) bool'),
        ("array", r'sample "0000", must have a PIL image of mode RGB; got \(40, 56, 3\) uint8'),
        ("grey", r"must have a PIL image of mode RGB; got an image of mode L"),
        ("label 3", r"must have a label, a whole number in \[0, 3\); got 3"),
        ("label -1", r"must have a label, a whole number in \[0, 3\); got -1"),
        ("label True", r"must have a label, a whole number in \[0, 3\); got True"),
        ("label 1.0", r"must have a label, a whole number in \[0, 3\); got 1.0"),
        ("number id", "must have an id, text that is not empty; got 7"),
        ("same id", r'sample "same", must have an id of its own; got that of positions 0 and 1'),
        ("caption", "must have a caption that is text, or None; got 5"),
        ("fewer", "must return one sample for each index; got 0 for 1 indices"),
        ("none", "must return Sample or Skipped; got None"),
        ("raises", r"samples\(\) at position 0 raised KeyError: 'lost.jpg' \(odd_parts.py:\d+\)"),
        ("exits", r"samples\(\) at position 0 raised SystemExit: 0"),
        ("listed otherwise", r"must have the label that is listed, 2; got [01]"),
    ],
)
def test_a_sample_that_is_not_as_promised_fails_its_step(does: str, message: str) -> None:
    (error,) = run("dataset", does)
    expected = f'the dataset "odd" of {PLUGIN}: its test split.*{message}'
    assert re.search(expected, error), error
    assert "(attribution" not in error  # nobody else is blamed


def test_whole_numbers_of_numpy_are_labels() -> None:
    assert run("dataset", "numpy label") == []


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("equal classes", r'must have a tuple of different names .*; got "a" 2 times'),
        ("blank class", "must have a tuple of different names .*; got ' '"),
        ("no class", r"must have a tuple of different names .*; got \(\)"),
        ("text classes", "must have a tuple of different names .*; got 'abc'"),
        ("no identity", "its test split raised AttributeError: .*identity"),
        ("empty identity", "its test split must have an identity, text that is not empty; got ''"),
        ("len", "its test split raised TypeError: no length today"),
        ("test raises", r"its test raised ValueError: no such folder \(odd_parts.py"),
        ("test lacks", "its test raised AttributeError: no such thing"),
        ("factory exits", "its factory ended with SystemExit: 4"),
        ("listed twice", "must list ids that are unique; got twice 'a'"),
        ("listed label", r"must list labels in \[0, 3\); got 3"),
        ("listed short", "must list as many labels as samples; got 1"),
    ],
)
def test_a_dataset_that_is_not_as_promised_ends_the_run_before_it_begins(
    does: str, message: str
) -> None:
    with pytest.raises(PluginError, match=f'the dataset "odd" of {PLUGIN}.*{message}'):
        run("dataset", does)
    assert not Path("runs/store/finetune").exists()


@pytest.mark.parametrize(
    ("table", "does", "message"),
    [
        ("model", "array", r'preprocess\(\) .* sample "0000" must return \(3, H, W\) float32'),
        ("model", "sizes", r"every image one size, here \(3, 24, 3[12]\); got \(3, 24, 3[12]\)"),
        ("model", "mask", r"preprocess_mask\(\) .* must return bool .*; got \(24, 32\) float32"),
        ("finetune", "", "must return a Classifier; got None without logits, model"),
        ("attribution", "", "must return an Explanation; got 0.5"),
        ("attribution", "exits", "SystemExit: 0: a plugin wanted to exit"),
        ("evidence", "", "must return a Verdict; got 0.5"),
        ("evidence", "exits", "SystemExit: 0: a plugin wanted to exit"),
        ("evidence", "floats", r"must return valid and defined as bool; got \(5,\) float32"),
        ("evidence", "reason", "must give a reason where a score is undefined"),
        ("metric", "", 'the metric "odd" returned 0.5, whose value is not numerator'),
        ("metric", "exits", "SystemExit: 0: a plugin wanted to exit"),
        ("metric", "label", "must have a label of text; got 3"),
        ("shift", "size", r'sample "0000" must have a mask of the image\'s size, \(20, 20\) bool'),
        ("shift", "mask", "must keep the mask; got None"),
        ("shift", "label", "must keep id and label"),
        ("shift", "raises", r'apply\(\) on sample "0000" raised ZeroDivisionError: fog'),
        ("shift", "", "must return a Sample, or Skipped; got an image of mode RGB"),
    ],
)
def test_what_any_other_component_hands_over_names_its_plugin(
    table: str, does: str, message: str
) -> None:
    errors = run(table, does)
    assert len(errors) == 1
    assert re.search(message, errors[0]), errors[0]
    assert re.search(PLUGIN, errors[0]), errors[0]


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("capacity", "has capacity = 'two'; it must be a whole number"),
        ("start", "its start raised ConnectionError: no cluster"),
        ("submit", "its submit raised SystemExit: 0"),
        ("collect", "its collect raised KeyError: 'job 7'"),
        ("strings", r"must return StepEnds from collect\(\); got 'done'"),
        ("twice", "says again, or unasked, how a step ended"),
    ],
)
def test_an_executor_that_fails_is_named(does: str, message: str) -> None:
    with pytest.raises(RatevalError, match=message) as caught:
        run("executor", does)
    assert 'plugin "odd" (odd 1.2)' in str(caught.value)


def test_what_a_monitor_raises_is_no_fault_of_the_executor() -> None:
    class Telling:
        capacity = 1

        def start(self, work: Any) -> None: ...

        def submit(self, step: Any, monitor: Any) -> None:
            self.monitor = monitor

        def collect(self) -> list[Any]:
            self.monitor.begin(3)
            return []

        def stop(self) -> None: ...

    class Broken:
        def begin(self, total: int) -> None:
            raise OSError("disk full")

        def advance(self, samples: int, note: str = "") -> None: ...

    executor = CheckedExecutor(Telling(), "telling", 'plugin "p"')
    executor.submit(Step("infer", "x", "1", {}), Broken())
    with pytest.raises(OSError, match="disk full"):
        executor.collect()


SPEC = """
[study]
name = "s"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[{table}]]
use = "lost"
"""
TABLES = ("dataset", "model", "finetune", "attribution", "evidence", "metric", "shift")
KINDS = ("dataset", "model", "finetuner", "attribution", "validator", "metric", "shift")


@pytest.mark.parametrize(("table", "kind"), list(zip(TABLES, KINDS, strict=True)))
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factory": "lost_parts:nowhere"}, 'factory = "lost_parts:nowhere", .*it has no nowhere'),
        ({"factory": "nowhere:make"}, 'factory = "nowhere:make", .*: there is no module nowhere'),
        ({"factory": "lost_parts.sub:make"}, "ModuleNotFoundError"),
        ({"factory": "lost_broken:make"}, "SyntaxError"),
        ({"digest": "lost_far:digest"}, 'digest = "lost_far:digest", .*: it has no digest'),
        ({"params": "lost_exit:Params"}, 'params = "lost_exit:Params", .*: SystemExit: 3'),
        ({"params": "lost_parts:Nothing"}, "lost_parts.*has no attribute 'Nothing'"),
    ],
)
def test_what_cannot_be_imported_is_known_at_validate(
    table: str,
    kind: str,
    changes: dict[str, str],
    message: str,
    make_plugin: MakePlugin,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = {"factory": "lost_parts:make", "params": "lost_parts:NoParams"} | changes
    make_plugin(
        "from rateval.api import Component, hookimpl\n"
        "@hookimpl\n"
        f"def rateval_register_{kind}s():\n"
        f"    return [Component(name='lost', summary='s', **{given!r})]\n",
        distribution="lost",
        lost_parts="from rateval.api import Params\n"
        "class NoParams(Params):\n    pass\n"
        "def make(params, context):\n    return None\n",
        lost_broken="def make(:\n",
        lost_far="def made(): pass\n",
        lost_exit="raise SystemExit(3)\n",
    )
    spec = SPEC.format(table=table)
    if table in ("dataset", "model", "finetune"):
        spec = re.sub(rf"(\[\[{table}\]\]\nuse = )\"\w+\"", r'\1"lost"', spec, count=1)
        spec = spec[: spec.rindex("[[")]
    Path("spec.toml").write_text(spec)
    assert main(["validate", "spec.toml"]) == 2
    printed = capsys.readouterr().err
    assert re.search(message, printed), printed
    assert 'plugin "lost" (lost 1.2)' in printed
    assert "Traceback" not in printed


def test_a_factory_whose_import_fails_ends_the_run_before_anything_is_trained(
    make_plugin: MakePlugin,
) -> None:
    make_plugin(
        "from rateval.api import Component, hookimpl\n"
        "@hookimpl\n"
        "def rateval_register_metrics():\n"
        "    return [Component(name='late', summary='s', factory='late_factory:make',"
        " params='odd_parts:OddParams')]\n",
        distribution="late",
        late_factory="def make(params, context): ...\nraise RuntimeError('boom')\n",
    )
    with pytest.raises(PluginError, match=r'plugin "late" .* RuntimeError: boom'):
        run("metric", "", metric=[{"use": "late"}])
    assert not Path("runs/store").exists() or not any(Path("runs/store").iterdir())
