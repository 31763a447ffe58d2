"""Which jobs a command is about: those of a folder, or of an API server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Ran
from trainmaster.cli import main
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.options import Choices, Source
from trainmaster.cli.store import source

Run = Callable[..., Ran]
FOLDER, KUBERNETES = Source.FOLDER, Source.KUBERNETES
NAMES = ("TRAINMASTER_STORE", "TRAINMASTER_SOURCE", "TRAINMASTER_CONFIG", "HADOOP_CONF_DIR", "KUBECONFIG")


@pytest.mark.parametrize(
    ("choices", "environ", "expected"),
    [
        # the command line
        (Choices(source=FOLDER, context="c"), {"TRAINMASTER_SOURCE": "kubernetes"}, FOLDER),
        (Choices(source=KUBERNETES, store="file:///s"), {}, KUBERNETES),
        (Choices(context="c"), {"TRAINMASTER_SOURCE": "folder"}, KUBERNETES),
        (Choices(kubeconfig="k"), {"TRAINMASTER_STORE": "file:///s"}, KUBERNETES),
        (Choices(store="file:///s"), {"TRAINMASTER_SOURCE": "kubernetes"}, FOLDER),
        (Choices(plugin=True), {"TRAINMASTER_SOURCE": "folder"}, KUBERNETES),
        (Choices(plugin=True, store="file:///s"), {}, FOLDER),
        # the settings
        (
            Choices(),
            {"TRAINMASTER_SOURCE": "kubernetes", "TRAINMASTER_STORE": "file:///s"},
            KUBERNETES,
        ),
        (Choices(), {"TRAINMASTER_SOURCE": "folder", "KUBECONFIG": "k"}, FOLDER),
        (Choices(), {"TRAINMASTER_STORE": "file:///s", "KUBECONFIG": "k"}, FOLDER),
        # what there is
        (Choices(), {"HADOOP_CONF_DIR": "/etc/hadoop", "KUBECONFIG": "k"}, FOLDER),
        (Choices(), {"KUBECONFIG": "k"}, KUBERNETES),
        (Choices(), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, KUBERNETES),
        (Choices(), {}, FOLDER),
    ],
)
def test_who_speaks_most_clearly_is_heard(
    choices: Choices,
    environ: dict[str, str],
    expected: Source,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert source(choices, choices.settings(), environ) is expected


def test_a_kubeconfig_at_its_usual_place_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text("{}")
    assert source(Choices(), Choices().settings(), {}) is KUBERNETES


def test_no_way_to_an_api_server_is_a_wrong_setting(trainmaster: Run, tmp_path: Path) -> None:
    ran = trainmaster("get", "--kubeconfig", str(tmp_path / "nowhere"))
    assert ran.code == ExitCode.SETTINGS
    assert f"there is no {tmp_path}/nowhere" in ran.error


def test_a_source_that_is_none_is_refused(trainmaster: Run) -> None:
    ran = trainmaster("get", "--source", "etcd")
    assert ran.code == ExitCode.USAGE
    assert "folder" in ran.error
    assert "kubernetes" in ran.error


def test_kubectls_plugin_is_about_its_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TRAINMASTER_SOURCE", "folder")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "argv", ["/usr/bin/kubectl-trainmaster", "get"])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == ExitCode.SETTINGS
    assert "there is no" in capsys.readouterr().err


def test_where_nothing_says_where_jobs_are_both_ways_are_named(
    trainmaster: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (*NAMES, "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    ran = trainmaster("get")
    assert ran.code == ExitCode.SETTINGS
    assert "--store" in ran.error
    assert "--context" in ran.error


def test_the_history_is_that_of_the_source_that_is_meant(
    trainmaster: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trainmaster("history").code == 0
    ran = trainmaster("history", "-A", "--source", "kubernetes")
    assert ran.code == ExitCode.INVALID
    assert "no history is kept" in ran.error
