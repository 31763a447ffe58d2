"""Which cluster a kubeconfig, or several, lead to: as kubectl reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from trainmaster.errors import InvalidError
from trainmaster.sources.kubernetes.connection import Connection


def config(folder: Path, name: str, *contexts: str, current: str = "", namespace: str = "") -> str:
    """A file whose contexts lead to a cluster of their name."""
    inner = {"user": name, **({"namespace": namespace} if namespace else {})}
    content = {
        "contexts": [{"name": each, "context": {**inner, "cluster": f"{name}-{each}"}} for each in contexts],
        "clusters": [
            {"name": f"{name}-{each}", "cluster": {"server": f"http://{name}.{each}"}} for each in contexts
        ],
        "users": [{"name": name, "user": {"token": "t"}}],
    }
    if current:
        content["current-context"] = current
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_several_files_count_as_one_and_the_first_current_context_wins(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    files = [
        str(tmp_path / "missing"),
        str(tmp_path / "empty"),
        config(tmp_path, "a", "one", "both"),
        config(tmp_path, "b", "two", "both", current="two", namespace="vision"),
        config(tmp_path, "c", "three", current="three"),
    ]
    named = os.pathsep.join(files)
    found = Connection(named)
    assert (found.configuration.host, found.namespace) == ("http://b.two", "vision")
    assert found.cluster == f"context two of {named}"
    assert Connection(named, "one").namespace == "default"
    assert Connection(named, "both").configuration.host == "http://a.both"


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    path = config(tmp_path, "a", "one", "two", current="one")
    with pytest.raises(InvalidError, match=r"a has no context tow; it has one, two"):
        Connection(path, "tow")


def test_what_names_no_context_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="names no current context"):
        Connection(config(tmp_path, "a", "one"))
    with pytest.raises(InvalidError, match=r"there is no .*nowhere"):
        Connection(str(tmp_path / "nowhere"))
    with pytest.raises(InvalidError, match=r"there is no .*nowhere"):
        Connection(str(tmp_path / "nowhere"), "one")


def test_a_broken_file_is_told_without_what_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text("users: [{token: c2VjcmV0")
    with pytest.raises(InvalidError, match="is no YAML") as caught:
        Connection(str(path))
    assert "c2VjcmV0" not in str(caught.value)


TOKEN = "c2VjcmV0"
TABBED = f"""\
current-context: a
clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1'}}}}]
contexts: [{{name: a, context: {{cluster: c, user: u}}}}]
users:
- name: u
  user:
    token:\t{TOKEN}
""".encode()
MENDABLE = {
    "no UTF-8": (b"\xff\xfe\x00" + TOKEN.encode(), r"can't be read \(UnicodeDecodeError\)"),
    "a context that is no mapping": (
        b"current-context: a\ncontexts: [{name: a, context: foo}]\n",
        r"context a of .* is no mapping",
    ),
    "contexts that are no list": (b"current-context: a\ncontexts: 5\n", r"contexts of .* are no list"),
    "users that are no list": (
        TABBED.partition(b"users:")[0] + f"users: {TOKEN}\n".encode(),
        "Expected key name in",
    ),
    "a user that is no mapping": (
        TABBED.partition(b"users:")[0] + f"users: [{{name: u, user: {TOKEN}}}]\n".encode(),
        "can't be used",
    ),
    "a tab that only one of the readers takes": (TABBED, r"can't be used \(ScannerError\)"),
    "a file of a token that is no name": (
        TABBED.replace(f"token:\t{TOKEN}".encode(), b"tokenFile: 5"),
        "can't be used",
    ),
    "a list": (b"[1]", "is no kubeconfig"),
}


@pytest.mark.parametrize("name", MENDABLE)
@pytest.mark.parametrize("person", [True, False])
def test_what_a_person_can_mend_is_told_and_no_secret_with_it(
    tmp_path: Path, name: str, person: bool
) -> None:
    content, words = MENDABLE[name]
    path = tmp_path / "kubeconfig"
    path.write_bytes(content)
    with pytest.raises(InvalidError, match=words) as caught:
        Connection(str(path), person=person)
    assert str(path) in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("person", [True, False])
def test_a_file_that_may_not_be_read_is_told_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: bool
) -> None:
    """Also in a pod: a person meant another cluster than the pod's."""
    monkeypatch.setenv("KUBECONFIG", config(tmp_path, "a", "one", current="one"))
    if person:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(tmp_path / "a"))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InvalidError, match=rf"{tmp_path}/a can't be read \(Permission denied\)"):
        Connection(person=person)


@pytest.mark.parametrize(("person", "context"), [(True, ""), (False, "one")])
def test_in_a_pod_a_person_and_a_named_context_come_before_its_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: bool, context: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", config(tmp_path, "a", "one", current="one"))
    assert Connection(context=context, person=person).configuration.host == "http://a.one"


def test_in_a_pod_all_else_is_its_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    for person, path in (
        (False, config(tmp_path, "a", "one", current="one")),
        (True, str(tmp_path / "missing")),
    ):
        monkeypatch.setenv("KUBECONFIG", path)
        with pytest.raises(InvalidError, match=r"Service host/port is not set|Service token file"):
            Connection(person=person)
