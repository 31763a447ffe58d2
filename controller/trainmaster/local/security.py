"""What Kerberos adds to a local Hadoop: its realm, who there is, and the settings that make HDFS and YARN ask for tickets.

Pure functions of options, ports and folder. Names of settings: core-default.xml, hdfs-default.xml, yarn-default.xml, and "Hadoop
in Secure Mode" in Hadoop's documentation; those of the KDC: org.apache.hadoop.minikdc.MiniKdc. Never here: writing files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainmaster.local.options import Options
from trainmaster.local.services import LOOPBACK, host

Values = dict[str, str]
REALM = "TRAINMASTER.LOCAL"
CONTROLLER = "trainmaster"
"""the short name of the controller: it may speak for everybody"""
GUESTS = ("alice", "bob")
"""people beside the one who started the cluster, to try out who may do what"""
HDFS, YARN = f"hdfs/localhost@{REALM}", f"yarn/localhost@{REALM}"


def files(ports: Mapping[str, int], options: Options) -> dict[str, str]:
    """What the KDC and the clients of Kerberos read: path below the folder to content."""
    if not options.kerberos:
        return {}
    return {
        "conf/krb5.conf": krb5_conf(ports["kdc.kerberos"], options.ticket_life),
        "kdc/kdc.properties": kdc_properties(ports["kdc.kerberos"], options.ticket_life),
    }


def krb5_conf(port: int, life: float) -> str:
    """Names are taken as they are, and TCP spares a second try: all is on this machine."""
    return f"""\
[libdefaults]
  default_realm = {REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  ticket_lifetime = {round(life)}s
[realms]
  {REALM} = {{
    kdc = {LOOPBACK}:{port}
  }}
[domain_realm]
  localhost = {REALM}
"""


def kdc_properties(port: int, life: float) -> str:
    """The realm is made of org.name and org.domain."""
    name, _, domain = REALM.partition(".")
    values = {
        "org.name": name,
        "org.domain": domain,
        "kdc.bind.address": LOOPBACK,
        "kdc.port": str(port),
        "instance": "local",
        "transport": "TCP",
        "min.ticket.lifetime": "1",
        "max.ticket.lifetime": str(round(life * 1000)),
        "max.renewable.lifetime": "604800000",
        "debug": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def webs(options: Options) -> tuple[str, ...]:
    """The principals of the web servers, by the address that clients name."""
    nodes = (host(f"nodemanager-{number}") for number in range(1, options.nodes + 1))
    return tuple(f"HTTP/{address}@{REALM}" for address in (LOOPBACK, "localhost", *nodes))


def people(user: str) -> tuple[str, ...]:
    return tuple(f"{name}@{REALM}" for name in dict.fromkeys((user, *GUESTS)))


def keytabs(options: Options, user: str) -> dict[str, tuple[str, ...]]:
    """Whose keys are in which file of `keytabs/`."""
    own = {each.partition("@")[0]: (each,) for each in people(user)}
    served = {"hdfs": (HDFS, *webs(options)), "yarn": (YARN, *webs(options))}
    return {CONTROLLER: (f"{CONTROLLER}/localhost@{REALM}",)} | served | own


def principals(options: Options, user: str) -> tuple[str, ...]:
    """Everybody who has a key."""
    return tuple(dict.fromkeys(each for held in keytabs(options, user).values() for each in held))


def environment(folder: Path, user: str) -> Values:
    """What points programs at the realm: people's by the keytab of the present user, the controller's by its own."""
    return {
        "KRB5_CONFIG": f"{folder}/conf/krb5.conf",
        "KRB5_CLIENT_KTNAME": f"FILE:{folder}/keytabs/{user}.keytab",
        "KRB5CCNAME": f"FILE:{folder}/tickets",
        "HADOOP_OPTS": f"-Djava.security.krb5.conf={folder}/conf/krb5.conf",
        "TRAINMASTER_KERBEROS__KEYTAB": f"{folder}/keytabs/{CONTROLLER}.keytab",
        "TRAINMASTER_KERBEROS__PRINCIPAL": f"{CONTROLLER}/localhost@{REALM}",
    }


def core_site(folder: Path, options: Options, user: str) -> Values:
    groups = {user: "supergroup", CONTROLLER: "supergroup"} | {each: each for each in GUESTS if each != user}
    web = "hadoop.http.authentication"
    return {
        "hadoop.security.authentication": "kerberos",
        "hadoop.security.authorization": "true",
        "hadoop.rpc.protection": options.protection,
        # The keys of one KDC are all there is to log in by, and its tickets may be short: no need of a minute between two tries.
        "hadoop.kerberos.min.seconds.before.relogin": "1",
        f"hadoop.proxyuser.{CONTROLLER}.hosts": "*",
        f"hadoop.proxyuser.{CONTROLLER}.groups": "*",
        # Nobody need be known to this machine. The first two may do all in HDFS, as whoever starts it without Kerberos.
        "hadoop.user.group.static.mapping.overrides": ";".join(
            f"{who}={group}" for who, group in groups.items()
        ),
        "hadoop.http.filter.initializers": "org.apache.hadoop.security.AuthenticationFilterInitializer",
        f"{web}.type": "kerberos",
        f"{web}.simple.anonymous.allowed": "false",
        f"{web}.signature.secret.file": f"{folder}/keytabs/http-secret",
        # Whichever of the keytab's HTTP principals a client names.
        f"{web}.kerberos.principal": "*",
        f"{web}.kerberos.keytab": f"{folder}/keytabs/yarn.keytab",
    }


def hdfs_site(folder: Path) -> Values:
    keytab, web = f"{folder}/keytabs/hdfs.keytab", f"HTTP/{LOOPBACK}@{REALM}"
    return {
        "dfs.permissions.superusergroup": "supergroup",
        "dfs.block.access.token.enable": "true",
        "dfs.namenode.kerberos.principal": HDFS,
        "dfs.namenode.keytab.file": keytab,
        "dfs.namenode.kerberos.internal.spnego.principal": web,
        "dfs.datanode.kerberos.principal": HDFS,
        "dfs.datanode.keytab.file": keytab,
        "dfs.web.authentication.kerberos.principal": web,
        "dfs.web.authentication.kerberos.keytab": keytab,
        # Else a DataNode wants ports below 1024, or TLS.
        "ignore.secure.ports.for.testing": "true",
    }


def yarn_site(folder: Path, user: str) -> Values:
    keytab = f"{folder}/keytabs/yarn.keytab"
    return {
        "yarn.resourcemanager.principal": YARN,
        "yarn.resourcemanager.keytab": keytab,
        "yarn.resourcemanager.webapp.spnego-principal": f"HTTP/{LOOPBACK}@{REALM}",
        "yarn.resourcemanager.webapp.spnego-keytab-file": keytab,
        "yarn.nodemanager.principal": YARN,
        "yarn.nodemanager.keytab": keytab,
        "yarn.acl.enable": "true",
        "yarn.admin.acl": f"yarn,{user}",
    }


def node_site(folder: Path, daemon: str) -> Values:
    """Of one NodeManager. Its localizers are Java too, which doesn't heed KRB5_CONFIG."""
    return {
        "yarn.nodemanager.webapp.spnego-principal": f"HTTP/{host(daemon)}@{REALM}",
        "yarn.nodemanager.webapp.spnego-keytab-file": f"{folder}/keytabs/yarn.keytab",
        "yarn.nodemanager.container-localizer.java.opts": f"-Xmx256m -Djava.security.krb5.conf={folder}/conf/krb5.conf",
    }
