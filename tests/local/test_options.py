from pathlib import Path

import pytest

from trainmaster.errors import InvalidError
from trainmaster.local.options import Options, Remembered, cache_folder, default_folder


def test_what_is_remembered_comes_back_as_it_was() -> None:
    options = Options(nodes=3, gpus=1, nm_expiry=10, hadoop={"a.b": "c"}, classpath=("/jars/*",))
    remembered = Remembered(options, {"namenode.rpc": 10001})
    assert Remembered.from_json(remembered.to_json()) == remembered


def test_what_a_later_version_remembered_is_passed_over() -> None:
    assert Options.load({"nodes": 2, "moons": 1}) == Options(nodes=2)


@pytest.mark.parametrize(
    "values",
    [
        {"version": "2.6.0"},
        {"nodes": 0},
        {"nodes": 201},
        {"memory": 0},
        {"vcores": -1},
        {"gpus": -1},
        {"gpu_isolation": True},
        {"protection": "privacy"},
        {"protection": "none", "kerberos": True},
        {"kerberos": True, "gpus": 1, "gpu_isolation": True},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_cannot_be_is_refused_by_name(values: dict[str, object]) -> None:
    with pytest.raises(InvalidError, match=next(iter(values))):
        Options.load(values)


def test_folders_follow_the_desktop_standard() -> None:
    assert default_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/trainmaster/local")
    assert cache_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/trainmaster")
    assert default_folder({}) == Path.home() / ".local/share/trainmaster/local"
    assert cache_folder({}) == Path.home() / ".cache/trainmaster"
