"""What is wrong with params, an address or what steps ask for is said, and soon."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from rateval.api import Context, RatevalError
from rateval_ray.executor import make_ray
from rateval_ray.params import RayParams
from rateval_ray.plugin import RAY

from .conftest import Monitor, Nodes, begin, step


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"address": "somewhere"}, '"host:port" as `ray start --head` prints it'),
        ({"address": "http://a:6379"}, "must be"),
        ({"address": "a:99999"}, "must be"),
        ({"address": "a b:1"}, "must be"),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"cpus": 0}, "greater than or equal to 1"),
        ({"gpus": 1.5}, "must be whole above 1"),
        ({"gpus": -1}, "greater than or equal to 0"),
        ({"gpus": float("nan")}, "finite"),
        ({"memory": "much"}, 'such as "8GB"'),
        ({"memory": "8 apples"}, 'such as "8GB"'),
        ({"memory": 0}, "greater than or equal to 1"),
        ({"retries": -1}, "greater than or equal to 0"),
        ({"in_flight": 0}, "greater than or equal to 1"),
        ({"worker": 2}, "Extra inputs"),
    ],
)
def test_bad_params_are_refused(params: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RayParams(**params)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "address", ["auto", "a.b:6379", "10.0.0.1:1", "[::1]:6379", "ray://a:10001"]
)
def test_addresses_are_taken(address: str) -> None:
    assert RayParams(address=address).address == address


def test_gpus_are_refused_where_the_study_computes_on_none() -> None:
    with pytest.raises(RatevalError, match=r"executor\.gpus = 1: the study computes on cpu"):
        make_ray(RayParams(gpus=1), Context(device="cpu"))
    with pytest.raises(RatevalError, match=r'run\.device = "cuda:1".*use run\.device = "cuda"'):
        make_ray(RayParams(), Context(device="cuda:1"))


def test_its_strings_import_nothing_heavy() -> None:
    assert RAY.extra == "ray"
    code = (
        "import rateval_ray.plugin, sys; "
        "print(*({'torch', 'pydantic', 'numpy', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_address_where_nothing_listens_is_said(toys: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    executor = begin(toys, address)
    with pytest.raises(RatevalError) as caught:
        executor.submit(step("a"), Monitor())
    executor.stop()
    assert str(caught.value).startswith(f'executor.address = "{address}": no Ray cluster could be ')
    assert str(caught.value).endswith("and run on a node of that cluster")


def test_what_no_node_has_is_said_with_what_there_is(nodes: Nodes, toys: Any) -> None:
    executor = begin(toys, nodes.address, "cuda", gpus=4, memory="1GB")
    with pytest.raises(RatevalError) as caught:
        executor.submit(step("a"), Monitor())
    executor.stop()
    text = str(caught.value)
    assert text.startswith("no node of the Ray cluster has the 1 CPU, 4 GPUs, 1 GB of memory that ")
    assert "127.0.0.1 with 2 CPUs, 2 GPUs" in text
    assert "executor.gpus" in text
