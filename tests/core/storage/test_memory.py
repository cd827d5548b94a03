"""What counts as want of memory."""

import errno
import os

import numpy as np
import pytest
import torch

from recon.core.storage.memory import is_out_of_memory

TOO_MANY = 1 << 57


@pytest.mark.parametrize("taken", [np.zeros, torch.zeros, bytearray])
def test_libraries_that_get_no_memory(taken):
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        taken(TOO_MANY)
    assert is_out_of_memory(caught.value)


def test_a_system_that_gives_none():
    assert is_out_of_memory(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "out"))


@pytest.mark.parametrize("error", [ValueError("memory"), OSError(errno.ENOSPC, "No space left")])
def test_other_errors(error):
    assert not is_out_of_memory(error)
