"""A journal record as a Secret, and back. Pure. The record holds a secret (a YARN token): never log it.

The record is compressed, since a Secret holds 1 MiB: one of 5,000 replicas has 1.4 to 3.4 MB, and a tenth of that in the Secret.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainmaster.api.job import GROUP
from trainmaster.errors import InvalidError
from trainmaster.master.codec import nameplate_of
from trainmaster.sources.kubernetes.api import Object

TYPE = f"{GROUP}/journal"
UID = f"{GROUP}/uid"
"""label"""
EPOCH = f"{GROUP}/epoch"
"""annotation: of the leader that wrote it"""
NAMESPACE = f"{GROUP}/namespace"
"""annotation: the job's, for people and for a record that can't be read"""
NAME = f"{GROUP}/name"
INSTALLATION = f"{GROUP}/installation"
"""annotation: the identity of the installation whose record it is; of an object, of the one that drives it"""
MOVED = f"{GROUP}/moved-to"
"""annotation of a record: the identity of the installation that it was handed over to. It counts here no more"""

LARGEST = 1 << 20
"""bytes that the values of one Secret may have together (core/v1 MaxSecretSize)"""
_LONGEST = 64 << 20
"""bytes of a record at most, uncompressed"""
_UID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""what fits in the name of a Secret and in a label"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it was found."""

    uid: str
    version: str
    epoch: int
    namespace: str
    name: str
    record: bytes = field(repr=False)


def selector(installation: str) -> str:
    """The labels by which the records of an installation are listed."""
    labels = (f"{name}={value}" for name, value in labels_of(installation).items())
    return ",".join((*labels, UID))


def secret_name(installation: str, uid: str) -> str:
    """Raises InvalidError for what can't be the uid of a job."""
    if not _UID.fullmatch(uid):
        raise InvalidError(f"{uid!r} can't be the uid of a job")
    return f"{installation}-journal-{uid}"


def packed(installation: str, uid: str, epoch: int, record: bytes, identity: str = "") -> Object:
    """The Secret of a record; `identity` is that of the installation, whose name may change.

    Raises InvalidError when it doesn't fit.
    """
    whose = nameplate_of(record)
    content = zlib.compress(record)
    if len(content) > LARGEST:
        raise InvalidError(
            f"the record of {whose.namespace}/{whose.name} has {len(content):,} bytes compressed and a Secret holds {LARGEST:,}: "
            "the job has too many replicas to be kept in Kubernetes"
        )
    annotations = {NAMESPACE: whose.namespace, NAME: whose.name, EPOCH: str(epoch)}
    if identity:
        annotations[INSTALLATION] = identity
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": _metadata(installation, uid, annotations),
        "data": {"record": base64.b64encode(content).decode()},
    }


def _metadata(installation: str, uid: str, annotations: Mapping[str, str]) -> Object:
    labels = {**labels_of(installation), UID: uid}
    return {"name": secret_name(installation, uid), "labels": labels, "annotations": annotations}


def labels_of(installation: str) -> dict[str, str]:
    """Of every Secret that the controllers of an installation keep."""
    return {"app.kubernetes.io/managed-by": "trainmaster", "app.kubernetes.io/instance": installation}


def copied(secret: Object, installation: str, identity: str) -> Object:
    """The same record as one of another installation."""
    uid, annotations = uid_of(secret), _annotations(secret)
    kept = {key: annotations[key] for key in (NAMESPACE, NAME, EPOCH) if key in annotations}
    metadata = _metadata(installation, uid, {**kept, INSTALLATION: identity})
    return {"apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": metadata, "data": secret["data"]}


def uid_of(secret: Object) -> str:
    return str(secret["metadata"].get("labels", {}).get(UID, ""))


def epoch_of(secret: Object) -> int:
    """Of the leader that wrote it; 0 when somebody took that away."""
    told = str(_annotations(secret).get(EPOCH, ""))
    return int(told) if told.isdecimal() else 0


def is_moved(secret: Object) -> bool:
    return bool(_annotations(secret).get(MOVED))


def whose(secret: Object) -> tuple[str, str]:
    """Namespace and name of its job."""
    annotations = _annotations(secret)
    return annotations.get(NAMESPACE, ""), annotations.get(NAME, "")


def unpacked(secret: Object) -> bytes:
    """The record. Raises InvalidError, without its contents, when it is broken."""
    try:
        content = base64.b64decode(secret["data"]["record"], validate=True)
        inflating = zlib.decompressobj()
        record = inflating.decompress(content, _LONGEST)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise InvalidError(f"it holds no record ({type(error).__name__})") from None
    if not inflating.eof:
        raise InvalidError("its record is cut off, or too large")
    return record


def nameplate(secret: Object) -> bytes:
    """All that is left of a broken record: whose it was. The master can't read it as a memory, and refuses the job."""
    namespace, name = whose(secret)
    return json.dumps({"namespace": namespace, "name": name}).encode()


def _annotations(secret: Object) -> dict[str, str]:
    return secret["metadata"].get("annotations") or {}
