"""The rules of a template: each placeholder is one that there is, and names roles that are there.

Lives here: what is wrong with a template, with the variable that is to blame. Never here: how a template is filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from trainmaster.api import messages
from trainmaster.api.deciding import apart, ranked
from trainmaster.api.job import Framework, Spec
from trainmaster.api.order import stages
from trainmaster.api.status import FieldProblem
from trainmaster.api.template import FORMS, Placeholder, TemplateVariable, loose, placeholders
from trainmaster.api.variables import holding_paths, wrong_with


def template_problems(spec: Spec) -> Iterator[FieldProblem]:
    """All that is wrong with spec.template, and with its being there or not."""
    if bool(spec.template) != (spec.framework is Framework.CUSTOM):
        reason = messages.ONLY_CUSTOM if spec.template else messages.NO_TEMPLATE
        yield FieldProblem(field="spec.template", value=spec.framework.value, reason=reason)
        return
    taken = holding_paths(spec)
    for i, variable in enumerate(spec.template):
        for reason in wrong_with(variable.name, taken):
            yield FieldProblem(field=f"spec.template[{i}].name", value=variable.name, reason=reason)
        yield from _named_roles(spec, variable, f"spec.template[{i}].roles")
        for reason in _of_value(spec, variable):
            yield FieldProblem(field=f"spec.template[{i}].value", value=variable.value, reason=reason)
    yield from _twice(spec)


def _named_roles(spec: Spec, variable: TemplateVariable, path: str) -> Iterator[FieldProblem]:
    for at, role in enumerate(variable.roles):
        if role not in spec.roles:
            yield FieldProblem(field=f"{path}[{at}]", value=role, reason=_no_such_role(spec, role))
        elif role in apart(spec):
            reason = messages.TOLD_NOTHING.format(role=role)
            yield FieldProblem(field=f"{path}[{at}]", value=role, reason=reason)


def _twice(spec: Spec) -> Iterator[FieldProblem]:
    """One role may be told one variable once: two variables of one name are for different roles."""
    told: set[tuple[str, str]] = set()
    for i, variable in enumerate(spec.template):
        mine = {(variable.name, role) for role in spec.roles if variable.is_for(role)}
        if mine & told:
            reason = messages.TWICE.format(name=variable.name)
            yield FieldProblem(field=f"spec.template[{i}].name", value=variable.name, reason=reason)
        told |= mine


def _of_value(spec: Spec, variable: TemplateVariable) -> Iterator[str]:
    for words, asked in placeholders(variable.value):
        if asked is None:
            yield messages.NO_SUCH_PLACEHOLDER.format(words=words, instead=_instead(spec, words))
        else:
            yield from _of_placeholder(spec, variable, asked)
    if text := loose(variable.value):
        yield messages.LOOSE_BRACES.format(text=text[:40])


def _of_placeholder(spec: Spec, variable: TemplateVariable, asked: Placeholder) -> Iterator[str]:
    told = [role for role in spec.roles if variable.is_for(role) and role not in apart(spec)]
    if asked.role and asked.role not in spec.roles:
        yield _no_such_role(spec, asked.role)
    elif asked.what == "first" and not spec.roles[asked.role].replicas:
        yield messages.EMPTY_ROLE.format(role=asked.role)
    elif asked.what == "rank":
        counted = ranked(spec)
        for role in told:
            if role not in counted:
                yield messages.NO_RANK.format(role=role, ranked=", ".join(counted))

    elif asked.role and asked.what != "replicas":
        numbers = stages(spec)
        others = [me for me in told if numbers[me] != numbers[asked.role]]
        if others:
            yield messages.NOT_THERE.format(role=asked.role, me=others[0])


def _no_such_role(spec: Spec, role: str) -> str:
    return messages.NO_SUCH_ROLE.format(role=role, roles=", ".join(spec.roles))


def _instead(spec: Spec, words: str) -> str:
    forms = [form.replace("ROLE", role) for form in FORMS for role in spec.roles]
    near = get_close_matches(words, forms, n=1)
    return f"did you mean {{{{{near[0]}}}}}?" if near else f"there are {', '.join(FORMS)}"
