"""TorchScript archives give their weights, and nothing in them ever runs."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import read_state_dict


def _module() -> nn.Module:
    module = nn.Sequential(nn.Conv2d(3, 8, 4), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1, bias=False))
    return module.eval().half()


def _load_by_torch(path: Path) -> Any:
    with warnings.catch_warnings():
        # TorchScript is on its way out; the files that it wrote are not.
        warnings.simplefilter("ignore")
        return torch.jit.load(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            str(path), map_location="cpu"
        )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            _module(), torch.zeros(1, 3, 8, 8).half(), check_trace=False
        )
        traced.save(str(path))
    return path


def test_an_archive_gives_its_state_dict(archive: Path) -> None:
    found, expected = read_state_dict(archive), _load_by_torch(archive).state_dict()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value)
        assert found[key].dtype == value.dtype
    assert {value.dtype for value in found.values()} == {torch.float16, torch.int64}


def test_the_program_of_an_archive_is_not_read(archive: Path) -> None:
    broken, expected = archive.with_name("broken.pt"), read_state_dict(archive)
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            code = "/code/" in name
            new.writestr(name, "raise SystemExit" if code else old.read(name))
    with pytest.raises(RuntimeError):
        _load_by_torch(broken)
    found = read_state_dict(broken)
    assert all(torch.equal(found[key], value) for key, value in expected.items())


class Touch:
    """Create the file it names when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.target,)


def test_an_archive_with_code_in_its_pickle_is_refused_unexecuted(tmp_path: Path) -> None:
    path, target = tmp_path / "weights.pt", tmp_path / "created"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/constants.pkl", b"")
        archive.writestr("weights/data.pkl", pickle.dumps({"x": Touch(target)}))
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed: it names "):
        read_state_dict(path)
    assert not target.exists()


def test_an_archive_cut_anywhere(archive: Path) -> None:
    whole = archive.read_bytes()
    for cut in range(0, len(whole), len(whole) // 11):
        archive.write_bytes(whole[:cut])
        with pytest.raises(RatevalError):
            read_state_dict(archive)


@pytest.mark.parametrize("change", ["short", "absent", "empty"])
def test_a_weight_without_its_numbers(archive: Path, change: str) -> None:
    damaged = archive.with_name("damaged.pt")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("/data/3"):
                if change == "absent":
                    continue
                content = content[: len(content) // 2 if change == "short" else 0]
            new.writestr(name, content)
    with pytest.raises(RatevalError, match="not a readable torch file, perhaps damaged"):
        read_state_dict(damaged)


class _Holding(nn.Module):
    def __init__(self, held: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("held", held)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: _Holding(torch.quantize_per_tensor(torch.eye(4), 0.1, 0, torch.qint8)),
            "holds quantised tensors; give a file with their numbers",
        ),
        (lambda: _Holding(torch.eye(4).to_sparse()), "holds sparse tensors"),
    ],
)
def test_archives_of_tensors_that_are_no_plain_numbers(
    make: Callable[[], nn.Module], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    torch.jit.script(make()).save(str(path))  # type: ignore[no-untyped-call]  # torch's own
    with pytest.raises(RatevalError, match=message):
        read_state_dict(path)


@pytest.mark.filterwarnings("ignore")
def test_a_frozen_archive_has_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    scripted = torch.jit.script(nn.Linear(2, 2).eval())
    torch.jit.freeze(scripted).save(str(path))
    with pytest.raises(RatevalError, match="must not be frozen"):
        read_state_dict(path)


def test_a_tree_of_modules_without_an_end(tmp_path: Path) -> None:
    """Thirty modules, each of which is twice the part of the one before: a billion names."""
    path = tmp_path / "weights.pt"
    inner = b"c__torch__\nM\n)\x81}b"
    for _ in range(30):
        inner = (
            b"c__torch__\nM\n)\x81}(X\x01\x00\x00\x00a" + inner + b"q\x01X\x01\x00\x00\x00bh\x01ub"
        )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/constants.pkl", b"")
        archive.writestr("weights/data.pkl", b"\x80\x02" + inner + b".")
    with pytest.raises(RatevalError, match="not a readable torch file"):
        read_state_dict(path)
