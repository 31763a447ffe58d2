"""A declared job together with where it comes from: what a source hands to the master."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration as its source has it now.

    Either `job` is there, or `problems` says why not. Identity is (source, namespace, name, uid).
    """

    source: str
    namespace: str
    name: str
    uid: str
    path: str
    """where a person finds it: a path below the jobs folder, or namespace/name"""
    owner: str = ""
    """who wrote it, as the store vouches"""
    generation: int = 1
    """rises with each change of the spec"""
    job: TrainingJob | None = None
    problems: tuple[FieldProblem, ...] = ()
    suspends: bool = False
    """whether a declaration that has problems says that the job is to be suspended: that much of it can be read"""
    created: float = 0.0
    """when it came, in seconds since the epoch; 0 where its source doesn't know"""
    known: bool = field(default=False, compare=False)
    """whether an earlier controller took note of it: it was declared before this one led"""
    deleted: bool = False
    """it is to go: everything of it is stopped, then the source is told that it is gone"""
    at_once: bool = False
    """whether its processes are to have no time to end in"""
    duplicate_of: str = ""
    """path of the holder of this namespace and name, where this one came second"""
    lost_application: str = ""
    """an application that was shown of it before, though the journal knows nothing of it (any more): nobody can speak for it"""
    recorded: bool = False
    """whether what is left of its record names that application: then it is ours for certain"""
