"""Checkpoints in HDFS, or wherever fsspec reaches: written to a local folder first, then brought there whole.

A checkpoint becomes visible under its name by one rename, so a process killed in the middle leaves no half of one.
"""

import os
import re
import tempfile
import uuid
from contextlib import contextmanager

import fsspec

KEEP = 2
NAME = re.compile(r"epoch-(\d{6})")
LEFTOVER = re.compile(r"\.epoch-\d{6}\.[0-9a-f]{32}")


class Checkpoints:
    """Those below one URL, named by epoch. Only one process at a time may save."""

    def __init__(self, url):
        self.fs, self.root = fsspec.url_to_fs(url)
        self.fs.makedirs(self.root, exist_ok=True)

    def epochs(self):
        """Epochs with a whole checkpoint, oldest first."""
        return sorted(int(found[1]) for found in map(NAME.fullmatch, self._names()) if found)

    @contextmanager
    def newest(self):
        """(epoch, local folder with its files), or (0, None) when there is none yet."""
        epochs = self.epochs()
        with tempfile.TemporaryDirectory() as folder:
            if epochs:
                self._download(self._path(epochs[-1]), folder)
            yield (epochs[-1], folder) if epochs else (0, None)

    @contextmanager
    def saving(self, epoch):
        """A local folder for the files of this epoch's checkpoint; at the end it is brought to its place."""
        with tempfile.TemporaryDirectory() as folder:
            yield folder
            upload = f"{self.root}/.epoch-{epoch:06}.{uuid.uuid4().hex}"
            copy(self.fs, folder, upload)
        self._remove(lambda name: name == f"epoch-{epoch:06}")
        self.fs.mv(upload, self._path(epoch))
        kept = {f"epoch-{epoch:06}" for epoch in self.epochs()[-KEEP:]}
        self._remove(lambda name: LEFTOVER.fullmatch(name) or (NAME.fullmatch(name) and name not in kept))

    def _download(self, source, folder):
        for path in self.fs.ls(source, detail=False):
            self.fs.get_file(path, os.path.join(folder, os.path.basename(path)))

    def _remove(self, unwanted):
        for name in filter(unwanted, self._names()):
            self.fs.rm(f"{self.root}/{name}", recursive=True)

    def _names(self):
        return [path.rstrip("/").rsplit("/", 1)[-1] for path in self.fs.ls(self.root, detail=False)]

    def _path(self, epoch):
        return f"{self.root}/epoch-{epoch:06}"


def publish(url, folder, last):
    """Bring the files of a local folder to a URL, over older ones; `last` comes last: where it is, all are."""
    fs, target = fsspec.url_to_fs(url)
    if fs.exists(f"{target}/{last}"):
        fs.rm(f"{target}/{last}")
    copy(fs, folder, target, last)


def copy(fs, folder, target, last=""):
    """All files of a local folder, in folders as there."""
    paths = [
        os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names
    ]
    for path in sorted(paths, key=lambda path: (path == last, path)):
        fs.makedirs(os.path.dirname(f"{target}/{path}"), exist_ok=True)
        fs.put_file(os.path.join(folder, path), f"{target}/{path}")
