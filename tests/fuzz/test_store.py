"""Stored results damaged: computed anew, with the numbers of before; or refused, never believed."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from faults.command import Commands, Done
from faults.comparison import (
    Values,
    leftovers,
    newest_record,
    require_equal,
    run_values,
    stored_values,
)
from faults.damage import ALL, damage, edit_json, files_in
from faults.explore import Case
from faults.killing import Kill
from faults.studies import TO_STORE, TO_STORE_MORE
from faults.values import HOWS, ODD, as_toml
from faults.verdict import FaultError, require_good_end, require_told_failures

SPECS = {"spec.toml": TO_STORE, "more.toml": TO_STORE_MORE}
COUNT = st.integers(0, 9999)
HOW = st.sampled_from(("set", "set", *HOWS))
DAMAGE = st.one_of(
    st.tuples(st.sampled_from(sorted(ALL)), COUNT, COUNT),
    st.tuples(st.just("json"), COUNT, HOW, st.sampled_from(sorted(ODD))),
).map(list)
DAMAGES = st.lists(st.tuples(COUNT, DAMAGE).map(list), min_size=1, max_size=2)
CASES = st.one_of(
    *[
        st.fixed_dictionaries(
            {
                "base": st.just(base),
                "command": commands,
                "damages": DAMAGES,
                "more": st.booleans(),
            }
        )
        for base, commands in (
            ("finished", st.sampled_from(["run", "run", "read", "export"])),
            ("unfinished", st.just("run")),
            ("record", st.sampled_from(["report", "report", "read", "export"])),
        )
    ],
    # The limit holds for what is printed, too, which has to fit.
    st.fixed_dictionaries({"base": st.just("none"), "file size": st.integers(4_000, 60_000)}),
    st.fixed_dictionaries({"base": st.just("record"), "command": st.just("full")}),
)
STATE = "store/finetune-unfinished/*/*.safetensors"
"""State of a training, in a folder of runs."""
STRANGE = {"folder", "loop", "pipe"}
"""Entries that no run leaves: a message may ask a person to take them away."""


@dataclass(frozen=True)
class Sound:
    """Folders with specs and runs, and what they hold."""

    finished: Path
    unfinished: Path
    none: Path
    read: str
    """What the public API says of the run."""
    stored: Mapping[str, Values]
    """Name of a spec to the store after its run, one after the other."""
    reported: Mapping[str, Values]


@pytest.fixture(scope="module")
def sound(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Return a finished run, one that died while it trained, and none."""
    root = tmp_path_factory.mktemp("sound")
    none, finished, unfinished, whole = (
        root / name for name in ("none", "finished", "unfinished", "whole")
    )
    none.mkdir()
    for name, tables in SPECS.items():
        (none / name).write_text(as_toml(tables), encoding="utf-8")
    for folder in (finished, unfinished, whole):
        shutil.copytree(none, folder)
    assert commands.run("run", "spec.toml", folder=finished).code == 0
    read = commands.run(
        str(newest_record(finished / "runs")), folder=finished, call="faults.reading:main"
    )
    assert read.code == 0, read.err
    stored, reported = {}, {}
    for name in SPECS:
        done = commands.run("run", name, folder=whole)
        assert done.code == 0, done.err
        reported[name] = run_values(newest_record(whole / "runs"))
        stored[name] = stored_values(whole / "runs")
    interrupt(commands, unfinished)
    return Sound(finished, unfinished, none, read.out, stored, reported)


def interrupt(commands: Commands, folder: Path) -> None:
    """Kill runs ever later until one has left the state of a training."""
    runs = folder / "runs"
    for at in itertools.count(10):
        shutil.rmtree(runs, ignore_errors=True)
        kill = Kill(str(runs), str(commands.scratch / f"counter{at}"), at)
        commands.run("run", "spec.toml", folder=folder, environment=kill.environment)
        if any(runs.glob(STATE)):
            return
        assert kill.hit, "a run has ended without a state of its training on the way"


