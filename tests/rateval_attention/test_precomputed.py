"""Maps from files: how they are read, what is refused, and a study on them."""

from __future__ import annotations

import functools
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

import rateval
from rateval.api import Context, RatevalError
from rateval.errors import SpecError
from rateval.records.run import RunRecord
from rateval.testing import check_attribution, check_component, tiny_classifier
from rateval_attention.map_files import digest
from rateval_attention.params import PrecomputedParams
from rateval_attention.plugin import rateval_register_attributions
from rateval_attention.precomputed import PrecomputedMaps, make_precomputed

Maps = dict[str, NDArray[Any]]
Write = Callable[[Path, Mapping[str, NDArray[Any]]], Path]
IDS = [f"{index:04d}" for index in range(4)]
IMAGES, LABELS = torch.zeros(4, 3, 24, 32), torch.zeros(4, dtype=torch.int64)


def to_npz(path: Path, maps: Mapping[str, NDArray[Any]]) -> Path:
    np.savez(path / "maps.npz", ids=list(maps), relevance=np.stack(list(maps.values())))
    return path / "maps.npz"


def to_folder(path: Path, maps: Mapping[str, NDArray[Any]]) -> Path:
    for name, values in maps.items():
        file = path / "maps" / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, values)
    return path / "maps"


WRITERS: tuple[Write, Write] = (to_npz, to_folder)


def random_maps(rows: int, columns: int, *, ids: list[str] = IDS) -> Maps:
    draw = np.random.default_rng(1)
    return {name: draw.exponential(size=(rows, columns)) for name in ids}


def make(path: Path, **params: Any) -> PrecomputedMaps:
    return make_precomputed(PrecomputedParams(path=str(path), **params), Context())


def explain(path: Path, ids: list[str] | None = IDS, **params: Any) -> NDArray[Any]:
    given = ids or IDS
    count = len(given)
    found = make(path, **params).explain(tiny_classifier(), IMAGES[:count], LABELS[:count], ids)
    assert found.logits is None
    assert found.relevance.dtype == torch.float32
    return found.relevance.numpy()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool"])
def test_maps_come_by_their_id(write: Write, dtype: str, tmp_path: Path) -> None:
    maps = {name: (3 * one).astype(dtype) for name, one in random_maps(3, 4).items()}
    path = write(tmp_path, maps)
    asked = ["0002", "0000", "0002"]
    expected = np.stack([maps[name] for name in asked]).astype("float32")
    assert np.array_equal(explain(path, asked), expected)


def test_ids_may_be_paths_and_numbers(tmp_path: Path) -> None:
    named = {"n01440764/a.JPEG": np.ones((3, 4)), "b": np.zeros((3, 4))}
    assert explain(to_folder(tmp_path, named), ["n01440764/a.JPEG"]).all()
    np.savez(tmp_path / "n.npz", ids=np.arange(2), relevance=np.stack([*named.values()]))
    assert explain(tmp_path / "n.npz", ["0"]).all()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("size", [(24, 32), (9, 4), (3, 16)])
def test_finer_maps_are_averaged_over_each_patch(
    write: Write, size: tuple[int, int], tmp_path: Path
) -> None:
    maps = random_maps(*size)
    high, wide = size[0] // 3, size[1] // 4
    blocks = [one.reshape(3, high, 4, wide).mean(axis=(1, 3)) for one in maps.values()]
    assert np.allclose(explain(write(tmp_path, maps)), np.stack(blocks), rtol=1e-5, atol=0)


def test_patches_that_share_a_pixel_share_its_value(tmp_path: Path) -> None:
    """A pixel on the border of two patches counts for both."""
    row = np.arange(7.0)
    path = to_npz(tmp_path, {"a": np.tile(row, (3, 1))})
    columns = [row[0:2].mean(), row[1:4].mean(), row[3:6].mean(), row[5:7].mean()]
    assert np.allclose(explain(path, ["a"]), np.tile(columns, (1, 3, 1)), rtol=1e-6)


