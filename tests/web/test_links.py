"""Links to other systems: what they are made of is escaped, and no job chooses where they lead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from observe.pictures import NOW, picture
from trainmaster.observe.traces.spans import trace_id
from trainmaster.settings import Link, Settings
from trainmaster.web import pages
from trainmaster.web.links import links_of

LINK = Link(name="MLflow", url="https://mlflow.example/#/search?q=tags.job='{namespace}/{job}'&uid={uid}")


def test_a_link_is_made_of_what_the_job_is() -> None:
    assert list(links_of(picture(), (LINK,))) == [
        ("MLflow", "https://mlflow.example/#/search?q=tags.job='vision/mnist'&uid=uid-mnist")
    ]
    all_ = Link(name="x", url="http://h/{user}/{queue}/{application}/{run}/{trace}")
    assert list(links_of(picture(), (all_,))) == [
        ("x", f"http://h/alice/gpu/application_1_0001/0/{trace_id('uid-mnist', 0)}")
    ]


def test_one_that_needs_what_is_not_known_yet_is_left_out() -> None:
    wants = Link(name="x", url="http://h/{application}")
    assert [name for name, _ in links_of(picture(application=""), (wants, LINK))] == ["MLflow"]


@pytest.mark.parametrize("queue", [".", ".."])
def test_a_name_that_would_lead_out_of_its_place_makes_no_link(queue: str) -> None:
    """A queue may be called so, in a job that asks for it at least; no way of writing it keeps browsers from going up by it."""
    shown = picture()
    status = shown.status.model_copy(update={"queue": queue})
    hostile = replace(shown, status=status)
    link = Link(name="x", url="https://logs.example/teams/{queue}/admin")
    assert list(links_of(hostile, (link,))) == []


@given(
    st.text(min_size=1).filter(
        lambda text: text.strip(".") and not any(0xD800 <= ord(c) < 0xE000 for c in text)
    )
)
def test_no_name_leads_elsewhere_or_out_of_its_place(name: str) -> None:
    shown = picture()
    hostile = replace(shown, declared=replace(shown.declared, name=name, uid=name))
    ((_, url),) = links_of(hostile, (Link(name="x", url="https://logs.example/q/{job}?id={uid}#end"),))
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "logs.example", "end")
    assert unquote(parts.path) == f"/q/{name}"
    assert url.isascii()
    assert not set(url) & set("\"'<> \n{}")


def test_the_page_shows_them_escaped() -> None:
    evil = Link(name="<b>W&B</b>", url='https://w.example/"><script>/{job}')
    page = pages.job_page(picture(), NOW, links=(evil,))
    assert (
        '<a href="https://w.example/&#34;&gt;&lt;script&gt;/mnist" rel="noreferrer">&lt;b&gt;W&amp;B&lt;/b&gt;</a>'
        in page
    )
    assert "Elsewhere" not in pages.job_page(picture(), NOW)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("javascript:alert('{job}')", "pattern"),
        ("https://{namespace}.example/", "pattern"),
        ("https://me:secret@h/", "pattern"),
        ("https://h/{password}", "is none of"),
        ("https://h/{job", "a brace is left over"),
        ("https://h/{job}}", "a brace is left over"),
        ("//h/{job}", "pattern"),
        ("https://h/a b", "pattern"),
    ],
)
def test_what_is_no_link_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Link(name="x", url=url)


def test_they_are_told_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINMASTER_LINKS", '[{"name": "Logs", "url": "https://logs/?q={application}"}]')
    made: Any = Settings()
    assert made.links == (Link(name="Logs", url="https://logs/?q={application}"),)
