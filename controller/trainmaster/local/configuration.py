"""Hadoop's configuration files for a local cluster, as pure functions of its options, ports and folder.

Each value that differs from Hadoop's default says why. Names and defaults: core-default.xml,
hdfs-default.xml, yarn-default.xml of Hadoop 3.4.2 and 3.3.6, which agree in all that is named here, and the
CapacityScheduler page of its documentation. Never here: writing files.
"""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from trainmaster.local import gpus, security
from trainmaster.local.options import Options
from trainmaster.local.services import LOOPBACK, host

Values = dict[str, str]
GPU = "yarn.io/gpu"
_RM = "org.apache.hadoop.yarn.server.resourcemanager"


def shared_files(folder: Path, options: Options, ports: Mapping[str, int], user: str) -> dict[str, str]:
    """The files of `conf/`, read by every daemon and every client: name to content."""
    sites = {
        "core-site.xml": core_site(folder, ports, user),
        "hdfs-site.xml": hdfs_site(folder, ports),
        "yarn-site.xml": yarn_site(folder, options, ports),
    }
    if options.kerberos:
        sites["core-site.xml"] |= security.core_site(folder, options, user)
        sites["hdfs-site.xml"] |= security.hdfs_site(folder)
        sites["yarn-site.xml"] |= security.yarn_site(folder, user)
    files = {name: to_xml(values | dict(options.hadoop)) for name, values in sites.items()}
    files["capacity-scheduler.xml"] = to_xml(capacity_scheduler() | _capacity_overrides(options))
    if options.gpus:
        files["resource-types.xml"] = to_xml({"yarn.resource-types": GPU})
    files["log4j.properties"] = LOG4J
    return files


def node_file(folder: Path, options: Options, ports: Mapping[str, int], user: str, daemon: str) -> str:
    """The yarn-site.xml of one NodeManager: the shared one and what is its own."""
    values = yarn_site(folder, options, ports) | node_site(folder, options, ports, daemon)
    if options.kerberos:
        values |= security.yarn_site(folder, user) | security.node_site(folder, daemon)
    return to_xml(values | dict(options.hadoop))


def core_site(folder: Path, ports: Mapping[str, int], user: str) -> Values:
    return {
        "fs.defaultFS": f"hdfs://{LOOPBACK}:{ports['namenode.rpc']}",
        "hadoop.tmp.dir": str(folder / "tmp"),
        "hadoop.http.staticuser.user": user,
        # The controller speaks for the owners of jobs.
        f"hadoop.proxyuser.{user}.hosts": "*",
        f"hadoop.proxyuser.{user}.groups": "*",
        # All daemons start at the same time: those that come early ask again soon.
        "ipc.client.connect.retry.interval": "200",
        "ipc.client.connect.max.retries": "50",
    }


def hdfs_site(folder: Path, ports: Mapping[str, int]) -> Values:
    return {
        "dfs.namenode.rpc-address": f"{LOOPBACK}:{ports['namenode.rpc']}",
        # One of http and https is served, as dfs.http.policy says.
        "dfs.namenode.http-address": f"{LOOPBACK}:{ports['namenode.web']}",
        "dfs.namenode.https-address": f"{LOOPBACK}:{ports['namenode.web']}",
        "dfs.datanode.address": f"{LOOPBACK}:{ports['datanode.data']}",
        "dfs.datanode.ipc.address": f"{LOOPBACK}:{ports['datanode.ipc']}",
        "dfs.datanode.http.address": f"{LOOPBACK}:{ports['datanode.web']}",
        "dfs.datanode.https.address": f"{LOOPBACK}:{ports['datanode.web']}",
        "dfs.namenode.name.dir": f"file://{folder}/namenode",
        "dfs.datanode.data.dir": f"file://{folder}/datanode",
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.replication": "1",
        "dfs.permissions.enabled": "true",
        # One DataNode: nothing to wait for once it has reported its blocks.
        "dfs.namenode.safemode.extension": "0",
        "dfs.heartbeat.interval": "1",
    }


def yarn_site(folder: Path, options: Options, ports: Mapping[str, int]) -> Values:
    return (
        _addresses(ports)
        | _scheduling(options)
        | _resource_manager_state(folder)
        | _expiry(options)
        | _gpu_type(options)
        | (_log_server(options, ports) if options.log_server else {})
    )


