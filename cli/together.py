"""Several processes of one command under torchrun: one speaks, and an error is reported once."""

import contextlib
import json
import os
import time
from collections.abc import Iterator

GRACE = 1.0
"""Seconds that a process which has nothing to say waits: torchrun ends all when one has ended."""


@contextlib.contextmanager
def join_group() -> Iterator[None]:
    """Join the other processes, if there are any, for the block; all but the first are mute."""
    if not _is_several():
        yield
        return
    from recon.workflow.executors.process_group import join_processes

    with join_processes() as processes, contextlib.ExitStack() as mute:
        if not processes.first:
            nowhere = mute.enter_context(open(os.devnull, "w", encoding="utf-8"))
            mute.enter_context(contextlib.redirect_stdout(nowhere))
            mute.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def claim_message(message: str) -> bool:
    """Whether this process is the one to tell why all end; the others wait until it has.

    The message goes to torchrun too, whose own account of the failure ends with it.
    """
    if not _is_several():
        return True
    from recon.workflow.executors.process_group import claim

    if not claim("tell"):
        time.sleep(GRACE)
        return False
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        with contextlib.suppress(OSError), open(path, "w", encoding="utf-8") as file:
            facts = {"message": message, "extraInfo": {"timestamp": int(time.time())}}
            json.dump({"message": facts}, file)
    return True


def _is_several() -> bool:
    """Without an import of torch, so that what needs none is quick."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"
