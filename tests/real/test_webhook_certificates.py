"""The certificate of the webhooks on a real API server: shared by the replicas, renewed under way, and mended when it is lost."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from real.admission import KINDS, Guarded, Replica, guarded, shipped
from real.cluster import until
from real.served import Served
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.services import LOOPBACK
from trainmaster.master import clock
from trainmaster.settings import PolicyRule
from trainmaster.sources.kubernetes.admission.certificates import DAY, LIFE, RENEW_BEFORE, SETTLE
from trainmaster.sources.kubernetes.admission.issuing import Pair, issue
from trainmaster.sources.kubernetes.admission.keeping import held_in, secret_name

SPEC = {"roles": {"worker": {"command": "train"}}}
REQUESTS = 20
"""that must be answered between two steps of a renewal"""


@pytest.fixture
def guard(kubernetes: LocalKubernetes, namespace: str) -> Iterator[Guarded]:
    policy = (PolicyRule(namespace=namespace, users=("alice",)),)
    with guarded(kubernetes, namespace, policy) as made:
        made.configure()
        yield made


def secret(guard: Guarded) -> dict[str, str]:
    found = guard.get("secret", secret_name(guard.settings.kubernetes), "-n", guard.own)
    return dict(found["data"])


def served_now(guard: Guarded) -> Pair:
    held = held_in(secret(guard))
    assert held
    return held.served


def announced(guard: Guarded) -> bool:
    """Whether every webhook's configuration trusts exactly what the Secret says."""
    return guard.bundles() == {secret(guard)["ca.crt"]}


def is_asked(guard: Guarded) -> bool:
    served = Served(guard.kubernetes, guard.namespace)
    try:
        return "user" in str(served.refusal(SPEC | {"user": "hdfs"}))
    finally:
        served.close()


class Asking:
    """Somebody who creates jobs all the time, each over a new connection, while nothing passes without an answer."""

    def __init__(self, guard: Guarded) -> None:
        self._guard, self._stop = guard, threading.Event()
        self.answered = 0
        self.failed: list[str] = []
        self._thread = threading.Thread(target=self._ask)

    def more(self) -> None:
        """Wait for further answers."""
        enough = self.answered + REQUESTS
        until(lambda: self.failed or self.answered >= enough)
        assert self.failed == []

    def _ask(self) -> None:
        served = Served(self._guard.kubernetes, self._guard.namespace)
        while not self._stop.is_set():
            self._guard.entrance.hang_up()
            try:
                self.failed += [str(told) for told in served.refusal(SPEC)]
            except client.ApiException as error:
                self.failed.append(str(error))
            self.answered += 1
        served.close()

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_replicas_that_start_together_share_one_certificate(guard: Guarded) -> None:
    replicas = [guard.replica() for _ in range(3)]
    threads = [threading.Thread(target=replica.look) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for replica in replicas:
        replica.look()
        assert replica.trouble == ""
    assert announced(guard)
    until(lambda: is_asked(guard))
    with Asking(guard) as asking:
        asking.more()
    assert guard.entrance.taken >= REQUESTS


def test_it_is_renewed_while_requests_go_on(guard: Guarded) -> None:
    guard.clock.ahead = -(LIFE - RENEW_BEFORE) - DAY
    first, second = guard.replica(), guard.replica()
    first.look()
    second.look()
    old = served_now(guard)
    until(lambda: is_asked(guard))

    with Asking(guard) as asking:
        asking.more()
        guard.clock.ahead = 0.0
        for replica in (
            first,
            second,
            first,
            second,
        ):  # a successor is made, and told; it isn't time to serve it
            replica.look()
            asking.more()
        assert served_now(guard) == old
        assert announced(guard)
        guard.clock.ahead = SETTLE + 1
        first.look()
        asking.more()  # one replica shows the new one, and the other still the old one
        second.look()
        asking.more()
    assert served_now(guard) != old
    assert announced(guard)
    assert (first.trouble, second.trouble) == ("", "")


def test_what_somebody_takes_away_is_mended_at_the_next_look(guard: Guarded) -> None:
    replica = guard.replica()
    replica.look()
    until(lambda: is_asked(guard))
    for kind in KINDS:
        guard.kubernetes.kubectl(
            "patch", kind, guard.namespace, "--type=json", "-p", '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]'
        )  # fmt: skip
    assert not announced(guard)
    replica.look()
    assert announced(guard)

    before = served_now(guard)
    guard.kubernetes.kubectl("delete", "secret", secret_name(guard.settings.kubernetes), "-n", guard.own)
    replica.look()
    assert served_now(guard) != before, "a person who deletes it wants another"
    assert announced(guard)
    until(lambda: is_asked(guard))


def test_only_the_bundle_is_written_into_the_shipped_configurations(guard: Guarded) -> None:
    """Those with a Service, as clusters have them."""
    for kind in KINDS:
        configuration = shipped(kind)
        configuration["metadata"] = {"name": guard.namespace}
        configuration["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"never": "there"}}
        guard.kubernetes.kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(configuration))
    before = {kind: guard.configuration(kind) for kind in KINDS}
    guard.replica().look()
    bundle = secret(guard)["ca.crt"]
    for kind in KINDS:
        after = guard.configuration(kind)
        assert after["webhooks"][0]["clientConfig"].pop("caBundle") == bundle
        for metadata in (before[kind]["metadata"], after["metadata"]):
            del metadata["generation"], metadata["resourceVersion"]
            metadata.pop("managedFields", None)
        assert after == before[kind]


def test_the_key_is_nowhere_but_in_the_secret(guard: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    guard.replica().look()
    key = base64.b64decode(secret(guard)["tls.key"]).decode().splitlines()[1]
    assert len(key) > 40
    assert key not in caplog.text
    assert key not in guard.kubernetes.audit_log.read_text()


def test_it_looks_after_itself(guard: Guarded) -> None:
    """Also where the configurations come after the controller, as an installer may bring them."""
    guard.kubernetes.kubectl("delete", ",".join(KINDS), guard.namespace)
    replica = guard.replica()
    replica.keep_looking()
    until(lambda: "not found" in replica.trouble)
    guard.configure()
    until(lambda: is_asked(guard))


# --- what a person has to mend


def test_without_its_configurations_it_serves_and_says_so(guard: Guarded) -> None:
    guard.kubernetes.kubectl("delete", KINDS[1], guard.namespace)
    replica = guard.replica()
    replica.look()
    assert f"get {KINDS[1]}s of admissionregistration.k8s.io {guard.namespace}" in replica.trouble
    assert served_now(guard)
    guard.configure()
    replica.look()
    assert replica.trouble == ""
    until(lambda: is_asked(guard))


def looked(replica: Replica) -> str:
    """The trouble after a look. The API server takes a moment to take in what became of rights."""
    replica.look()
    return replica.trouble


@contextmanager
def without(guard: Guarded, *binding: str) -> Iterator[None]:
    kept = guard.get(*binding)
    del kept["metadata"]["resourceVersion"], kept["metadata"]["uid"]
    guard.kubernetes.kubectl("delete", *binding)
    yield
    guard.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(kept))


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("rolebinding", "lacks the right to get secrets named trainmaster-"),
        ("clusterrolebinding", "lacks the right to get validatingwebhookconfigurations"),
    ],
)
def test_a_missing_right_is_named_until_it_is_there(guard: Guarded, kind: str, right: str) -> None:
    binding = (kind, guard.own, *(("-n", guard.own) if kind == "rolebinding" else ()))
    replica = guard.replica()
    with without(guard, *binding):
        until(lambda: right in looked(replica))
    until(lambda: looked(replica) == "")
    assert announced(guard)


