"""The template for authors of plugins: rendered, installed and its own tests run, every kind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recon.core.catalog import HOOKS

ROOT = Path(__file__).parents[1]
KINDS = [*HOOKS, "command"]
PIP = ("-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-index", "--no-deps")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Folder of the packages, and the environment of a process that sees them installed."""
    work = tmp_path_factory.mktemp("template")
    shutil.copy(ROOT / "copier.yml", work)
    shutil.copytree(ROOT / "template", work / "template")
    for kind in KINDS:
        answers = ("--defaults", "-d", f"kind={kind}", "-d", f"name=own-{kind}")
        run("-m", "copier", "copy", "--quiet", *answers, str(work), str(work / "own" / kind))
    own = [str(work / "own" / kind) for kind in KINDS]
    run(*PIP, "--target", str(work / "site"), *own)
    path = [str(work / "site"), os.environ.get("PYTHONPATH", "")]
    return work / "own", {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def run(*arguments, env=None, folder=None):
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_that_it_brings_pass(packages):
    folder, environment = packages
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--strict-config")
    told = run("-m", "pytest", *options, "-c", os.devnull, ".", env=environment, folder=folder)
    passed = int(told.splitlines()[-1].split()[0])
    assert passed >= 2 * len(KINDS)


@pytest.mark.parametrize("kind", ["metric", "reader", "command"])
def test_recon_verifies_it(packages, kind):
    folder, environment = packages
    command = ("-m", "recon.cli", "plugins", "--verify", f"recon-own-{kind}")
    (line,) = run(*command, env=environment, folder=folder).splitlines()
    assert line.startswith(f"{kind} own-{kind}: {'loaded' if kind == 'command' else 'ok'}"), line


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_linted_and_formatted(packages, kind):
    line = ("--isolated", "--line-length", "100", ".")
    run("-m", "ruff", "check", *line, folder=packages[0] / kind)
    run("-m", "ruff", "format", "--check", *line, folder=packages[0] / kind)
