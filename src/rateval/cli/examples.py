"""What is typed for what, shown by ``--help`` of each command and in the reference."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("run spec.toml", "run it; after Ctrl-C, the same command goes on where it stopped"),
        ("run spec.toml --limit 100 --device cpu", "a small try on the processor"),
        ("run spec.toml --only 'clip · ft*'", "these cells alone"),
    ),
    "parity": (
        ("parity spec.toml", "the published procedure beside the matched one"),
        ("parity RUN --published", "the paper's numbers beside those of a run"),
    ),
    "validate": (("validate spec.toml", "every mistake at once, without loading a model"),),
    "plan": (
        ("plan spec.toml", "steps, images and bytes"),
        ("plan spec.toml --measure --workers 4", "seconds and memory, too, with four processes"),
    ),
    "runs": (
        ("runs", "all runs in ./runs"),
        ("runs --output s3://bucket/runs --json", "those behind a URL, for a program"),
    ),
    "runs resume": (("runs resume", "the latest run that did not end"),),
    "runs verify": (("runs verify --all", "every byte that the runs of the folder name"),),
    "runs clean": (("runs clean", "what could go; --yes deletes it"),),
    "runs prune": (
        ("runs prune --older-than 30d", "what could go, old runs included"),
        ("runs prune --keep-last 10 --yes", "keep ten runs, delete the rest"),
    ),
    "report": (
        ("report", "the newest run again, in the terminal"),
        ("report RUN --html report.html", "one page that opens offline"),
    ),
    "compare": (
        ("compare BASELINE RUN", "paired differences, and which images changed"),
        ("compare BASELINE RUN --changed changed.csv", "all of those images in a table"),
    ),
    "score": (
        ("score RUN --threshold 0.3", "the same run with another threshold"),
        ("score RUN --metric valid-rate --add", "one more metric"),
    ),
    "gate": (
        ("gate RUN --require 'accuracy>=0.8'", "exit code 0, 3 or 4"),
        ("gate RUN --against zs --require 'pt drop<=0.02'", "against a method of the same run"),
    ),
    "export": (
        ("export RUN --format latex", "a table for a paper"),
        ("export RUN --format parquet --what rows --output rows.parquet", "one row per image"),
    ),
    "list": (
        ("list", "all components that can be used here"),
        ("list metric --all", "of one kind, also those that could be installed"),
    ),
    "show": (
        ("show model clip", "every parameter of a component, with bounds"),
        ("show metric pt", "a metric's"),
    ),
    "import-reference": (
        (
            "import-reference --labels gt.json --method ft pred.json vis.json",
            "a run made of the authors' files",
        ),
    ),
    "export-reference": (("export-reference RUN --output FOLDER", "such files, made of a run"),),
    "export-checkpoint": (
        ("export-checkpoint RUN --finetune ft --to FOLDER", "weights that open_clip can load"),
    ),
    "data": (("data check spec.toml", "is the data fit for a study?"),),
    "data check": (
        ("data check spec.toml", "unreadable, without evidence, lost in the crop, leaked"),
        ("data check folder root=photos masks=masks", "a dataset without a spec"),
    ),
    "data show": (
        ("data show spec.toml", "a page of samples, evidence drawn"),
        ("data show spec.toml --view model --png sheet.png", "as the model sees them"),
    ),
    "shift": (("shift show spec.toml", "test images beside shifted ones"),),
    "shift show": (("shift show spec.toml", "test images beside shifted ones"),),
    "model": (("model check clip", "what a model is made of, and a self-test"),),
    "model check": (
        ("model check clip", "a model by name"),
        ("model check spec.toml --device cuda", "all models of a spec, on a GPU"),
    ),
    "model fetch": (
        ("model fetch", "which official checkpoints there are"),
        ("model fetch clip-vit-b-32", "download one into the cache"),
    ),
    "look": (
        ("look photo.png --model clip --classes heart,star", "one photo explained"),
        (
            "look photo.png --model clip --classes heart,star --mask mask.png",
            "and judged against its mask",
        ),
    ),
    "power": (
        ("power --value 35% --of 90% --difference 5%", "how many images show a fall of 5 points"),
        ("power --value 35% --of 90% --images 600", "what 600 images can show"),
    ),
    "init": (
        ("init", "a commented spec.toml"),
        ("init --data photos --masks masks", "a spec for your own photos"),
    ),
    "new-plugin": (
        ("new-plugin rateval-eyes --kind metric", "a distribution in ./rateval-eyes"),
        ("new-plugin eyes --kind model --kind attribution --folder mine/eyes", "two kinds"),
        ("new-plugin eyes --kind all", "one component of every kind"),
        (
            "new-plugin eyes --kind validator --in-place eyes.py",
            'one file, which a spec takes as it is: use = "./eyes.py:make"',
        ),
    ),
    "check-plugin": (
        ("check-plugin rateval-eyes", "an installed distribution"),
        ("check-plugin ./rateval-eyes", "the folder of one, which need not be installed"),
        ("check-plugin ./eyes.py:make --kind validator", "one file, as a spec names it"),
        ("check-plugin rateval-eyes --with eyes-dataset.root=photos", "with a param"),
        ("check-plugin rateval-eyes --json", "for a program"),
    ),
    "doctor": (
        ("doctor", "what works here, and what is missing"),
        ("doctor --device cuda --extra clip", "exit code 1 unless both are here"),
    ),
    "completion": (
        ("completion bash", 'a line for ~/.bashrc reads it: eval "$(rateval completion bash)"'),
        ("completion fish", "to be kept as ~/.config/fish/completions/rateval.fish"),
    ),
}
"""Command, with its action, to what follows ``rateval`` and what that does."""


def write_examples(program: str) -> str:
    """Return the examples of a command as its help shows them; none where there are none.

    >>> print(write_examples("rateval validate").partition(":")[2])
    <BLANKLINE>
      rateval validate spec.toml
          every mistake at once, without loading a model
    """
    rows = EXAMPLES.get(program.partition(" ")[2], ())
    lines = [f"  rateval {typed}\n      {what}" for typed, what in rows]
    return "\n".join(["examples:", *lines]) if lines else ""