def apply(place: Path, base: str, damages: Iterable[Any]) -> str:
    """Damage files of a store, or of a run's folder, and say which and how."""
    said = []
    for which, (how, *rest) in damages:
        root = place / "runs" if base == "record" else place / "runs" / "store"
        patterns = ("*/run.json", "*/steps.jsonl", "*/spec.toml") if base == "record" else ("*",)
        if base == "unfinished":
            patterns = ("*.safetensors",)
        if how == "json":
            patterns = ("run.json",) if base == "record" else ("manifest.json",)
        files = files_in(root, *patterns)
        if files:
            file = files[which % len(files)]
            words = edit_json(file, *rest) if how == "json" else damage(file, how, *rest)
            said.append(f"{file.parent.parent.name}/{words}")
    return "; ".join(said) or "nothing"


def give(commands: Commands, case: Case, place: Path) -> Done:
    """Run the command of a case; it has to end well."""
    options: dict[str, Any] = {"folder": place}
    command = case.get("command", "run")
    folders = (path for path in (place / "runs").iterdir() if path.name != "store")
    folder = next(folders, place / "runs" / "deleted")
    words = ["run", "spec.toml"]
    if command == "report":
        words = ["report"] if case["damages"][0][0] % 2 else ["report", str(folder)]
    elif command == "full":
        words, options["out"] = ["report", str(folder)], Path(os.devnull).with_name("full")
    elif command == "export":
        words = ["export-checkpoint", str(folder), "--to", "exported"]
    elif command == "read":
        words, options["call"] = [str(folder)], "faults.reading:main"
    done = commands.run(*words, **options)
    require_good_end(done)
    if command == "run":  # no other one writes the steps, which may be what was damaged
        require_told_failures(place / "runs")
    return done


@dataclass(frozen=True)
class Bench:
    """A case being done: the command line, where, and what is right."""

    commands: Commands
    place: Path
    sound: Sound

    def do(self, case: Case) -> None:
        """Damage a copy of sound folders, give the command, and look at what is left."""
        shutil.rmtree(self.place, ignore_errors=True)
        base = case["base"]
        source = getattr(self.sound, base, self.sound.finished)
        shutil.copytree(source, self.place)
        words = apply(self.place, base, case.get("damages", ()))
        try:
            if base == "none":
                self.fill_the_disk(case["file size"])
            elif case["command"] != "run":
                self.look(case)
            elif STRANGE & {how for _, (how, *_) in case["damages"]}:
                give(self.commands, case, self.place)
            else:
                damaged = stored_values(self.place / "runs")
                self.require_whole("spec.toml", damaged)
                if case["more"]:
                    self.require_whole("more.toml", damaged)
        except FaultError as fault:
            fault.args = (f"{fault}\n{words}",)
            raise

    def look(self, case: Case) -> None:
        """Read what is damaged: it is refused, or is what was stored."""
        done = give(self.commands, case, self.place)
        if case["command"] == "full" and done.code != 2:
            raise FaultError("a report that nobody got", f"exit code {done.code}")
        if case["command"] == "read" and done.code == 0 and case["base"] == "finished":
            require_equal({"read": done.out}, {"read": self.sound.read}, "what is read")

    def fill_the_disk(self, size: int) -> None:
        """Run where no file may grow beyond ``size``, and then where it may."""
        done = self.commands.run("run", "spec.toml", folder=self.place, file_size=size)
        require_good_end(done)
        require_told_failures(self.place / "runs")
        self.require_whole("spec.toml", {})
        left = leftovers(self.place / "runs")
        if left:
            raise FaultError("left over in the folders of runs", "\n".join(left))

    def require_whole(self, spec: str, damaged: Values) -> None:
        """Raise FaultError unless a run ends with the numbers of an undamaged one."""
        done = self.commands.run("run", spec, folder=self.place)
        require_good_end(done)
        require_told_failures(self.place / "runs")
        if done.code:
            raise FaultError(f"a store that does not heal: exit code {done.code}", done.err)
        reported = run_values(newest_record(self.place / "runs"))
        require_equal(reported, self.sound.reported[spec], "the report")
        stored = stored_values(self.place / "runs")
        require_equal(stored, self.sound.stored[spec], "the store", damaged)


def test_the_store(commands: Commands, explore: Any, sound: Sound, place: Path) -> None:
    explore("store", CASES, Bench(commands, place, sound).do, 12)
