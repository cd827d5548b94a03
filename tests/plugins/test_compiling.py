"""The line that says why the first call takes longer."""

import logging

import pytest
from numba import njit

from recon.plugins import compiling


def compile_function(module):
    def double(x):
        return 2 * x

    double.__module__ = module
    assert njit(double)(3) == 6


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(compiling, "NOTICE_AFTER", -1.0)
    monkeypatch.setattr(compiling.WATCH, "given", False)
    return compiling.WATCH


def test_compiling_is_told_once_and_only_of_own_functions(watch, caplog):
    caplog.set_level(logging.INFO, "recon")
    compile_function("elsewhere.module")
    assert not caplog.messages
    compile_function("recon.plugins.one")
    compile_function("recon.plugins.two")
    assert [m for m in caplog.messages if "compiling once" in m] == [
        "compiling once for this machine"
    ]


def test_the_collector_works_again_afterwards(watch):
    import gc

    compile_function("recon.plugins.one")
    assert gc.isenabled()
    assert watch.spent > 0
