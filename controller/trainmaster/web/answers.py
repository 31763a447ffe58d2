"""The fleet as the JSON of the API. Pure. Never here: a job's spec, whose environment may hold its user's secrets."""

from __future__ import annotations

from trainmaster.master.picture import FleetPicture, Picture


def find(fleet: FleetPicture, namespace: str, name: str) -> Picture | None:
    """The job of that name; of several declarations under it the one that holds the name."""
    found = [p for p in fleet.jobs.values() if (p.declared.namespace, p.declared.name) == (namespace, name)]
    return min(found, key=lambda p: bool(p.declared.duplicate_of), default=None)


def in_order(fleet: FleetPicture) -> list[Picture]:
    """All jobs by namespace and name."""
    return sorted(fleet.jobs.values(), key=lambda p: (p.declared.namespace, p.declared.name, p.declared.uid))


def jobs_json(fleet: FleetPicture) -> dict[str, object]:
    return {"jobs": [job_json(picture) for picture in in_order(fleet)]}


def job_json(picture: Picture) -> dict[str, object]:
    declared = picture.declared
    return {
        "namespace": declared.namespace,
        "name": declared.name,
        "uid": declared.uid,
        "source": declared.source,
        "path": declared.path,
        "owner": declared.owner,
        "generation": declared.generation,
        "status": picture.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
