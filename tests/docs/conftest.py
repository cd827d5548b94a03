"""The real command in this process."""

import pytest
from click.testing import CliRunner

from recon.cli import main


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
