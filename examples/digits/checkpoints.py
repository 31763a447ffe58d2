"""Checkpoints in HDFS, or wherever fsspec reaches: written to a local folder first, then published whole.

A folder becomes visible under its name by one rename, so a process killed in the middle leaves no half of one.
"""

import os
import re
import tempfile
import uuid
from contextlib import contextmanager

import fsspec

KEEP = 2
NAME = re.compile(r"epoch-(\d{6})")


class Checkpoints:
    """Those below one URL, named by epoch. Only one process at a time may save."""

    def __init__(self, url):
        self.fs, self.root = fsspec.url_to_fs(url)
        self.fs.makedirs(self.root, exist_ok=True)

    def epochs(self):
        """Epochs with a whole checkpoint, oldest first."""
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in self.fs.ls(self.root, detail=False))
        return sorted(int(found[1]) for found in map(NAME.fullmatch, names) if found)

    @contextmanager
    def newest(self):
        """(epoch, local folder with its files), or (0, None) when there is none yet."""
        epochs = self.epochs()
        with tempfile.TemporaryDirectory() as folder:
            if epochs:
                download(self.fs, self._path(epochs[-1]), folder)
            yield (epochs[-1], folder) if epochs else (0, None)

    @contextmanager
    def saving(self, epoch):
        """A local folder to write the checkpoint of `epoch` into; published at the end, older ones removed."""
        with tempfile.TemporaryDirectory() as folder:
            yield folder
            publish(self.fs, folder, self._path(epoch))
        for old in self.epochs()[:-KEEP]:
            self.fs.rm(self._path(old), recursive=True)

    def _path(self, epoch):
        return f"{self.root}/epoch-{epoch:06}"


def publish(fs, folder, target):
    """Copy a local folder to `target`; what stood there before is replaced."""
    parent, _, name = target.rpartition("/")
    upload = f"{parent}/.{name}.{uuid.uuid4().hex}"
    for path in _files(folder):
        remote = f"{upload}/{path}"
        fs.makedirs(os.path.dirname(remote), exist_ok=True)
        fs.put_file(os.path.join(folder, path), remote)
    if fs.exists(target):
        fs.rm(target, recursive=True)
    fs.mv(upload, target)


def download(fs, source, folder):
    """Copy a remote folder of plain files into a local one."""
    for path in fs.ls(source, detail=False):
        fs.get_file(path, os.path.join(folder, os.path.basename(path)))


def _files(folder):
    for at, _, names in os.walk(folder):
        yield from (os.path.relpath(os.path.join(at, name), folder) for name in sorted(names))
