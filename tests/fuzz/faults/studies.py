"""Small sound studies, as tables: what is mutated, or looked at through what is mutated."""

from __future__ import annotations

from typing import Any

Tables = dict[str, Any]

EVERYTHING: Tables = {
    "study": {"name": "small", "seeds": [0, 1]},
    "dataset": [
        {"use": "squares", "name": "first", "train": 8, "test": 6},
        {"use": "squares", "name": "second", "train": 8, "test": 6, "masks": True,
         "train_shift": "darken"},
    ],
    "model": [{"use": "tiny", "name": "tiny"}],
    "finetune": [
        {"use": "zs", "name": "zs"},
        {"use": "lp", "name": "lp", "epochs": 1, "lr": 0.01},
    ],
    "attribution": [
        {"use": "generic-attention", "layers": "all"},
        {"use": "random", "name": "by chance"},
    ],
    "evidence": [{"use": "relevance-mass", "threshold": 0.2}],
    "metric": [{"use": "accuracy"}, {"use": "pt"}, {"use": "ir"}],
    "shift": [
        {"use": "darken", "by": 0.5},
        {"use": "haze", "name": "fog", "type": ["grey", "white"], "severity": [1, 3]},
    ],
    "faithfulness": {"images": 2, "steps": 2, "randomisation": True},
    "held_out": {"images": 4, "evidence": True},
    "report": {"pictures": 3, "tokens": 2, "html": False},
    "gate": {
        "against": "zs", "different_view": False, "decide": "interval",
        "require": [
            {"metric": "accuracy", "at_least": 0.5, "worst": "class"},
            {"metric": "pt", "drop_at_most": 0.02, "shift": "none"},
            {"metric": "pt", "rise_at_least": 0.01, "worst": "class"},
        ],
    },
    "executor": {"use": "local", "workers": 1},
    "run": {
        "device": "cpu", "batch_size": 4, "precision": "float32", "processes": 1, "readers": 1,
        "limit": 6, "limit_by": "share", "output": "runs", "reuse": True,
    },
}  # fmt: skip
"""Every table and most keys; it is only checked, not run."""

TO_RUN: Tables = {
    "study": {"name": "small", "seed": 0},
    "dataset": [{"use": "squares", "name": "squares", "train": 8, "test": 6}],
    "model": [{"use": "tiny", "name": "tiny"}],
    "finetune": [{"use": "lp", "name": "lp", "epochs": 1}],
    "attribution": [{"use": "generic-attention", "name": "maps", "layers": "all"}],
    "evidence": [{"use": "relevance-mass", "threshold": 0.2}],
    "metric": [{"use": "accuracy"}, {"use": "pt", "name": "PT"}],
    "run": {"device": "cpu", "batch_size": 4, "limit": 6, "output": "runs"},
}
"""A study of a second, without what would start processes."""

TO_STORE: Tables = {
    "study": {"name": "small", "seed": 0},
    "dataset": [{"use": "squares", "train": 8, "test": 6}],
    "model": [{"use": "tiny"}],
    "finetune": [{"use": "lp", "epochs": 2, "lr": 0.01}],
    "attribution": [{"use": "generic-attention", "layers": "all"}, {"use": "center-prior"}],
    "evidence": [{"use": "relevance-mass", "threshold": 0.2}],
    "faithfulness": {"images": 2, "steps": 2},
    "run": {"device": "cpu", "batch_size": 4},
}
"""A study that leaves a result of every stage."""

TO_STORE_MORE: Tables = TO_STORE | {
    "attribution": [*TO_STORE["attribution"], {"use": "random"}],
    "evidence": [
        *TO_STORE["evidence"],
        {"use": "relevance-mass", "name": "more", "threshold": 0.4},
    ],
}
"""The same with more to compute, for which the classifier, the maps and the masks are read."""

TO_KILL: Tables = {
    "study": {"name": "small", "seed": 0},
    "dataset": [{"use": "squares", "train": 8, "test": 6}],
    "model": [{"use": "tiny"}],
    "finetune": [{"use": "ft", "epochs": 3}],
    "attribution": [{"use": "generic-attention", "layers": "all"}, {"use": "center-prior"}],
    "evidence": [{"use": "relevance-mass", "threshold": 0.2}],
    "faithfulness": {"images": 2, "steps": 2},
    "run": {"device": "cpu", "batch_size": 2},
}
"""A study of every stage, with a training of several epochs."""


def looking_at(dataset: Tables, *, trains: bool) -> Tables:
    """Return a study that reads a dataset's test split, and its training split if it ``trains``."""
    return {
        "study": {"name": "small"},
        "dataset": [dataset],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "lp", "epochs": 1} if trains else {"use": "zs"}],
        "run": {"device": "cpu"},
    }


def trying(model: Tables) -> Tables:
    """Return a study of one model without training."""
    return {
        "study": {"name": "small"},
        "dataset": [{"use": "squares", "train": 4, "test": 3}],
        "model": [model],
        "finetune": [{"use": "zs"}],
        "run": {"device": "cpu"},
    }
