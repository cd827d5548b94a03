"""What is logged while a command runs."""

import logging

from recon.cli.notices import show_notices


def test_lines_are_shown_while_a_command_runs_and_not_after(capsys):
    log = logging.getLogger("recon.plugins.compiling")
    with show_notices():
        log.info("compiling once for this machine")
        log.debug("a detail")
    log.info("nobody asked")
    captured = capsys.readouterr()
    assert captured.err == "compiling once for this machine\n"
    assert captured.out == ""
