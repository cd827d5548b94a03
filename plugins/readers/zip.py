"""OME-Zarr and zarr in a zip archive (.zip, .ozx), read as it is."""

import zipfile
from pathlib import Path

import attrs
import zarr
from zarr.storage import ZipStore

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.core.storage.limits import TEXT
from recon.core.storage.zarr_store import MEMBERS, METADATA
from recon.plugins.readers.blosc import guard
from recon.plugins.readers.unpacked import IMAGE
from recon.plugins.readers.zarr import read_node


@attrs.frozen
class Zip(Reader):
    """A zip archive of one zarr image, at its top level or in a folder."""

    name = "zip"
    suffixes = (".zip", ".ozx")
    signatures = (b"PK\x03\x04",)

    def read(self, path: Path) -> ImageFile:
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except zipfile.BadZipFile as error:
            raise damage_error(path, error) from error
        for member in members:
            limit = TEXT if Path(member.filename).name in METADATA else IMAGE
            limit.check(member.file_size, f"{path}: {member.filename}", "write less into it")
        tops = [m.filename for m in members if Path(m.filename).name in MEMBERS]
        if not tops:
            raise ReconError(f"{path} holds no zarr image; unpack it and give the images in it")
        top = min(tops, key=lambda name: name.count("/")).rpartition("/")[0]
        guard()
        store = ZipStore(path, mode="r")
        try:
            return read_node(zarr.open(store, path=top, mode="r"), path)
        finally:
            store.close()
