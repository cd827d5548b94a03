"""`recon weights`: cards of what is shipped, of a folder and of an index, by file and by http."""

import functools
import hashlib
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from recon.core import Micrographs
from recon.core.bundled import find_weights, list_bundled


@pytest.fixture
def library(recon):
    """Folder lib with one file of weights, its card and an index."""
    rng = np.random.default_rng(0)
    slices = {plane: [rng.integers(0, 2, (24, 20), np.uint8)] for plane in ("xy", "xz", "yz")}
    Micrographs(slices, (4e-7,) * 3, ["pore", "solid"]).save("m.zarr")
    about = ("--material", "Noise", "--source", "a generator", "--licence", "CC0-1.0")
    recon("train", "m.zarr", "--out", "lib/noise.safetensors", "--denoiser", "gaussian", *about)
    index = recon("weights", "list", "--from", "lib", "--json").stdout
    Path("lib/index.json").write_text(index)
    return Path("lib")


def test_what_is_shipped_has_a_whole_card(recon):
    cards = json.loads(recon("weights", "list", "--json").stdout)
    assert [card["name"] for card in cards] == list(list_bundled("unet-ddpm"))
    for card in cards:
        assert all(card[key] for key in ("material", "source", "licence", "verdict"))
        assert card["phases"] and sum(card["fractions"]) == pytest.approx(1)


def test_a_copy_of_shipped_weights_is_the_same_file(recon):
    recon("weights", "get", "porous", "--out", "mine.safetensors")
    assert Path("mine.safetensors").read_bytes() == find_weights("unet-ddpm", None).read_bytes()
    card = json.loads(Path("mine.card.json").read_text())
    assert card["name"] == "mine" and card["licence"] == "MIT"


def test_train_writes_the_card_and_show_prints_it(recon, library):
    card = json.loads((library / "noise.card.json").read_text())
    content = (library / "noise.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["phases"] == ["pore", "solid"] and card["voxel_size"] == [4e-7] * 3
    text = recon("weights", "show", library / "noise.safetensors").stdout
    assert text.startswith("noise: Noise\n") and "licence:    CC0-1.0" in text
    assert "verdict:    not stated" in text


def test_training_again_keeps_the_texts_of_an_edited_card(recon, library):
    card = library / "noise.card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "source": "edited"}))
    (library / "noise.safetensors").unlink()
    out = ("--out", library / "noise.safetensors")
    recon("train", "m.zarr", *out, "--denoiser", "gaussian", "--licence", "MIT")
    card = json.loads(card.read_text())
    assert (card["source"], card["licence"], card["material"]) == ("edited", "MIT", "Noise")


def test_an_index_beside_its_files(recon, library):
    place = ("--from", library / "index.json")
    assert recon("weights", "list", *place).stdout == "noise\tpore, solid\tNoise\tCC0-1.0\t\n"
    recon("weights", "get", "noise", *place)
    assert Path("noise.safetensors").read_bytes() == (library / "noise.safetensors").read_bytes()
    assert "CC0-1.0" in Path("noise.card.json").read_text()
    taken = recon("weights", "get", "noise", *place, code=2).stderr
    assert "exists already" in taken


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def address(library):
    """http address of the library, served by this machine to itself."""
    handler = functools.partial(Quiet, directory=str(library))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_index_behind_an_address(recon, library, address):
    recon("weights", "get", "noise", "--from", f"{address}/index.json")
    assert Path("noise.safetensors").read_bytes() == (library / "noise.safetensors").read_bytes()
    error = recon("weights", "list", "--from", f"{address}/none.json", code=2).stderr
    assert "cannot fetch http://127.0.0.1" in error and "check the address" in error


def edited(library, **changes):
    (card,) = json.loads((library / "index.json").read_text())
    (library / "index.json").write_text(json.dumps([card | changes]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "has the SHA-256"),
        ({"sha256": "x"}, "sha256 of a card must be 64 hexadecimal digits or null, got 'x'"),
        ({"sha256": None}, "has no sha256, which a download needs"),
        ({"name": "../noise"}, "name of a card must be a name of letters, digits"),
        ({"file": "ftp://127.0.0.1/a"}, "an address must begin with https://"),
        ({"file": "http://recon.invalid/a"}, "an address must begin with https://"),
        ({"file": "none.safetensors"}, "cannot fetch"),
        ({"phases": "pore"}, "phases of a card must be a list of names"),
        ({"verdict": 3}, "verdict of a card must be a text"),
    ],
)
def test_a_bad_card_of_an_index_is_one_line(recon, library, address, changes, message):
    edited(library, **changes)
    place = ("--from", f"{address}/index.json")
    error = recon("weights", "get", "noise", *place, code=2).stderr
    assert message in error and error.count("\n") == 1
    assert not Path("noise.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get",), "recon weights get needs a NAME"),
        (("list", "porous"), "recon weights list takes no NAME"),
        (("show", "porus"), "unknown weights 'porus'; did you mean 'porous'?"),
        (("show", "porous", "--out", "a.safetensors"), "--out goes with get, got show"),
        (("get", "porous", "--out", "a.pt"), "--out must end in .safetensors, got a.pt"),
        (("list", "--from", "none.json"), "cannot read index none.json"),
        (("list", "--from", "m.json"), "index m.json must be a list of cards, got {}"),
    ],
)
def test_bad_words_are_one_line(recon, tmp_path, words, message):
    (tmp_path / "m.json").write_text("{}")
    assert message in recon("weights", *words, code=2).stderr
