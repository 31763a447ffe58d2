"""Whatever the shape in which a command holds a secret, a page doesn't show it; and what isn't one stays to be read."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.hiding import HIDDEN, without_logins, without_secrets

ONE, TWO = "Xk3vQ9", "Zw7pL2"
"""the halves of a secret: neither may be seen"""

words = st.sampled_from(
    [
        *("--token", "token", "API_KEY", "--password", "passwd", "AWS_SECRET_ACCESS_KEY"),
        *("x-api-key", "accessToken", "db.password", "Cookie"),
    ]
)
blanks = st.sampled_from(
    [" ", "  ", "\t", " \\\n", "\\\n  ", " \\\r\n ", " " * 40, " \\\n" + " " * 24, " \\\n\t \\\n" * 9 + "\t"]
)
separators = st.one_of(
    st.sampled_from(["=", ":", ": ", " = ", "=\\\n", "=>", ":=", "+=", "?=", "]=", ":" + " " * 30]), blanks
)
secrets = st.sampled_from(
    [
        f"{ONE}{TWO}",
        f"'{ONE}{TWO}'",
        f'"{ONE}{TWO}"',
        f"'{ONE} {TWO}'",
        f'"{ONE} {TWO}"',
        f"{ONE}\\ {TWO}",
        f"'{ONE}'\"{TWO}\"",
        f"\"{ONE}\"'{TWO}'",
        f"{ONE}'{TWO}'",
        f"{ONE}\"; {TWO}\"",
        f"'{ONE}'{TWO}",
        f'"{ONE}\\"{TWO}"',
        f"$'{ONE}\\'{TWO}'",
        f"{ONE}\\\n{TWO}",
        f"{ONE}#{TWO}",
        f"'{ONE}\n{TWO}'",
        f"$(printf %s {ONE} {TWO})",
        f'"$(printf "%s" {ONE} "{TWO})")"',
        f"x$(printf %s {ONE} $(printf {TWO} ))",
        f"`printf {ONE} {TWO}`",
        f'"`printf {ONE} {TWO}`"',
        f"${{X:-{ONE} {TWO}}}",
        f"<(printf {ONE} {TWO})",
        f"({ONE} {TWO})",
    ]
)  # fmt: skip
named = st.builds(lambda word, separator, secret: word + separator + secret, words, separators, secrets)
"""outside of quotes"""

SHAPES = (
    '{"token": "S"}',
    '{"token":"S","a":1}',
    "{'password': 'S'}",
    '["--token", "S"]',
    '"--token" "S"',
    "Authorization: Bearer S",
    "authorization: basic S",
    "Authorization: token S",
    "Authorization:S",
    "bearer S",
    "https://S@example.com/x",
    "https://alice:S@example.com/x",
    "https://S:x@example.com",
    "git+https://alice:a@S@example.com/x",
    "-u alice:S",
    "-ualice:S",
    "--user=alice:S",
    "--user \\\n alice:S",
    "--proxy-user alice:S",
    "https://example.com/?access_token=S&a=b",
    "https://a.blob.core.windows.net/c/x?sv=1&sig=S&se=2",
    "s3a://AKIA:S@bucket/data",
    "s3a://AKIA:x/S@bucket/data",
    "x=([token]=S)",
    'os.environ["TOKEN"] = "S"',
    "{'password':" + " " * 30 + "'S'}",
    "bash -c 'TOKEN=$(printf %s S) train'",
    "login --password-stdin <<< S",
)
AROUND = (
    "X",
    "'X'",
    '"X"',
    "bash -c 'X'",
    "# don't\nX",
    'echo "it\'s" && X',
    "echo 'a \"' X",
)


def in_shape(shape: str, around: str, secret: str) -> str:
    """As a shell would need it: quotes of the same kind as those around them are escaped, or left out."""
    held = shape.replace("S", secret)
    if around[-1] == '"':
        held = held.replace('"', '\\"')
    if around[-1] == "'":
        held = held.replace("'", "'\\''")
    return around.replace("X", held)


shaped = st.builds(in_shape, st.sampled_from(SHAPES), st.sampled_from(AROUND), st.just(ONE + TWO))


@given(
    st.one_of(named, shaped),
    st.sampled_from(["", "cd /x && ", "train \\\n  "]),
    st.sampled_from(["", " --steps 5", "\necho x"]),
)
def test_a_planted_secret_never_comes_out(planted: str, before: str, after: str) -> None:
    shown = without_secrets(before + planted + after)
    assert ONE not in shown
    assert TWO not in shown
    assert HIDDEN in shown
    assert shown.startswith(before)


@given(named, st.sampled_from(["--steps 5", "python train.py", "&& train 'a b'"]))
def test_what_follows_a_secret_stays(planted: str, after: str) -> None:
    assert without_secrets(f"{planted} {after}").endswith(f" {after}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('curl -H "Authorization: Bearer abc" x', 'curl -H "Authorization: Bearer (hidden)" x'),
        ("curl -d '{\"token\": \"abc\"}' x", "curl -d '{\"token\": (hidden)}' x"),
        ("bash -c \"train --token abc --steps 5\"", "bash -c \"train --token (hidden) --steps 5\""),
        ("bash -c 'train --token abc'\npython x.py", "bash -c 'train --token (hidden)'\npython x.py"),
        ("pip install https://tok@host/p && train", "pip install https://(hidden)@host/p && train"),
        ("curl -u a:b https://host/p", "curl -u (hidden) https://host/p"),
        ("python -u train.py --mode a:b", "python -u train.py --mode a:b"),
        ("docker run --user 1000 img", "docker run --user 1000 img"),
        ("python train.py --lr 0.1 # it's here", "python train.py --lr 0.1 # it's here"),
        ("cd $PWD && echo \"a b\"; ls 'c d'", "cd $PWD && echo \"a b\"; ls 'c d'"),
        ("hdfs://nn:8020/data/a@b", "hdfs://nn:8020/data/a@b"),
        ("TOKEN=$(cat x) python train.py", "TOKEN=(hidden) python train.py"),
        ("TOKEN='a$(b' python train.py", "TOKEN=(hidden) python train.py"),
        ("python design=1 --sigma 0.5 sigterm=x", "python design=1 --sigma 0.5 sigterm=x"),
        ("[ $a -gt 5 ] && echo x", "[ $a -gt 5 ] && echo x"),
    ],
)  # fmt: skip
def test_so_much_is_hidden_and_no_more(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@given(st.text(alphabet="-u token='\"\\\n:/@#$,a", max_size=200))
def test_whatever_a_command_is_it_can_be_shown(text: str) -> None:
    shown = without_secrets(text)
    assert len(shown) <= len(text) + len(HIDDEN) * (1 + len(text) // 2)


LETTERS = (
    *("a", "a.", "token", "token ", "token,", "a://", "a://b:", "a://@", "-", "'", "\"'", "\\", "#", " #'"),
    *(
        "token  $(",
        "token=$(",
        "token=`",
        'token=$("',
        "token=$('",
        "a://b:/",
        "token]",
        "token\\\n",
        " ",
        "-u ",
        "token<",
    ),
    *("token='", 'token="\\', "'token \"", "token'\\\n", "-u", "-u=", "-u a", "-u=a:"),
)
SECONDS = 20
"""of one processor, for all of them; what grows with the square of the letters takes minutes"""


@pytest.mark.parametrize(
    "text",
    [
        "FileNotFoundError: s3a://AKIA:Xk3vQ9@bucket/data/a (train.py, line 3)",
        "s3a://AKIA:Xk3/vQ9@bucket/data and https://Xk3vQ9@host/p",
    ],
)
def test_sentences_lose_their_logins(text: str) -> None:
    shown = without_logins(text)
    assert "vQ9" not in shown
    assert HIDDEN in shown
    assert "bucket/data" in shown


@pytest.mark.parametrize(
    "text",
    ["IndexError: token indices are too long", "KeyError: 'password' (a.py, line 3)", "hdfs://nn:8020/a@b"],
)
def test_sentences_stay_whole_where_no_one_logs_in(text: str) -> None:
    """Words such as token are a trainer's daily bread."""
    assert without_logins(text) == text


def test_the_longest_commands_take_no_more_than_their_length() -> None:
    """In a process of its own, which the system ends where it goes on for too long."""
    program = "import sys; from trainmaster.api.hiding import without_secrets as w\nfor a in sys.argv[1:]: w((a * 65536)[:65536])"
    limit = (SECONDS, SECONDS)
    ran = subprocess.run(
        [sys.executable, "-c", program, *LETTERS],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit),
        check=False,
    )
    assert ran.returncode == 0
