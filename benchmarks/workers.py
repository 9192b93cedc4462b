"""Time two workers of one thread beside one such worker: 8 minutes.

Whole runs with nothing stored, from the command `rateval run` to its end: a ViT-B/32 of random
weights predicts and explains photos by all of its layers, in shards of 64. Two workers are
processes, which load a model each; one worker is the command itself. Both are timed in turns; the
ratio is how many times as fast two are. What the computer allows is told first: how many times as
much two bare processes multiply in some seconds as one does.

    OMP_NUM_THREADS=1 python benchmarks/workers.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from pace import LIMIT_S, tell
from pairs import ratio, time_pairs
from reading import make_photos

BARE = """
import time, torch
torch.set_num_threads(1)
tokens, weight, count = torch.randn(1600, 768), torch.randn(3072, 768), 0
end = time.monotonic() + 6
while time.monotonic() < end:
    torch.nn.functional.linear(tokens, weight)
    count += 1
print(count)
"""


def multiply(processes: int) -> int:
    """Return how many products of a block's size so many processes make in some seconds."""
    command = [sys.executable, "-c", BARE]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    return sum(int(child.communicate()[0]) for child in children)


SPEC = """
study = {{ name = "photos" }}
run = {{ device = "cpu", batch_size = 32, shard_size = 64, readers = 1 }}
report = {{ pictures = 0 }}
executor = {{ use = "local", workers = {workers} }}
dataset = [{{ use = "folder", root = "{root}/photos", masks = "{root}/masks" }}]
model = [{{ use = "clip", pretrained = "random", architecture = "ViT-B-32" }}]
finetune = [{{ use = "zs" }}]
attribution = [{{ use = "generic-attention", layers = "all" }}]
evidence = [{{ use = "relevance-mass" }}]
"""


def run(root: Path, workers: int, limit: int | None = None) -> None:
    with tempfile.TemporaryDirectory(prefix="rateval-run-") as output:
        spec = Path(output, "spec.toml")
        spec.write_text(SPEC.format(workers=workers, root=root))
        command = [sys.executable, "-m", "rateval", "run", str(spec), "--output", output, "-q"]
        command += [] if limit is None else ["--limit", str(limit)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # for all that is timed
    with tempfile.TemporaryDirectory(prefix="rateval-photos-") as folder:
        root = make_photos(Path(folder), given.images, 640, 480)
        tell(f"{os.cpu_count()} cores, {os.getloadavg()[0]:.1f} of them busy")
        bare = median(multiply(2) / multiply(1) for _ in range(3))
        print(f"two bare processes make {bare:.2f} times what one makes", flush=True)
        one, two, few = partial(run, root, 1), partial(run, root, 2), partial(run, root, 2, 4)
        pairs = time_pairs(one, two, given.pairs, LIMIT_S, warm_up=few)
    print(f"{given.images} images: two workers are {ratio(pairs)} times as fast as one")


if __name__ == "__main__":
    main()
