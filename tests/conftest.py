"""The real command in this process, and hypothesis profiles.

`default` repeats itself; `thorough` searches (--hypothesis-profile).
"""

import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, settings

from recon.cli import main

# Networks and fields are tiny here: a second thread would only wait for the first.
torch.set_num_threads(1)

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", deadline=None, max_examples=30, derandomize=True, suppress_health_check=quiet
)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=quiet)
settings.load_profile("default")


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
