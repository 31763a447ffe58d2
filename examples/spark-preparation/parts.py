"""What Spark prepared, read by its shards: takes the place of digits.py in the training of the example xgboost."""

import os

import fsspec
import numpy as np


def load(url=None, shard=0, shards=1):
    """Images and labels of every file of the training part that is this shard's, then those of the test part."""
    url = url or os.environ["INPUT_PATH"]
    return (*_read(f"{url}/train", shard, shards), *_read(f"{url}/test", 0, 1))


def _read(folder, shard, shards):
    files = fsspec.open_files(f"{folder}/part-*", "rt")[shard::shards]
    tables = []
    for each in files:
        with each as text:
            tables.append(np.loadtxt(text, delimiter=",", dtype=np.float32, ndmin=2))
    table = np.concatenate(tables)
    return table[:, :64], table[:, 64].astype(np.int64)
