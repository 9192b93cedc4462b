"""Runs killed at random, and run again: ``python -m faults.soak --kills 100``.

Each kill has a number, which together with the seed says which study, when it dies and who: so any
of them can be repeated alone. A killed study is run once more, and must then hold exactly what the
same study holds that nobody disturbed: same rows, maps, classifiers and numbers, and no file more.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.command import Commands, Done, Job
from faults.comparison import (
    Values,
    leftovers,
    newest_record,
    require_equal,
    run_values,
    stored_values,
)
from faults.killing import Kill
from faults.scenarios import SCENARIOS, Scenario
from faults.values import as_toml
from faults.verdict import FaultError, require_good_end, shorten

LIMIT_S = 240.0
"""Seconds until a run counts as hanging: workers import torch, each on its own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a scenario's study leaves that nobody disturbs."""

    folder: Path
    operations: int
    """Of the command that is going to be killed."""
    seconds: float
    stored: Values
    reported: Values


class Soak:
    """Kills of one seed, one after the other."""

    def __init__(self, commands: Commands, root: Path, seed: int) -> None:
        self._commands, self._root, self._seed = commands, root, seed
        self._references: dict[str, Reference] = {}

    def kill(self, number: int, scenarios: Sequence[Scenario] = SCENARIOS) -> tuple[Scenario, bool]:
        """Do one kill and run again; return the scenario, and whether anybody died.

        Raises FaultError unless the result is the undisturbed one, and nothing is left over.
        """
        # Not for anything secret: the same number is the same kill.
        draw = random.Random(f"{self._seed}/{number}")
        (scenario,) = draw.choices(scenarios, [scenario.weight for scenario in scenarios])
        reference = self._reference(scenario)
        folder = self._place("kill")
        if scenario.finished:
            shutil.copytree(reference.folder, folder, dirs_exist_ok=True)
        else:
            self._write(folder, scenario)
        at, moment = draw.randint(1, reference.operations), draw.random()
        kill = self._kill(folder, at if draw.random() < 0.8 else 0, everybody=draw.random() < 0.5)
        after = None if kill.at else moment * reference.seconds
        told = f"{scenario.name}: at operation {kill.at} of about {reference.operations}"
        told += "" if after is None else f"; no, after {after:.3f} s"
        try:
            ends = self._disturb(scenario, folder, kill, after)
            self._require_same(folder, reference)
        except FaultError as fault:
            fault.args = (f"{fault}\n{told}",)
            raise
        return scenario, kill.hit or any(end.code == -9 for end in ends)

    def _disturb(
        self, scenario: Scenario, folder: Path, kill: Kill, after: float | None
    ) -> Sequence[Done]:
        """Run as the scenario says, and let the first run die."""
        jobs = [
            self._job(folder, scenario, kill.environment if first else {}, after if first else None)
            for first in [True, *[False] * (scenario.runs - 1)]
        ]
        ends = self._commands.together(jobs)
        for end in ends:
            if end.code != -9 or end.hung:
                require_good_end(end)
            if end.survivors:
                raise FaultError("processes that outlive their run", shorten(end.err))
            # A run whose worker was killed may fail, if it says so.
            if end.code > 0 and not (scenario.has_children and kill.hit):
                raise FaultError(f"{scenario.name}: a run fails", shorten(end.err))
        return ends

    def _require_same(self, folder: Path, reference: Reference) -> None:
        """Run once more to the end, and compare all that is there."""
        (done,) = self._commands.together([self._job(folder)])
        require_good_end(done)
        if done.code:
            raise FaultError(f"a killed run that can't go on: {done.code}", shorten(done.err))
        require_equal(run_values(newest_record(folder / "runs")), reference.reported, "the report")
        require_equal(stored_values(folder / "runs"), reference.stored, "the store")
        left = [*leftovers(folder / "runs"), *_names(folder / "temporary")]
        if left:
            kinds = sorted({name.rstrip("0123456789abcdef_")[-20:] for name in left})
            raise FaultError(f"left over: {', '.join(kinds)}"[:200], "\n".join(left))

    def _reference(self, scenario: Scenario) -> Reference:
        found = self._references.get(scenario.name)
        if found is not None:
            return found
        folder = self._root / f"reference-{len(self._references)}"
        self._write(folder, scenario)
        once = scenario if not scenario.finished else None
        for again in [once] if once else [None, scenario]:
            kill = self._kill(folder, 0)
            (done,) = self._commands.together([self._job(folder, again, kill.environment)])
            require_good_end(done)
            if done.code:
                raise FaultError("a run fails undisturbed", shorten(done.err))
        found = self._references[scenario.name] = Reference(
            folder,
            kill.counted,
            done.seconds,
            stored_values(folder / "runs"),
            run_values(newest_record(folder / "runs")),
        )
        return found

    def _job(
        self,
        folder: Path,
        scenario: Scenario | None = None,
        environment: Mapping[str, str] | None = None,
        after: float | None = None,
    ) -> Job:
        words = ["run", "spec.toml", *(scenario.options if scenario else ())]
        places = {"TMPDIR": str(folder / "temporary")}
        return Job(
            words,
            folder,
            places | dict(environment or {}),
            limit_s=LIMIT_S,
            kill_after_s=after,
            memory=None,
            parts=2,
        )

    def _write(self, folder: Path, scenario: Scenario) -> None:
        (folder / "temporary").mkdir(parents=True)
        (folder / "spec.toml").write_text(as_toml(scenario.study), encoding="utf-8")

    def _place(self, name: str) -> Path:
        folder = self._root / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _kill(self, folder: Path, at: int, *, everybody: bool = False) -> Kill:
        counter = self._root / "counter"
        counter.unlink(missing_ok=True)
        return Kill(str(folder / "runs"), str(counter), at, everybody)


