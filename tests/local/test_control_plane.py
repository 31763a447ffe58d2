"""What the local control plane's parts say: commands, certificates, kubeconfigs, versions. The daemons are in tests/real."""

from __future__ import annotations

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from typer.testing import CliRunner

from trainmaster.cli.local import app
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local.kubernetes import commands, kubeconfig, pki
from trainmaster.local.kubernetes.commands import DAEMONS, SERVICES, Installation
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.kubernetes.options import KubernetesOptions
from trainmaster.local.kubernetes.programs import control_plane
from trainmaster.local.services import choose_ports, daemon_of

PLACE = Installation(Path("/cluster"), Path("/programs"))
DEFAULT = KubernetesOptions()
PORTS = {service: number for number, service in enumerate(SERVICES, 10000)}


def line(daemon: str, options: KubernetesOptions = DEFAULT) -> list[str]:
    return commands.command(PLACE, options, PORTS, daemon)


def test_every_daemon_is_a_program_of_the_module() -> None:
    assert set(DAEMONS) < set(control_plane().links)
    assert [line(daemon)[0] for daemon in DAEMONS] == [f"/programs/{daemon}" for daemon in DAEMONS]


def test_every_service_belongs_to_a_daemon_and_gets_a_port() -> None:
    assert {daemon_of(service) for service in SERVICES} == set(DAEMONS)
    assert set(choose_ports(Path("/cluster"), SERVICES, {})) == set(SERVICES)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_daemons_listen_on_loopback_only(daemon: str) -> None:
    listening = [
        argument for argument in line(daemon) if re.match(r"--(bind-address|listen-\w+-urls)=", argument)
    ]
    assert listening
    assert all("127.0.0.1" in argument for argument in listening)


def test_the_api_server_is_strict() -> None:
    assert {"--authorization-mode=RBAC", "--anonymous-auth=false"} < set(line("kube-apiserver"))


def test_requests_are_noted_only_if_asked_for() -> None:
    assert not any("audit" in argument for argument in line("kube-apiserver"))
    audited = line("kube-apiserver", KubernetesOptions(audit=True))
    assert "--audit-log-path=/cluster/logs/audit.log" in audited
    assert yaml.safe_load(commands.AUDIT_POLICY)["rules"] == [{"level": "Metadata"}]


def test_arguments_of_the_options_come_last_and_so_win() -> None:
    assert line("kube-apiserver", KubernetesOptions(apiserver=("--v=9",)))[-1] == "--v=9"


def test_daemons_hear_of_no_proxy_and_no_secret() -> None:
    environ = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy", "TOKEN": "hidden"}
    assert commands.environment(PLACE, environ) == {"PATH": "/bin", "TRAINMASTER_LOCAL": "/cluster"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    pki.make(folder)
    return folder


def certificate(keys: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((keys / f"{name}.crt").read_bytes())


def test_keys_are_nobody_elses_to_read(keys: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in keys.glob("*.key")}
    assert set(modes) == {
        f"{name}.key" for name in ("ca", "server", "admin", "controller-manager", "service-accounts")
    }
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("name", ["server", "admin", "controller-manager"])
def test_the_authority_vouches_for_all(keys: Path, name: str) -> None:
    authority = certificate(keys, "ca")
    certificate(keys, name).verify_directly_issued_by(authority)
    context = ssl.create_default_context(cafile=keys / "ca.crt")
    context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")


def test_the_server_is_who_clients_call(keys: Path) -> None:
    names = (
        certificate(keys, "server")
        .extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        .value
    )
    assert isinstance(names, x509.SubjectAlternativeName)
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


def test_identities_are_those_that_rbac_knows(keys: Path) -> None:
    assert certificate(keys, "admin").subject.rfc4514_string() == "CN=admin,O=system:masters"
    assert (
        "CN=system:kube-controller-manager"
        in certificate(keys, "controller-manager").subject.rfc4514_string()
    )


def test_certificates_hold_for_years(keys: Path) -> None:
    assert certificate(keys, "server").not_valid_after_utc > datetime.now(UTC) + timedelta(days=3000)


def test_keys_are_made_once(keys: Path) -> None:
    before = {path: path.read_bytes() for path in keys.iterdir()}
    pki.make(keys)
    assert {path: path.read_bytes() for path in keys.iterdir()} == before


def test_a_start_that_was_cut_short_is_made_good(tmp_path: Path) -> None:
    pki.make(tmp_path)
    (tmp_path / "ca.crt").unlink()
    pki.make(tmp_path)
    certificate(tmp_path, "admin").verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_a_kubeconfig_holds_a_token_that_only_its_owner_reads(keys: Path, tmp_path: Path) -> None:
    path = kubeconfig.save(
        tmp_path / "x.kubeconfig", kubeconfig.with_token("https://here", keys, "t0k3n", "vision")
    )
    found = yaml.safe_load(path.read_text())
    assert found["users"][0]["user"] == {"token": "t0k3n"}
    assert found["contexts"][0]["context"]["namespace"] == "vision"
    assert found["clusters"][0]["cluster"]["server"] == "https://here"
    assert path.stat().st_mode & 0o777 == 0o600


def test_programs_know_the_version_that_is_pinned() -> None:
    version = control_plane().required("k8s.io/kubernetes")
    assert control_plane().variables["k8s.io/component-base/version.gitVersion"] == f"v{version}"


def test_before_the_first_up_there_is_nothing_to_ask(tmp_path: Path) -> None:
    plane = LocalKubernetes(tmp_path / "none")
    for ask in (plane.status, lambda: plane.url, lambda: plane.environment):
        with pytest.raises(UnavailableError, match="trainmaster local up --kubernetes"):
            ask()
    plane.down(purge=True)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InvalidError, match="other files"):
        LocalKubernetes(tmp_path).up()


def test_kubectl_needs_a_control_plane(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["kubectl", "--dir", str(tmp_path), "get", "tj"])
    assert done.exit_code == 1
    assert "trainmaster local up --kubernetes" in done.output


def test_options_survive_a_stop() -> None:
    options = KubernetesOptions(apiserver=("--v=2",), audit=True)
    assert KubernetesOptions.model_validate(json.loads(options.model_dump_json())) == options
