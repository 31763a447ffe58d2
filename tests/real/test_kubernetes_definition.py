"""The Kubernetes source in a cluster of its own: what is about all namespaces, and about the definition of the kind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from real.cluster import up
from real.kubernetes_engine import Engine, Place, job, status, until
from trainmaster.api.crd import crd, crd_yaml
from trainmaster.api.status import ConditionType
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.sources.kubernetes.resources import TRAININGJOBS


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    control_plane = LocalKubernetes(tmp_path_factory.mktemp("definition"))
    with up(control_plane):
        yield control_plane


@pytest.fixture
def place(cluster: LocalKubernetes) -> Iterator[Place]:
    cluster.define(crd_yaml())
    made = Place(cluster)
    yield made
    made.close()


@contextmanager
def anything_goes(kubernetes: LocalKubernetes) -> Iterator[None]:
    """Meanwhile the cluster takes whatever is written, as an older definition may have."""
    definition = json.loads(json.dumps(crd()))  # parts that are shared would come out as YAML anchors
    [version] = definition["spec"]["versions"]
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version["schema"]["openAPIV3Schema"] = anything | {
        "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}, "status": anything}
    }
    version.pop("selectableFields", None)
    del version["subresources"]["scale"]
    kubernetes.define(yaml.safe_dump(definition))
    yield
    kubernetes.define(crd_yaml())


async def test_broken_objects_are_told_with_their_problems_beside_good_ones(place: Place) -> None:
    with anything_goes(place.kubernetes):
        broken, strange = job("broken", place.namespace), job("strange", place.namespace)
        broken["spec"]["framework"] = "Abacus"
        strange["spec"] = ["nothing", "like", "it"]
        place.apply(broken, strange)
    place.declare("good")
    async with Engine(place.source()) as engine:
        await engine.told("good")
        told = await engine.told("broken", lambda each: each.problems)
        assert "spec.framework" in {problem.field for problem in told.problems}
        beyond = await engine.told("strange", lambda each: each.problems)
        for declared in (told, beyond):
            await engine.source.publish(declared, status(ConditionType.STALLED, errors=declared.problems))
        assert place.state("broken") == "Stalled"
        assert place.state("strange") == ""  # the API server takes none
        assert "finalizers" not in place.metadata("broken")
        for name in ("broken", "strange"):
            place.delete(name)
        await until(lambda: len(engine.gone) == 2)


async def _undefine(kubernetes: LocalKubernetes) -> None:
    await asyncio.to_thread(kubernetes.kubectl, "delete", "crd", str(TRAININGJOBS), "--timeout=240s")


async def test_without_the_definition_it_says_so_and_begins_when_it_comes(place: Place) -> None:
    await _undefine(place.kubernetes)
    async with Engine(place.source()) as engine:
        await until(lambda: "is the CustomResourceDefinition" in engine.source.trouble)
        assert "is the CustomResourceDefinition" in await until(lambda: engine.complaint)
        place.kubernetes.define(crd_yaml())
        await until(lambda: engine.source.trouble == "")
        place.declare("mnist")
        await engine.told("mnist")


async def test_a_definition_that_goes_and_comes_back_is_followed_again(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        await engine.told("mnist")
        await _undefine(place.kubernetes)
        await until(lambda: len(engine.gone) == 1)
        await until(lambda: "is the CustomResourceDefinition" in engine.source.trouble, timeout=240)
        place.kubernetes.define(crd_yaml())
        await until(lambda: engine.source.trouble == "")
        place.declare("again")
        await engine.told("again")


async def test_the_whole_cluster_is_looked_at_with_rights_in_the_whole_cluster(place: Place) -> None:
    async with Engine(place.source(place.kubernetes.kubeconfig, namespaces=())) as engine:
        place.declare("mnist")
        await engine.told("mnist")
