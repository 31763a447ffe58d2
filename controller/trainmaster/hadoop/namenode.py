"""The NameNodes of the default file system, and its delegation tokens: by them a job's processes, and the NodeManagers that bring
its files, read HDFS as its user.

ClientProtocol (org.apache.hadoop.hdfs.protocol), spoken to whichever NameNode is active. Never here: who renews or keeps a token.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from trainmaster.errors import DeniedError, InvalidError, RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf, get
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.kerberos.mechanism import SERVER_SETTING, ServerNames
from trainmaster.hadoop.kerberos.principals import of_host
from trainmaster.hadoop.names import Addresses, addresses_of
from trainmaster.hadoop.protection import SASL_EXCEPTION
from trainmaster.hadoop.proto.common_pb2 import (
    GetDelegationTokenRequestProto,
    GetDelegationTokenResponseProto,
    TokenProto,
)
from trainmaster.hadoop.sasl import KerberosLogin, Login, SimpleLogin

PROTOCOL = "org.apache.hadoop.hdfs.protocol.ClientProtocol"
KIND = "HDFS_DELEGATION_TOKEN"
PORT = 8020
_PRINCIPAL = "dfs.namenode.kerberos.principal"


class NameNodes:
    """Those of the default file system, for all users."""

    def __init__(self, conf: HadoopConf, timeout: float = 10.0) -> None:
        self._conf, self._timeout = conf, timeout
        self._authority = urlsplit(conf.default_fs).netloc
        self._nameservice, self._addresses = name_nodes(conf)

    async def token(self, user: str) -> TokenProto:
        """A new token with which processes are that user, for YARN to renew. UnavailableError when no NameNode could be asked,
        DeniedError when we may not speak for the user."""
        if not user:  # a ticket without a user to speak for would get the controller's own
            raise InvalidError("a token of HDFS is wanted for nobody: the user's name is empty")
        rpc = Failover(self._addresses, PROTOCOL, login_as(self._conf, self._addresses, user), self._timeout)
        request = GetDelegationTokenRequestProto(renewer=renewer(self._conf))
        try:
            answer = await rpc.call("getDelegationToken", request, GetDelegationTokenResponseProto)
        except UnavailableError as error:
            raise UnavailableError(f"the NameNode can't be asked for a token of HDFS: {error}") from error
        finally:
            await rpc.close()
        if not answer.HasField("token"):
            raise RefusedError("NoToken", "the NameNode gave no token: it runs without Kerberos")
        answer.token.service = await self._service()
        return answer.token

    async def _service(self) -> str:
        """How clients look for it (SecurityUtil.buildTokenService, HAUtilClient.buildTokenServiceForLogicalUri)."""
        if self._nameservice:
            return f"ha-hdfs:{self._nameservice}"
        host, _, port = self._addresses[0].rpartition(":")
        if get(self._conf.properties, "hadoop.security.token.service.use_ip").lower() == "false":
            return f"{host.lower()}:{port}"
        return f"{_of_java(await _addresses(host))}:{port}"


async def _addresses(host: str) -> Addresses:
    try:
        return await addresses_of(host)
    except OSError as error:
        raise UnavailableError(f"{host}: {error.strerror or error}") from error


def _of_java(addresses: Addresses) -> str:
    """The one that Java takes, as it writes it: IPv4 before IPv6, whose eight numbers stand without leaving out any
    (InetAddress.getHostAddress)."""
    found = [ipaddress.ip_address(each.partition("%")[0]) for each in addresses]
    first = min(found, key=lambda each: each.version)
    if first.version == 4:
        return str(first)
    return ":".join(f"{int(part, 16):x}" for part in first.exploded.split(":"))


def login_as(conf: HadoopConf, addresses: Sequence[str], user: str) -> Login:
    """How NameNodes are spoken to for a user: by the controller's ticket where there is Kerberos, else by the name alone. Raises
    InvalidError for nobody: a ticket without a user to speak for would show what the controller may see."""
    if not user:
        raise InvalidError("HDFS is to be asked for nobody: the user's name is empty")
    if not conf.kerberos:
        return SimpleLogin(user)
    hosts = tuple(address.rpartition(":")[0] for address in addresses)
    principal, pattern = (get(conf.properties, name) for name in (_PRINCIPAL, f"{_PRINCIPAL}.pattern"))
    return KerberosLogin(user, ServerNames(principal, hosts, pattern, _PRINCIPAL), conf.protections)


def has_tokens(conf: HadoopConf) -> bool:
    """Whether processes need one to read the default file system."""
    return conf.kerberos and conf.default_fs.startswith("hdfs://")


def name_nodes(conf: HadoopConf, authority: str = "") -> tuple[str, tuple[str, ...]]:
    """The name service of an hdfs:// URL, left out: of the default file system, empty where it is one NameNode; and the addresses
    of its NameNodes."""
    authority, properties = authority or urlsplit(conf.default_fs).netloc, conf.properties
    ids = [
        each.strip() for each in get(properties, f"dfs.ha.namenodes.{authority}").split(",") if each.strip()
    ]
    if not ids:
        return "", (authority if ":" in authority else f"{authority}:{PORT}",)
    keys = [f"dfs.namenode.rpc-address.{authority}.{each}" for each in ids]
    if missing := [key for key in keys if not get(properties, key)]:
        raise InvalidError(f"{missing[0]}: isn't set, though {authority} has {len(ids)} NameNodes")
    return authority, tuple(get(properties, key) for key in keys)


def renewer(conf: HadoopConf) -> str:
    """YARN's principal: whom the NameNode lets renew the token (Master.getMasterPrincipal). DeniedError where it isn't known: a
    pattern tells whom to take for YARN, not its name."""
    if not conf.manager_principal:
        raise DeniedError(
            SASL_EXCEPTION,
            f"{SERVER_SETTING} isn't set here, and HDFS must be told who renews its token: set it as it is in the cluster",
        )
    return of_host(conf.manager_principal, conf.clients[0].rpartition(":")[0])