def test_negative_values_may_be_cut_off(tmp_path: Path) -> None:
    maps = {"a": np.array([[-1.0, 2.0, -0.5, 4.0]] * 6)}
    found = explain(to_npz(tmp_path, maps), ["a"], negative="zero")
    assert np.array_equal(found[0], np.array([[0.0, 2.0, 0.0, 4.0]] * 3))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("spoilt", "negative", "message"),
    [
        (
            np.full((3, 4), -1.0),
            "refuse",
            r'"b" has negative .* set negative = "zero" to take them',
        ),
        (np.full((3, 4), np.nan), "refuse", r'"b" has values that are NaN or infinite'),
        (np.full((3, 4), np.nan), "zero", r'"b" has values that are NaN or infinite'),
        (np.full((3, 4), np.inf), "zero", r'"b" has values that are NaN or infinite'),
        (np.ones((2, 9)), "refuse", r'"b" is \(2, 9\) float64; .* of at least .*\(3, 4\) patches$'),
        (np.ones((9, 3)), "refuse", r'"b" is \(9, 3\) float64; it must be real numbers, \(rows'),
        (np.full((3, 4), "x"), "refuse", r'"b" is \(3, 4\) <U1; it must be real numbers'),
        (np.ones((3, 4), complex), "refuse", r'"b" is \(3, 4\) complex128; it must be real'),
    ],
)
def test_maps_that_are_none(
    write: Write, spoilt: NDArray[Any], negative: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path, {"b": spoilt})
    with pytest.raises(RatevalError, match=r"^precomputed: the map of " + message):
        explain(path, ["b"], negative=negative)


def test_a_map_of_a_folder_has_two_sides(tmp_path: Path) -> None:
    path = to_folder(tmp_path, {"a": np.ones((3, 4, 1)), "b": np.ones(12)})
    for name, shape in (("a", r"\(3, 4, 1\)"), ("b", r"\(12,\)")):
        with pytest.raises(RatevalError, match=rf'the map of "{name}" is {shape} float64'):
            explain(path, [name])


@pytest.mark.parametrize("write", WRITERS)
def test_a_sample_without_a_map_is_named(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path, random_maps(3, 4, ids=["0001"]))
    message = r"^precomputed: .*maps.* holds no map for 0000, 0002, 0003; give one for every sample"
    with pytest.raises(RatevalError, match=message):
        explain(path)


def test_ids_are_needed(tmp_path: Path) -> None:
    path = to_npz(tmp_path, random_maps(3, 4))
    with pytest.raises(RatevalError, match=r"^precomputed: .* samples' ids; give ids$"):
        explain(path, None)


class Payload:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.mkdir, (Path("created"),)  # type: ignore[return-value]


