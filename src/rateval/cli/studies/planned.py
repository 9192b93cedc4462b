"""A forecast of a run, as lines and a table for a person."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.cli.terminal import say
from rateval.console import Console, Text
from rateval.engine.forecast.forecast import Forecast, Measured, StageForecast
from rateval.engine.forecast.wording import format_bytes, format_seconds
from rateval.report.terminal.table import Table
from rateval.wording import write_count

_ASSUMED = (
    "Assumed: images are read and decoded as in the trial, each step by one worker, and workers "
    "don't slow each other down; start-up, pictures, single tokens and reports come on top."
)


def print_forecast(forecast: Forecast, console: Console) -> None:
    """Print a forecast."""
    chosen = "" if forecast.selected == forecast.cells else f", {forecast.selected} of them asked"
    cells = write_count(forecast.cells, "cell")
    say(console, f"{forecast.study}: {cells} = {forecast.grid}{chosen}")
    if not any(stage.to_do for stage in forecast.stages):
        steps = sum(stage.steps for stage in forecast.stages)
        say(console, f"nothing to do: all {steps:,} steps are stored in {forecast.output}")
        return
    console.print()
    console.print(_make_table(forecast), crop=False)
    for stage in forecast.stages:
        if stage.why:
            say(console, f"? {stage.stage}: {stage.why}")
    console.print()
    least = "" if forecast.bytes_whole else "at least "
    say(
        console,
        f"disk     {least}{format_bytes(forecast.bytes)} would be stored in {forecast.output}; "
        f"{format_bytes(forecast.free)} are free",
    )
    if forecast.measured is None:
        say(console, "time     ? --measure tries a few batches and tells")
    else:
        for line in _tell_measured(forecast.measured):
            say(console, line)
    if forecast.risks:
        console.print()
        say(console, "What may go wrong")
        for risk in forecast.risks:
            say(console, f"! {risk}")


def _make_table(forecast: Forecast) -> Table:
    measured = forecast.measured is not None
    table = Table(gap=2)
    table.add_column(Text("stage"))
    headings = ["steps", "stored", "to do", "images", "shards", "bytes"]
    for heading in (*headings, *(["time"] if measured else [])):
        table.add_column(Text(heading), "right")
    for stage in forecast.stages:
        cells = [
            stage.stage,
            f"{stage.steps:,}",
            f"{stage.stored:,}",
            f"{stage.to_do:,}",
            f"{stage.units:,}",
            "" if stage.shards is None else f"{stage.shards:,}",
            _tell_bytes(stage),
        ]
        table.add_row(*map(Text, cells), *([Text(_tell_seconds(stage))] if measured else []))
    return table


def _tell_bytes(stage: StageForecast) -> str:
    if stage.bytes is None:
        return "?"
    return ("" if stage.bytes_whole else "> ") + format_bytes(stage.bytes)


def _tell_seconds(stage: StageForecast) -> str:
    if stage.seconds is None:
        return "?"
    return ("" if stage.seconds_whole else "> ") + format_seconds(stage.seconds)


def _tell_measured(measured: Measured) -> Iterator[str]:
    least = "" if measured.whole else "at least "
    workers = "1 worker" if measured.workers == 1 else f"{measured.workers} workers"
    devices = ""
    if measured.devices is not None:
        devices = f" on {measured.devices} device{'s' if measured.devices > 1 else ''}"
    threads = f"{measured.threads} thread{'s' if measured.threads > 1 else ''}"
    yield (
        f"time     {least}{format_seconds(measured.wall)} by {workers}{devices}; "
        f"{format_seconds(measured.work)} of work on {measured.device} with {threads} a worker, "
        f"and no order takes less than {format_seconds(measured.least)}"
    )
    yield f"longest  {format_seconds(measured.longest_seconds)}: {measured.longest}"
    for peak in measured.peaks:
        yield f"memory   {format_bytes(peak.bytes)} a worker for {peak.model} to {peak.doing}"
    if measured.available is not None:
        yield f"         {format_bytes(measured.available)} are free"
    yield f"The trial took {format_seconds(measured.trial)}. {_ASSUMED}"
