"""The real command in this process, and hypothesis profiles.

`default` repeats itself; `thorough` searches (--hypothesis-profile).
"""

import os

# Networks, fields and matrices are tiny here: a second thread would only wait for the first. This
# is read when numpy is loaded; torch's number is set below.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import importlib
import signal
import sys

import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, settings

from recon.cli import main
from recon.cli.outside import packages_installed
from recon.core import catalog

torch.set_num_threads(1)

# What is measured is measured here, not remembered.
os.environ["RECON_CACHE"] = "off"

# Jobs in the background of a script ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", deadline=None, max_examples=30, derandomize=True, suppress_health_check=quiet
)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=quiet)
settings.load_profile("default")


def pytest_collection_finish():
    """What was imported stays: the garbage collector need not visit it again in every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def one_thread():
    """By OpenMP numba's number becomes torch's with the first kernel of a process."""
    torch.set_num_threads(1)


@pytest.fixture
def recon(tmp_path, monkeypatch):
    """A function that runs `recon ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, code=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture(scope="session")
def forget_packages():
    """A function after which it is looked up anew what is installed."""

    def forget():
        importlib.invalidate_caches()
        packages_installed.cache_clear()
        catalog.cache_clear()

    return forget


@pytest.fixture
def installed(tmp_path, monkeypatch, forget_packages):
    """A function that installs a module as a distribution with an entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(package: str, source: str) -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[recon]\n{package} = {module}\n")
        forget_packages()

    yield install
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)
    forget_packages()
