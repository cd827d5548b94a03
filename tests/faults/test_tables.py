"""Hostile and broken recipes and materials: refused in one line, quickly."""

import os

import pytest

from recon.cli import recipe as recipe_file
from recon.core import Recipe, ReconError
from recon.plugins.materials.materials import Materials
from recon.workflow.run import check_recipe


def read_recipe(path):
    check_recipe(Recipe.from_table(recipe_file.read_recipe(path)))


READERS = {"recipe": read_recipe, "materials": Materials.load}


def refusal(read, path):
    with pytest.raises(ReconError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message and "\x1b" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not valid TOML"),
        (b"unit = 'a\0b'", "not valid TOML"),
        (b"x = " + b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b"x = " + b"{a=" * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b"a." * 300_000 + b"a = 1", "too many dots in a line"),
        (b"[" + b"a." * 300_000 + b"a]", "too many dots in a line"),
        (b"seed = " + b"9" * 10_000, "not valid TOML"),
        (b"seed = 0x" + b"f" * 10_000, "seed"),
        (b"'" + b"k" * 100_000 + b"' = 1", "..."),
        (b'"\\u001b[31mred" = 1', "unknown key"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_hostile_text_is_refused(tmp_path, read, content, message):
    (tmp_path / "a.toml").write_bytes(content)
    assert message in refusal(read, tmp_path / "a.toml")


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_what_is_no_file_is_not_waited_for(tmp_path, read, monkeypatch):
    os.mkfifo(tmp_path / "fifo.toml")
    assert "pipe or a device" in refusal(read, tmp_path / "fifo.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    assert "pipe or a device" in refusal(read, tmp_path / "zero.toml")
    (tmp_path / "folder.toml").mkdir()
    assert "it is a folder" in refusal(read, tmp_path / "folder.toml")
    assert "No such file" in refusal(read, tmp_path / "none.toml")
    assert "cannot read" in refusal(read, tmp_path / ("n" * 300 + ".toml"))
    assert "cannot read" in refusal(read, tmp_path / "a\0.toml")
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(10**9)
    assert "at most 2MB, got 1GB; shorten it, or raise" in refusal(read, tmp_path / "large.toml")
    monkeypatch.setenv("RECON_MAX_TEXT", "1kB")
    (tmp_path / "large.toml").write_bytes(b"#" * 1001)
    assert "RECON_MAX_TEXT" in refusal(read, tmp_path / "large.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed = 1180591620717411303424", "seed must be below 2^63"),
        ("seed = -1", "seed must be >= 0"),
        ("seed = inf", "seed must be int, got inf"),
        ("steps = 1e300", "steps must be int, got 1e+300"),
        ("steps = nan", "steps must be int, got nan"),
        ("steps = true", "steps must be int, got True"),
        ("shape = [1000000000, 1000000000, 1000000000]", "three sides in [1, 65535]"),
        ("samples = 4611686018427387904", "samples must be in [1, 1000000]"),
        ("seed = [[1]]", "seed must be int"),
        ("periodic = ['']", "periodic must name axes"),
        ("anchors = ['xy:9999999999999999999999=a']", "No such file"),
        ("micrographs = 3", "micrographs must be"),
        ("denoiser = 1979-05-27", "denoiser must be a name"),
        ("[denoiser]\nguidance = 1" + "0" * 400, "guidance must be float, got 1000"),
        ("[denoiser]\nwidth = 1000000000", "width must be in [8, 4096]"),
        (f"[denoiser]\nmultiples = {[1] * 1000}", "multiples must be 1 to 8 levels, got 1000"),
        ("[harmonizer]\nname = 'gamma-blend'\ngamma = nan", "gamma must be float, got nan"),
        ("[schedule]\nname = '../../evil'", "unknown schedule"),
        ("[[metric]]\nname = 'two-point'\nmax_lag = -1", "max_lag must be"),
        ("[[metric]]\nname = []", "metric must have a name"),
        ("[schedule]\nx = [[[[]]]]", "unknown option of schedule cyclic 'x'"),
        ("[schedule]\nkind = 'x'", "unknown option of schedule cyclic 'kind'"),
    ],
)
def test_absurd_recipes_are_refused(tmp_path, line, message, recon):
    (tmp_path / "a.toml").write_text(line)
    if "anchors" in line:  # read when the material is known
        result = recon("run", "a.toml", code=2)
        assert "place must be in [0, 63]" in result.stderr
    else:
        assert message in refusal(read_recipe, tmp_path / "a.toml")
        result = recon("run", "a.toml", code=2)
        assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.toml"]


@pytest.mark.parametrize("key", ["micrographs", "weights"])
@pytest.mark.parametrize(
    "path", ["/dev/zero", "../../nowhere.x", "y" * 300 + ".x", "\\u0000.x", "."]
)
def test_paths_that_cannot_be_read_are_refused(tmp_path, key, path, recon):
    (tmp_path / "a.toml").write_text(f'{key} = "{path}"')
    result = recon("run", "a.toml", "--denoiser", "gaussian", code=2)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("Error: ")
    assert [file.name for file in tmp_path.iterdir()] == ["a.toml"]


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ("E = 1e400\nnu = 0.3", "E must be a finite number"),
        ("E = 1" + "0" * 400 + "\nnu = 0.3", "E must be a finite number"),
        ("E = 1e308\nnu = 0.4999999999999999", "positive definite"),
        ("E = 1e-320\nnu = 0.3", "positive definite"),
        ("E = nan\nnu = 0.3", "E must be a finite number"),
        ("E = true\nnu = 0.3", "E must be a finite number"),
        ("E = [1]\nnu = 0.3", "E must be a finite number"),
        (f"C = {[[1e308] * 6] * 6}", "positive definite"),
        (f"C = {[[1] * 6] * 1000}", "6 rows of 6 numbers"),
        ("E = 1\nnu = 0.3\nalpha = 1979-05-27", "alpha must be a finite number"),
        ("name = 3\nE = 1\nnu = 0.3", "name must be a text"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_absurd_materials_are_refused(tmp_path, phase, message):
    (tmp_path / "a.toml").write_text(f'unit = "GPa"\n[[phase]]\n{phase}\n')
    assert message in refusal(Materials.load, tmp_path / "a.toml")


def test_a_name_that_the_system_cannot_hold_is_one_line(recon):
    long = "n" * 300
    for arguments in (("run", "--out", long), ("view", long), ("example", "porous", "--out", long)):
        result = recon(*arguments, code=2)
        assert result.stderr.count("\n") == 1 and "File name too long; shorten it" in result.stderr