def _names(folder: Path) -> list[str]:
    return [f"{folder.name}/{path.relative_to(folder)}" for path in sorted(folder.rglob("*"))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill as often as asked for, tell of each, and end with a table."""
    parser = argparse.ArgumentParser(description="Kill runs at random, and run them again.")
    parser.add_argument("--kills", type=int, default=100, help="how many runs die")
    parser.add_argument("--seed", type=int, default=0, help="says when and who")
    parser.add_argument("--only", type=int, help="do the kill of this number alone")
    parsed = parser.parse_args(arguments)
    with Commands() as commands:
        soak = Soak(commands, commands.scratch / "soak", parsed.seed)
        return report(soak, parsed)


def report(soak: Soak, parsed: argparse.Namespace) -> int:
    """Do the kills; return 1 when one of them did harm."""
    started, died, same = time.monotonic(), Counter[str](), Counter[str]()
    faults: dict[str, tuple[int, str]] = {}
    number, wanted = parsed.only or 0, 1 if parsed.only is not None else parsed.kills
    done = 0
    while died.total() < wanted and done < 3 * wanted:
        done += 1
        try:
            scenario, dead = soak.kill(number)
            died[scenario.name] += dead
            same[scenario.name] += dead
        except FaultError as fault:
            name = str(fault).splitlines()[-1].partition(":")[0]
            died[name] += 1
            faults.setdefault(fault.signature, (number, f"{fault}"))
            print(f"\n{fault}\nagain: make soak SEED={parsed.seed} ONLY={number}", flush=True)
        print(f"\r{died.total()} of {wanted} kills, {same.total()} identical", end="", flush=True)
        number += 1
    print(f"\n\n{'':24}{'kills':>8}{'identical':>12}")
    for name in [*(scenario.name for scenario in SCENARIOS if died[scenario.name])]:
        print(f"{name:24}{died[name]:8}{same[name]:12}")
    minutes = (time.monotonic() - started) / 60
    print(f"{'all':24}{died.total():8}{same.total():12}   seed {parsed.seed}, {minutes:.1f} min")
    for signature, (first, _) in faults.items():
        print(f"{signature}   again: make soak SEED={parsed.seed} ONLY={first}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
