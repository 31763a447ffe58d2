"""The Dockerfile's rules. Its build steps are run in tests/real/test_image.py; no container engine is needed for either."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch

import yaml

from shipping.dockerfile import DOCKERFILE, ROOT, Instruction, instructions, stages

CHART = ROOT / "charts/trainmaster"


def runs(stage: list[Instruction]) -> str:
    return "\n".join(text for word, text in stage if word == "RUN")


def last(word: str) -> str:
    return next(text for found, text in reversed(stages()[-1]) if found == word)


def test_the_base_is_pinned_to_a_patch_release_and_slim() -> None:
    pins = [text for word, text in instructions(DOCKERFILE.read_text()) if text.startswith("PYTHON=")]
    assert len(pins) == 1
    assert re.fullmatch(r"PYTHON=3\.11\.\d+-slim-[a-z]+", pins[0])
    assert {stage[0][1].split()[0] for stage in stages()} == {"python:${PYTHON}"}


def test_everything_installed_is_pinned_by_hash_or_brings_nothing_along() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]+", "\n".join(map(runs, stages())))
    assert len(installs) == 4
    for install in installs:
        hashes = "--require-hashes --only-binary :all: -r requirements" in install
        assert hashes or "--no-deps" in install
        assert hashes or "--no-build-isolation" in install or "--no-index" in install


def test_what_is_run_has_no_compiler_and_installs_nothing() -> None:
    assert not re.search(r"\b(pip|apt-get|apk|gcc|make|curl)\b", runs(stages()[-1]))


def test_it_runs_as_the_chart_says() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    uid, gid = last("USER").split(":")
    assert (int(uid), int(gid)) == (
        values["podSecurityContext"]["runAsUser"],
        values["podSecurityContext"]["runAsGroup"],
    )
    ports = re.findall(r"containerPort: (\d+)", (CHART / "templates/deployment.yaml").read_text())
    assert last("EXPOSE").split() == ports


def test_it_starts_without_a_shell() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["trainmaster"]
    assert json.loads(last("CMD")) == ["controller"]


def test_it_says_what_it_is() -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", last("LABEL")))
    assert {"title", "description", "licenses", "version", "revision"} <= labels


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in ignore if line.startswith("!")]
    copied = [source for word, text in stages()[0] if word == "COPY" for source in text.split()[:-1]]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in let_in), source
    assert sorted(copied) == sorted(let_in)
