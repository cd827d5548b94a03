"""What recon does without being asked: no connection is made and nothing is unpickled."""

import subprocess
import sys

import pytest

# An audit hook sees what Python code does, that of every library included. numba's own cache,
# kept beside the compiled modules and trusted like them, is a pickle.
WATCHED = """
import sys, traceback
def refuse(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__":
        raise RuntimeError(f"network: {event} {arguments}")
    if event == "pickle.find_class":
        stack = traceback.extract_stack()
        if not any("numba" in frame.filename for frame in stack):
            raise RuntimeError(f"unpickled: {arguments}")
sys.addaudithook(refuse)
"""
COMMANDS = (
    WATCHED
    + """
from recon.cli import main
for line in sys.argv[1:]:
    main(line.split(), standalone_mode=False)
"""
)
USED = (
    "plugins",
    "example porous --out example",
    "import --volume example/volume.zarr --every 40 --out m.zarr",
    "train m.zarr --out w.safetensors --steps 2 --set denoiser.width=8 --set denoiser.crop=16",
    "run --micrographs m.zarr --weights w.safetensors --shape 16 16 16 --steps 4 --out run",
    "measure run/volume.zarr --metric two-point --property diffusivity "
    "--set diffusivity.phases=[0] --json measured.json",
    "export run/volume.zarr v.tif v.vti v.inp v.npy",
    "doctor",
)


def python(code, *arguments, folder):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
def test_commands_neither_connect_nor_unpickle(tmp_path):
    done = python(COMMANDS, *USED, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists() and (tmp_path / "v.inp").exists()


@pytest.mark.parametrize(
    "act",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import pickle, fractions; pickle.loads(pickle.dumps(fractions.Fraction(1)))",
    ],
)
def test_the_hook_sees_it(act, tmp_path):
    done = python(WATCHED + act, folder=tmp_path)
    assert done.returncode == 1 and "RuntimeError: " in done.stderr