@functools.cache
def spoilt_files() -> dict[str, tuple[bytes, str]]:
    def saved(**arrays: Any) -> bytes:
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    def array(values: Any) -> bytes:
        file = io.BytesIO()
        np.save(file, values)
        return file.getvalue()

    def archived(**contents: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return file.getvalue()

    one = np.ones((2, 3, 4))
    whole = saved(ids=["a", "b"], relevance=one)
    damaged = bytearray(whole)
    damaged[-200:-100] = bytes(100)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("relevance.npy", bytes(300 << 20))
    encrypted, newer = bytearray(whole), bytearray(whole)
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    newer[whole.index(b"PK\x01\x02") + 6] = 99
    deep = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        deep, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 3, 4)}
    )
    return {
        "bomb": (bomb.getvalue(), "bytes that unpack to 314,572,800; at most 10 times as many"),
        "encrypted": (bytes(encrypted), "an archive that is encrypted, which cannot be unpacked"),
        "newer": (bytes(newer), r"of a newer format \(zip file version 9.9\)"),
        "huge": (
            archived(**{"ids.npy": array(np.array(["a"])), "relevance.npy": deep.getvalue()}),
            "cannot be read: ",
        ),
        "text": (b"no maps here", "cannot be read: "),
        "empty": (b"", "cannot be read: "),
        "pickle": (pickle.dumps(Payload()), "cannot be read: "),
        "pickled ids": (saved(ids=np.array([Payload()], object), relevance=one), "allow_pickle"),
        "pickled maps": (saved(ids=["a"], relevance=np.array([Payload()], object)), "allow_pickle"),
        "an array": (array(one), "it holds one array, without ids"),
        "no ids": (saved(relevance=one), "ids"),
        "no maps": (saved(ids=["a", "b"]), "relevance"),
        "another archive": (archived(**{"readme.txt": b"no maps"}), "ids"),
        "cut short": (whole[: len(whole) // 2], "cannot be read: "),
        "damaged": (bytes(damaged), "cannot be read: "),
        "twice": (saved(ids=["a", "a"], relevance=one), r"ids \(2,\) and relevance \(2, 3, 4\)"),
        "fewer": (saved(ids=["a"], relevance=one), r"don't fit: there must be one id, none twice"),
        "flat": (saved(ids=["a", "b"], relevance=np.ones((2, 12))), r"relevance \(2, 12\) don't"),
    }


@pytest.mark.parametrize("name", spoilt_files())
def test_a_file_that_holds_no_maps(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, message = spoilt_files()[name]
    Path("maps.npz").write_bytes(content)
    with pytest.raises(RatevalError, match=rf"^precomputed: path = maps\.npz: .*{message}"):
        make(Path("maps.npz"))
    assert not Path("created").exists()


@pytest.mark.parametrize("content", [b"", b"no map", pickle.dumps(Payload()), b"PK\x03\x04zip"])
def test_a_map_that_cannot_be_read(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("maps").mkdir()
    Path("maps/a.npy").write_bytes(content)
    with pytest.raises(RatevalError, match=r"^precomputed: path = maps/a\.npy: cannot be read: "):
        explain(Path("maps"), ["a"])
    assert not Path("created").exists()


def test_nothing_there(tmp_path: Path) -> None:
    gone = tmp_path / "gone.npz"
    with pytest.raises(RatevalError, match=r"^precomputed: path = .*gone\.npz: .*give a \.npz"):
        make(gone)
    with pytest.raises(RatevalError, match=r"there is no such file or folder; maps must be there"):
        digest(PrecomputedParams(path=str(gone)))


@pytest.mark.parametrize("write", WRITERS)
def test_conformance(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path, random_maps(6, 8))
    (component,) = (c for c in rateval_register_attributions() if c.name == "precomputed")
    check_component(component, "attribution", path=str(path))
    images, ids = torch.randn(2, 3, 24, 32), ["0003", "0001"]
    check_attribution(make(path), tiny_classifier(5), images, ids)


def test_the_digest_goes_by_the_bytes(tmp_path: Path) -> None:
    def of(path: Path) -> str:
        return digest(PrecomputedParams(path=str(path)))

    maps = random_maps(3, 4)
    file, folder = to_npz(tmp_path, maps), to_folder(tmp_path, maps)
    in_file, in_folder = of(file), of(folder)
    (folder / "notes.txt").write_text("no map")
    assert of(file.rename(tmp_path / "renamed.npz")) == in_file
    assert of(folder.rename(tmp_path / "renamed")) == in_folder
    np.save(tmp_path / "renamed" / "0001.npy", np.zeros((3, 4)))
    changed = of(tmp_path / "renamed")
    (tmp_path / "renamed" / "0001.npy").rename(tmp_path / "renamed" / "0009.npy")
    to_npz(tmp_path, maps | {"0001": np.zeros((3, 4))})
    found = {in_file, in_folder, changed, of(tmp_path / "renamed"), of(tmp_path / "maps.npz")}
    assert len(found) == 5


NAMES = {"dataset": "cub", "model": "B/16", "finetune": "ft", "shift": "", "seed": "3"}


def test_placeholders_are_the_labels_of_the_cell() -> None:
    path = "maps/{dataset}-{model}/{finetune}_{shift}_{seed}_{{x}}.npz"
    params = PrecomputedParams(path=path, negative="zero")
    assert params.for_cell(NAMES).path == "maps/cub-B-16/ft__3_{x}.npz"
    assert params.for_cell(NAMES).negative == "zero"
    assert params.path == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{attribution}.npz", r"unknown placeholder \{attribution\}; there are \{dataset\}, \{mod"),
        ("{}.npz", r"unknown placeholder \{\}"),
        ("{model.x}.npz", r"unknown placeholder \{model\.x\}"),
        ("{model", "not a path with placeholders"),
        ("model}", "not a path with placeholders"),
        ("{seed:03d}.npz", r"names in braces and nothing else, as in \{model\}"),
        ("{seed!r}.npz", r"names in braces and nothing else"),
        ("", "at least 1 character"),
    ],
)
def test_other_placeholders_are_refused(path: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PrecomputedParams(path=path)


def spec(*attributions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny", "seeds": [0, 1]},
        "dataset": [{"use": "squares"}, {"use": "squares", "name": "fewer", "test": 7}],
        "model": [{"use": "tiny"}],
        "finetune": [
            {"use": "zs"},
            {"use": "ft", "name": "f/t", "epochs": 2, "lr": 0.01, "batch_size": 8},
        ],
        "attribution": list(attributions),
        "evidence": [{"use": "relevance-mass", "threshold": 0.3}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    """Work in a folder of one's own, with the tiny model and dataset as components."""
    monkeypatch.chdir(tmp_path)


def export(record: RunRecord) -> None:
    """Write the maps of every cell, as the documentation says."""
    for cell in record.cells:
        key, method = cell.key, cell.key.finetuner.replace("/", "-")
        seed = "" if key.seed is None else key.seed
        name = f"{key.dataset}-{method}-{key.shift or ''}-{seed}"
        ids = record.rows(cell)["id"].to_pylist()
        np.savez(f"{name}.npz", ids=ids, relevance=record.relevance(cell))


FILES = {"use": "precomputed", "path": "{dataset}-{finetune}-{shift}-{seed}.npz"}


@pytest.mark.usefixtures("runs")
def test_a_study_on_exported_maps_comes_to_the_same_verdicts() -> None:
    changes: dict[str, Any] = {"shift": [{"use": "darken"}]}
    first = rateval.run(spec({"use": "generic-attention"}, **changes))
    export(first)
    second = rateval.run(spec(FILES, faithfulness={"images": 4, "steps": 2}, **changes))
    # Two datasets, with and without a shift, zero-shot once and two seeds of ft.
    assert len(first.cells) == len(second.cells) == 12
    for before, cell in zip(first.cells, second.cells, strict=True):
        assert (cell.key.dataset, cell.key.finetuner, cell.key.shift, cell.key.seed) == (
            before.key.dataset,
            before.key.finetuner,
            before.key.shift,
            before.key.seed,
        )
        names = ("id", "prediction", "valid", "undefined", "probabilities")
        theirs, ours = (r.rows(c) for r, c in ((first, before), (second, cell)))
        assert ours.select(names).equals(theirs.select(names))
        assert cell.evidence[0].scores == before.evidence[0].scores
        assert np.array_equal(second.relevance(cell), first.relevance(before))
        # Maps from files never change with the weights.
        assert cell.faithfulness is not None
        assert cell.faithfulness.randomisation is not None
        assert cell.faithfulness.randomisation.correlation == pytest.approx(1)
    reused = {stage.stage for stage in second.stages if stage.reused}
    assert "finetune" in reused
    assert second.spec_resolved["attribution"][0]["params"]["path"] == FILES["path"]


@pytest.mark.usefixtures("runs")
def test_other_bytes_are_explained_again() -> None:
    alone = spec(FILES, dataset=[{"use": "squares"}], finetune=[{"use": "zs"}])
    for value in (1.0, 2.0):
        maps = random_maps(3, 4, ids=[f"{index:04d}" for index in range(12)])
        maps["0003"] = np.eye(3, 4) * value + np.ones((3, 4))
        np.savez("squares-zs--.npz", ids=list(maps), relevance=np.stack([*maps.values()]))
        record = rateval.run(alone)
        assert not any(stage.reused for stage in record.stages if stage.stage == "infer")
        expected = (maps["0003"] / maps["0003"].max()).astype("float16")
        assert np.array_equal(record.relevance(record.cells[0])[3], expected)


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("maps.npz", ("zs on squares", ""), ("zs on fewer", "")),
        ("{dataset}.npz", ("zs on squares", ""), ("f/t on squares", ", seed 0")),
        (
            "{dataset}-{finetune}.npz",
            ("f/t on squares", ", seed 0"),
            ("f/t on squares", ", seed 1"),
        ),
    ],
)
def test_one_file_for_two_cells_is_refused(
    path: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    Path("maps.npz").touch()
    study = spec({"use": "random"}, {"use": "precomputed", "path": path})
    with pytest.raises(SpecError) as caught:
        rateval.run(study)
    assert len(caught.value.problems) == 1
    problem = caught.value.problems[0]
    assert problem.where == "spec: attribution[1]"
    named, _, advice = problem.what.partition(" the same params, but its maps belong to one cell; ")
    one, other = (f"tiny · {what} · precomputed{seed}" for what, seed in (first, second))
    assert named == f"gives {one} and {other}"
    assert advice.startswith("write {dataset}, {model}, {finetune}, {shift} or {seed} where")


@pytest.mark.usefixtures("runs")
def test_one_cell_needs_no_placeholder() -> None:
    data, method = [{"use": "squares"}], [{"use": "zs"}]
    np.savez("m.npz", ids=[f"{i:04d}" for i in range(12)], relevance=np.ones((12, 3, 4)))
    files = {"use": "precomputed", "path": "m.npz"}
    record = rateval.run(spec(files, dataset=data, finetune=method))
    assert record.cells[0].evidence[0].undefined == {"constant relevance": 12}


@pytest.mark.usefixtures("runs")
def test_a_missing_file_is_named_as_the_cell_names_it() -> None:
    message = r"attribution\[0\]\.path = .*: no such file or folder: squares-zs--\.npz, fewer-zs"
    with pytest.raises(SpecError, match=message):
        rateval.run(spec(FILES))


@pytest.mark.usefixtures("runs")
def test_samples_held_out_are_explained_by_another_attribution() -> None:
    watched: dict[str, Any] = {"held_out": {"images": 6}}
    export(rateval.run(spec({"use": "generic-attention"}, **watched)))
    both = rateval.run(spec(FILES, {"use": "generic-attention"}, **watched))
    assert [set(curve.epochs[0].held_out) for curve in both.trainings] == [
        {"accuracy", "pt", "ir"}
    ] * len(both.trainings)
    assert both.trainings
    message = (
        r"^tiny · f/t on squares, seed 0: held_out\.evidence = true: none of the study's "
        r"attributions can explain samples held out of training; set evidence = false"
    )
    with pytest.raises(RatevalError, match=message):
        rateval.run(spec(FILES, **watched))
    without: dict[str, Any] = {"held_out": {"images": 6, "evidence": False}}
    export(rateval.run(spec({"use": "generic-attention"}, **without)))
    alone = rateval.run(spec(FILES, **without))
    assert [set(curve.epochs[0].held_out) for curve in alone.trainings] == [{"accuracy"}] * len(
        alone.trainings
    )
