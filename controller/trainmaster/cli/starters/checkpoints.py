"""Checkpoints in HDFS, or wherever fsspec reaches: one tar file for each, whole or not there at all.

A file becomes visible under its name by one rename, so a process killed in the middle leaves no half of one.
"""

import os
import re
import shutil
import tarfile
import tempfile
import uuid
from contextlib import contextmanager

import fsspec

KEEP = 2
NAME = re.compile(r"epoch-(\d{6})\.tar")
MARKER, UNPUBLISHED = "_SUCCESS", "_publishing-"
LEFTOVER = re.compile(r"\.epoch-\d{6}\.[0-9a-f]{32}")


class Checkpoints:
    """Those below one URL, named by epoch. Only one process at a time may save."""

    def __init__(self, url):
        self.fs, self.root = fsspec.core.url_to_fs(url)
        self.fs.makedirs(self.root, exist_ok=True)

    def epochs(self):
        """Epochs with a checkpoint, oldest first."""
        return sorted(int(found[1]) for found in map(NAME.fullmatch, self._names()) if found)

    @contextmanager
    def newest(self):
        """(epoch, local folder with its files), or (0, None) when there is none yet."""
        epochs = self.epochs()
        with tempfile.TemporaryDirectory() as folder:
            if epochs:
                with self.fs.open(self._path(epochs[-1]), "rb") as file:  # noqa: SIM117 - for Python 3.8
                    with tarfile.open(fileobj=file, mode="r|") as tar:
                        _unpack(tar, folder)
            yield (epochs[-1], folder) if epochs else (0, None)

    @contextmanager
    def saving(self, epoch):
        """A local folder for the files of this epoch's checkpoint, which is brought to its place at the end."""
        upload = f"{self.root}/.epoch-{epoch:06}.{uuid.uuid4().hex}"
        with tempfile.TemporaryDirectory() as folder:
            yield folder
            with self.fs.open(upload, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
                tar.add(folder, arcname=".")
        # fsspec for Python 3.7 has mv copy files of this machine, which may be cut off half-way; its mv_file renames.
        getattr(self.fs, "mv_file", self.fs.mv)(upload, self._path(epoch), overwrite=True)
        self._tidy()

    def _tidy(self):
        """Remove all but the last, and what was cut off; nothing of others."""
        kept = {self._path(epoch) for epoch in self.epochs()[-KEEP:]}
        for name in self._names():
            if (NAME.fullmatch(name) or LEFTOVER.fullmatch(name)) and f"{self.root}/{name}" not in kept:
                self.fs.rm(f"{self.root}/{name}")

    def _names(self):
        return [path.rsplit("/", 1)[-1] for path in self.fs.ls(self.root, detail=False)]

    def _path(self, epoch):
        return f"{self.root}/epoch-{epoch:06}.tar"


def _unpack(tar, folder):
    """Files and folders alone, and none outside of the folder, whoever wrote the tar. Older Pythons have no filter for that."""
    root = os.path.realpath(folder)
    for member in tar:
        target = os.path.normpath(os.path.join(root, member.name))
        if not (member.isfile() or member.isdir()) or os.path.commonpath([root, target]) != root:
            raise ValueError(f"a checkpoint doesn't hold such a thing: {member.name!r}")
        os.makedirs(target if member.isdir() else os.path.dirname(target), exist_ok=True)
        if member.isfile():
            with open(target, "wb") as file:
                shutil.copyfileobj(tar.extractfile(member), file)


def publish(url, folder):
    """Bring a local folder's files to a URL, over older ones. Whoever waits for the marker sees all of them or none."""
    fs, target = fsspec.core.url_to_fs(url)
    beside, marker = f"{target}/{UNPUBLISHED}{uuid.uuid4().hex}", f"{target}/{MARKER}"
    paths = [os.path.relpath(os.path.join(at, n), folder) for at, _, names in os.walk(folder) for n in names]
    for path in paths:  # what was published before stands until all are there
        fs.makedirs(os.path.dirname(f"{beside}/{path}"), exist_ok=True)
        fs.put_file(os.path.join(folder, path), f"{beside}/{path}")
    if fs.exists(marker):
        fs.rm(marker)
    for path in paths:
        fs.makedirs(os.path.dirname(f"{target}/{path}"), exist_ok=True)
        fs.mv(f"{beside}/{path}", f"{target}/{path}", overwrite=True)
    for path in fs.ls(target, detail=False):  # of those who were cut off, too
        if path.rsplit("/", 1)[-1].startswith(UNPUBLISHED):
            fs.rm(path, recursive=True)
    fs.pipe_file(marker, b"")
