"""Tells an exhausted memory from other errors."""

import errno
import sys


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, numpy or torch, on the CPU or a GPU, ran out of memory."""
    text = str(error)
    torch = sys.modules.get("torch")  # not loaded, it has raised nothing
    return (
        isinstance(error, MemoryError)
        or (torch is not None and isinstance(error, torch.OutOfMemoryError))
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or "can't allocate memory" in text
        or "not enough memory" in text
        or "can't start new thread" in text  # its stack found no place
    )
