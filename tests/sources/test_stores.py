"""Which store a URL means."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainmaster.errors import InvalidError
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.stores import open_files


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///srv/jobs", "/srv/jobs"),
        ("file:///srv/jobs/", "/srv/jobs"),
        ("file:///", "/"),
        ("/srv/jobs", "/srv/jobs"),
        ("jobs", "{here}/jobs"),
    ],
)
def test_a_folder_of_this_machine_may_be_written_as_people_write_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files, found = open_files(url)
    assert isinstance(files, LocalFiles)
    assert found == path.format(here=tmp_path)


def test_what_is_no_store_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidError, match=r"s3://b/x: a store is an hdfs://, file://, webhdfs://"):
        open_files("s3://b/x")
