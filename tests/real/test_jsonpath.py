"""What our JSONPath prints, beside what kubectl prints for the same object."""

from __future__ import annotations

import json
import subprocess
from collections import Counter

import pytest

from cli.test_jsonpath import BEYOND, JOB, TEMPLATES
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

IN_ANY_ORDER = {"{.spec.roles.*.replicas}"}
"""kubectl goes through the fields of a map as Go does, in another order now and then (client-go's evalWildcard)"""


@pytest.mark.parametrize("text", [text for text, _ in TEMPLATES if text not in BEYOND])
def test_kubectl_prints_the_same(kubernetes: LocalKubernetes, text: str) -> None:
    document = {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", **JOB}
    note = "trainmaster.io/path=a.yaml"  # as it is: kubectl needs something to change
    words = ("annotate", "--local", "--overwrite", "-f", "-", note, "-o", f"jsonpath={text}")
    program = str(kubernetes.program("kubectl"))
    done = subprocess.run(
        [program, *words], input=json.dumps(document), capture_output=True, text=True, check=False
    )
    ours = dict(TEMPLATES)[text]
    if text in IN_ANY_ORDER:
        assert Counter(done.stdout.split(" ")) == Counter(ours.split(" "))
    else:
        assert done.stdout == ours