def _log_server(options: Options, ports: Mapping[str, int]) -> Values:
    """The ApplicationHistoryServer serves aggregated logs whether or not there is a timeline service."""
    web, timeline = f"{LOOPBACK}:{ports['logserver.web']}", "yarn.timeline-service"
    return {
        "yarn.log-aggregation-enable": "true",
        "yarn.log.server.web-service.url": f"{options.yarn_scheme}://{web}/ws/v1/applicationhistory",
        f"{timeline}.hostname": LOOPBACK,
        f"{timeline}.bind-host": LOOPBACK,
        f"{timeline}.address": f"{LOOPBACK}:{ports['logserver.rpc']}",
        f"{timeline}.webapp.address": web,
        f"{timeline}.webapp.https.address": web,
    }


def _addresses(ports: Mapping[str, int]) -> Values:
    names = {
        "yarn.resourcemanager.address": "client",
        "yarn.resourcemanager.scheduler.address": "scheduler",
        "yarn.resourcemanager.resource-tracker.address": "tracker",
        "yarn.resourcemanager.admin.address": "admin",
        "yarn.resourcemanager.webapp.address": "web",
        # One of the two is served, as yarn.http.policy says.
        "yarn.resourcemanager.webapp.https.address": "web",
    }
    at = {name: f"{LOOPBACK}:{ports[f'resourcemanager.{service}']}" for name, service in names.items()}
    return {"yarn.resourcemanager.hostname": LOOPBACK, "yarn.resourcemanager.bind-host": LOOPBACK, **at}


def _scheduling(options: Options) -> Values:
    return {
        "yarn.resourcemanager.scheduler.class": f"{_RM}.scheduler.capacity.CapacityScheduler",
        # An unmanaged ApplicationMaster is charged this much of its queue.
        "yarn.scheduler.minimum-allocation-mb": "64",
        "yarn.scheduler.maximum-allocation-mb": str(options.memory),
        "yarn.scheduler.maximum-allocation-vcores": str(options.vcores),
        # By default every priority is lowered to 0.
        "yarn.cluster.max-application-priority": "100",
    }


def _resource_manager_state(folder: Path) -> Values:
    return {
        "yarn.resourcemanager.recovery.enabled": "true",
        "yarn.resourcemanager.work-preserving-recovery.enabled": "true",
        "yarn.resourcemanager.store.class": f"{_RM}.recovery.LeveldbRMStateStore",
        "yarn.resourcemanager.leveldb-state-store.path": f"{folder}/resourcemanager",
        # A handful of nodes is back within a second of a restart: no need of 10 s, nor of asking every 30 s.
        "yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms": "2000",
        "yarn.resourcemanager.connect.retry-interval.ms": "500",
    }


def _expiry(options: Options) -> Values:
    return {
        "yarn.am.liveness-monitor.expiry-interval-ms": _milliseconds(options.am_expiry),
        "yarn.nm.liveness-monitor.expiry-interval-ms": _milliseconds(options.nm_expiry),
        "yarn.resourcemanager.rm.container-allocation.expiry-interval-ms": _milliseconds(
            options.allocation_expiry
        ),
    }


def _gpu_type(options: Options) -> Values:
    return {"yarn.resource-types": GPU} if options.gpus else {}


def node_site(folder: Path, options: Options, ports: Mapping[str, int], daemon: str) -> Values:
    """What one NodeManager has of its own."""
    address, home = host(daemon), f"{folder}/{daemon}"
    return {
        "yarn.nodemanager.hostname": address,
        "yarn.nodemanager.bind-host": address,
        "yarn.nodemanager.address": f"{address}:{ports[f'{daemon}.rpc']}",
        "yarn.nodemanager.localizer.address": f"{address}:{ports[f'{daemon}.localizer']}",
        "yarn.nodemanager.webapp.address": f"{address}:{ports[f'{daemon}.web']}",
        "yarn.nodemanager.webapp.https.address": f"{address}:{ports[f'{daemon}.web']}",
        "yarn.nodemanager.local-dirs": f"{home}/local",
        "yarn.nodemanager.log-dirs": f"{home}/containers",
        "yarn.nodemanager.resource.memory-mb": str(options.memory),
        "yarn.nodemanager.resource.cpu-vcores": str(options.vcores),
        **_node_recovery(home),
        **_node_health(),
        **_node_gpus(folder, options),
        **(_gpu_isolation(home) if options.gpu_isolation else {}),
    }


