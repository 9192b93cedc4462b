from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from rateval.api import RatevalError, Readout
from rateval.testing import ConformanceError, TinyModel, check_model
from rateval.testing.checkpoints import check_checkpoints

State = Mapping[str, torch.Tensor]


def check(kind: Callable[[], TinyModel]) -> None:
    with torch.no_grad():
        check_checkpoints(kind(), torch.rand(2, 3, 24, 32))


@pytest.mark.parametrize("readout", get_args(Readout))
def test_the_tiny_model_passes(readout: Readout) -> None:
    check(lambda: TinyModel(readout))


class Partial(TinyModel):
    """It takes what fits and leaves the rest."""

    def load_checkpoint(self, state: State, source: Path) -> None:
        self.module.load_state_dict(state, strict=False)


class Hasty(TinyModel):
    """It refuses after it has changed weights."""

    def load_checkpoint(self, state: State, source: Path) -> None:
        own = self.module.state_dict()
        for key, value in state.items():
            if key in own and own[key].shape == value.shape:
                own[key].copy_(value)
        super().load_checkpoint(state, source)


class Forgetful(TinyModel):
    """It takes the image tower alone."""

    def load_checkpoint(self, state: State, source: Path) -> None:
        super().load_checkpoint(state, source)
        self.tower.projection.weight.mul_(2)


class Silent(TinyModel):
    """Its card stays what it was."""

    def load_checkpoint(self, state: State, source: Path) -> None:
        card = self.card
        super().load_checkpoint(state, source)
        self.card = card


class Stale(TinyModel):
    """It writes other weights than those it has."""

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        return TinyModel(self.readout).export_checkpoint(folder)


class Untidy(TinyModel):
    """It leaves a file behind that it doesn't name."""

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        files = super().export_checkpoint(folder)
        (folder / "more.json").write_text("{}")
        return files


class Weightless(TinyModel):
    """It writes no weights."""

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        return (folder / "config.json",)


class Elsewhere(TinyModel):
    """It writes into another folder."""

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        return super().export_checkpoint(folder.parent)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Partial, "raise RatevalError for a missing weight"),
        (Hasty, "change nothing; got other weights"),
        (Forgetful, r"take all of module.state_dict\(\)"),
        (Silent, "say in the card where the weights come from"),
        (Stale, "write what load_checkpoint takes"),
        (Untidy, "return all files it wrote"),
        (Weightless, "write weights into a file that ends in"),
        (Elsewhere, "return the files it wrote into the folder"),
    ],
)
def test_a_broken_promise_is_named(kind: type[TinyModel], promise: str) -> None:
    with pytest.raises(ConformanceError, match=promise):
        check(kind)


def test_the_whole_suite_asks_for_it() -> None:
    with pytest.raises(ConformanceError, match="write what load_checkpoint takes"):
        check_model(Stale())


def test_the_tiny_model_refuses_what_is_not_its_own() -> None:
    model: Any = TinyModel()
    with pytest.raises(RatevalError, match=r"x.safetensors: the keys are not those of the tiny"):
        model.load_checkpoint({}, Path("x.safetensors"))