def test_while_the_api_server_is_away_it_serves_what_it_has(guard: Guarded) -> None:
    replica = guard.replica()
    replica.look()
    guard.kubernetes.kill("kube-apiserver")
    try:
        replica.look()
        assert replica.trouble == "", "what is shown stays good for weeks"
        late = guard.replica()
        late.look()
        assert "API server" in late.trouble, "this one has nothing to show"
    finally:
        guard.kubernetes.start("kube-apiserver")
        guard.kubernetes.wait_ready(60)
    late.look()
    assert late.trouble == ""


# --- somebody else's certificate


def put(folder: Path, pair: Pair) -> None:
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)


def test_with_somebody_elses_certificate_nothing_is_written(guard: Guarded, tmp_path: Path) -> None:
    first, trusted = issue((LOOPBACK,), clock.now(), LIFE)
    put(tmp_path, first)
    for kind in KINDS:
        bundle = base64.b64encode(trusted).decode()
        patch = f'[{{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "{bundle}"}}]'
        guard.kubernetes.kubectl("patch", kind, guard.namespace, "--type=json", "-p", patch)
    replica = guard.replica(certificate=tmp_path)
    replica.look()
    until(lambda: is_asked(guard))
    before = {kind: guard.configuration(kind) for kind in KINDS}

    (tmp_path / "tls.key").write_bytes(issue((LOOPBACK,), clock.now(), LIFE)[0].key)
    replica.look()
    assert "no pair" in replica.trouble
    guard.entrance.hang_up()
    assert is_asked(guard), "the one before is still shown"
    second, trusted = issue((LOOPBACK,), clock.now(), LIFE)
    put(tmp_path, second)
    replica.look()
    assert replica.trouble == ""
    guard.entrance.hang_up()
    assert not is_asked(guard), "the new one is shown, and whoever vouches for it hasn't said so yet"

    assert {kind: guard.configuration(kind) for kind in KINDS} == before
    own = secret_name(guard.settings.kubernetes)
    assert own not in guard.kubernetes.kubectl("get", "secret", "-n", guard.own, "-o", "name")
