"""Memory that ran out, recognised on any device."""

from __future__ import annotations

import torch

_WORDS = (
    "out of memory",
    "ALLOC_FAILED",
    "DefaultCPUAllocator",
    "can't allocate memory",
    "not enough memory",
)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch found no memory; MPS, cuBLAS and the CPU say so in words only.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    False
    """
    said = any(word in str(error) for word in _WORDS)
    return isinstance(error, torch.cuda.OutOfMemoryError) or said