def _node_recovery(home: str) -> Values:
    return {
        "yarn.nodemanager.recovery.enabled": "true",
        "yarn.nodemanager.recovery.dir": f"{home}/recovery",
        # Containers outlive a stopped NodeManager, for the next one to find; `down` ends them itself.
        "yarn.nodemanager.recovery.supervised": "true",
    }


def _node_health() -> Values:
    return {
        "yarn.nodemanager.vmem-check-enabled": "false",
        "yarn.nodemanager.pmem-check-enabled": "true",
        # By default the check above does nothing, and the kill is left to cgroups, which this cluster doesn't use.
        "yarn.nodemanager.resource.memory.enforced": "false",
        # A nearly full disk is normal on a laptop.
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.9",
        "yarn.nodemanager.container-metrics.period-ms": "3000",
        "yarn.nodemanager.delete.debug-delay-sec": "10",
        "yarn.nodemanager.log.retain-seconds": "86400",
    }


def _node_gpus(folder: Path, options: Options) -> Values:
    if not options.gpus:
        return {}
    return {
        "yarn.nodemanager.resource-plugins": GPU,
        "yarn.nodemanager.resource-plugins.gpu.path-to-discovery-executables": f"{folder}/gpu",
    }


def _gpu_isolation(home: str) -> Values:
    """Only the LinuxContainerExecutor assigns GPUs by number (GpuResourceHandlerImpl)."""
    executor, runtime = "yarn.nodemanager.linux-container-executor", "yarn.nodemanager.container-executor"
    return {
        f"{runtime}.class": "org.apache.hadoop.yarn.server.nodemanager.LinuxContainerExecutor",
        f"{executor}.path": f"{home}/{gpus.EXECUTOR}",
        f"{executor}.group": grp.getgrgid(os.getgid()).gr_name,
        # The stand-in can't become another user. Of this one the NodeManager makes all that it runs.
        f"{executor}.nonsecure-mode.local-user": getpass.getuser(),
        # The plugin wants the controller of devices: a plain folder stands in for it.
        f"{executor}.cgroups.mount": "false",
        f"{executor}.cgroups.mount-path": f"{home}/{gpus.CGROUPS}",
        f"{executor}.cgroups.hierarchy": f"/{gpus.HIERARCHY}",
    }


def capacity_scheduler() -> Values:
    """Two queues that lend to each other, and no limit in the way of many small jobs."""
    root = "yarn.scheduler.capacity"
    values = {
        f"{root}.maximum-am-resource-percent": "1.0",
        f"{root}.resource-calculator": "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator",
        f"{root}.node-locality-delay": "40",  # as in the file that Hadoop ships
        f"{root}.root.queues": "default,gpu",
    }
    for queue, share in {"default": 70, "gpu": 30}.items():
        values[f"{root}.root.{queue}.capacity"] = str(share)
        values[f"{root}.root.{queue}.maximum-capacity"] = "100"
        # By default one user gets no more than the queue's own share, however idle the rest is.
        values[f"{root}.root.{queue}.user-limit-factor"] = "10"
    return values


def _capacity_overrides(options: Options) -> Values:
    return {
        name: value for name, value in options.hadoop.items() if name.startswith("yarn.scheduler.capacity.")
    }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def to_xml(values: Mapping[str, str]) -> str:
    """Hadoop's own XML form of a configuration."""
    root = ElementTree.Element("configuration")
    for name, value in values.items():
        setting = ElementTree.SubElement(root, "property")
        ElementTree.SubElement(setting, "name").text = name
        ElementTree.SubElement(setting, "value").text = value
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


LOG4J = """\
log4j.rootLogger=INFO, file
log4j.appender.file=org.apache.log4j.RollingFileAppender
log4j.appender.file.File=${trainmaster.log}
log4j.appender.file.MaxFileSize=20MB
log4j.appender.file.MaxBackupIndex=3
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
# Says at length that the platform has no native code, which is so by design.
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
"""
