"""A local Kubernetes control plane as one thing: which daemons it has, and what they need before they start.

Never here: what is run (`commands`), who is vouched for (`pki`), or how the programs come about (`programs`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.local import golang, machine, processes
from trainmaster.local.daemons import Daemons, silent
from trainmaster.local.files import write
from trainmaster.local.kubernetes import commands, kubeconfig, pki
from trainmaster.local.kubernetes.commands import DAEMONS, SERVICES, Installation
from trainmaster.local.kubernetes.options import KubernetesOptions, Remembered
from trainmaster.local.kubernetes.programs import control_plane
from trainmaster.local.kubernetes.readiness import Probe
from trainmaster.local.options import cache_folder
from trainmaster.local.processes import Process
from trainmaster.local.services import LOOPBACK

_START = 90.0
"""seconds that the API server may take on a busy machine"""


class LocalKubernetes(Daemons[Installation]):
    """The real daemons of a Kubernetes control plane on loopback addresses, in one folder."""

    title = "the local Kubernetes"
    words = ".log"

    def __init__(self, folder: Path, options: KubernetesOptions | None = None) -> None:
        """`options` None: those of the control plane that is in the folder, else the defaults."""
        super().__init__(folder)
        remembered = self._remembered()
        self.options = options or (remembered.options if remembered else KubernetesOptions())

    @property
    def url(self) -> str:
        """Where the API server is; UnavailableError before the first `up`."""
        return f"https://{LOOPBACK}:{self._known().ports['kube-apiserver.https']}"

    @property
    def etcd_url(self) -> str:
        """Where etcd serves its clients, in plain HTTP; as `url`."""
        return commands.etcd_url(self._known().ports)

    @property
    def kubeconfig(self) -> Path:
        """What KUBECONFIG must be for an administrator of this control plane."""
        return self.folder / "conf/admin.kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Kubernetes' clients find this control plane; as `url`."""
        self._known()
        return {"KUBECONFIG": str(self.kubeconfig)}

    @property
    def ca(self) -> Path:
        """The certificate of the authority that vouches for the API server."""
        return self.folder / "pki/ca.crt"

    @property
    def audit_log(self) -> Path:
        """One JSON object (audit.k8s.io/v1, Event) a line for each request, if the options ask for it."""
        return self.folder / "logs/audit.log"

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl prints to an administrator; RefusedError with its complaint if it fails."""
        command = [str(self.program("kubectl")), *arguments]
        environ = os.environ | self.environment
        done = subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError("kubectl", done.stderr.strip())
        return done.stdout

    def define(self, crds: str) -> None:
        """Apply the YAML of custom resource definitions, and wait until their objects can be created."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=crds)
        while True:
            try:
                self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "-", stdin=crds)
                return
            except RefusedError as error:
                if "accessor error" not in error.message:  # so new that it has no conditions at all
                    raise

    def program(self, name: str, say: Callable[[str], None] = silent) -> Path:
        """One of the programs, built first if need be: kubectl, etcd, and the others."""
        [folder] = golang.built([control_plane()], cache_folder(), say)
        return folder / name

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig of an existing ServiceAccount, with a token for a day (TokenRequest).

        RefusedError when there is no such ServiceAccount.
        """
        token = self.kubectl("create", "token", service_account, "-n", namespace, "--duration=24h").strip()
        text = kubeconfig.with_token(self.url, self.folder / "pki", token, namespace)
        return kubeconfig.save(self.folder / "accounts" / f"{namespace}-{service_account}.kubeconfig", text)

    def _wanted(self) -> Sequence[str]:
        return DAEMONS

    def _present(self) -> Sequence[str]:
        self._known()
        return DAEMONS

    @contextmanager
    def _asking(self) -> Iterator[Callable[[str], str | None]]:
        yield Probe(self.folder / "pki", self._known().ports).waiting_for

    def _remembered(self) -> Remembered | None:
        try:
            return Remembered.model_validate_json(self._memory.read_text())
        except FileNotFoundError:
            return None

    def _known(self) -> Remembered:
        remembered = self._remembered()
        if remembered is None:
            raise UnavailableError(
                f"there is no local Kubernetes in {self.folder}: trainmaster local up --kubernetes"
            )
        return remembered

    def _place(self, starting: int, say: Callable[[str], None]) -> Installation:
        machine.require_memory(starting)
        [programs] = golang.built([control_plane()], cache_folder(), say)
        return Installation(self.folder, programs)

    def _prepare(self, place: Installation, missing: Sequence[str]) -> None:
        remembered = self._remembered()
        idle = len(missing) == len(DAEMONS)
        if remembered and remembered.options != self.options and not idle:
            raise InvalidError("the control plane runs with other options: trainmaster local down, then up")
        ports = self._ports(SERVICES, remembered.ports if remembered else {}, missing, idle)
        write(self._memory, Remembered(options=self.options, ports=ports).model_dump_json(indent=2) + "\n")
        pki.make(place.pki)
        for name in ("admin", "controller-manager"):
            kubeconfig.save(place.kubeconfig(name), kubeconfig.with_certificate(self.url, place.pki, name))
        write(place.audit_policy, commands.AUDIT_POLICY)

    def _spawn(self, place: Installation, daemon: str) -> None:
        if daemon == "kube-controller-manager":
            # It gives up when the API server doesn't answer it within ten seconds, and before RBAC's roles are there.
            self._wait_ready(("kube-apiserver",), _START)
        place.output(daemon).parent.mkdir(exist_ok=True)
        command = commands.command(place, self.options, self._known().ports, daemon)
        process = processes.spawn(command, commands.environment(place, os.environ), place.output(daemon))
        self._registry.note(daemon, process)

    def _end(self, daemons: Sequence[str]) -> list[Process]:
        """etcd last: without it the API server doesn't end in time."""
        return super()._end([daemon for daemon in daemons if daemon != "etcd"]) + super()._end(["etcd"])
