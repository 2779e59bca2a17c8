"""A 401 says how to sign in; whatever it says, reading it ends, and gives a way or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.challenge import Challenge, challenge_of, token_of
from reconciler.errors import UnavailableError


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (['Bearer realm="https://a.example/t",service="s",scope="x"'], Challenge(scheme="bearer", realm="https://a.example/t", service="s")),
        (['bearer realm = "https://a.example/t" , service = plain'], Challenge(scheme="bearer", realm="https://a.example/t", service="plain")),
        (['Basic realm="r"'], Challenge(scheme="basic", realm="r")),
        (["Basic"], Challenge(scheme="basic")),
        (['Basic realm="r", Bearer realm="https://a.example/t"'], Challenge(scheme="bearer", realm="https://a.example/t")),
        (['Basic realm="r"', 'Bearer realm="https://a.example/t"'], Challenge(scheme="bearer", realm="https://a.example/t")),
        (['Bearer realm="https://first.example",realm="https://second.example"'], Challenge(scheme="bearer", realm="https://first.example")),
        (["Negotiate abc"], None), ([], None), ([""], None), (["Bearer" * 5000], None),
    ],
)  # fmt: skip
def test_the_way_to_sign_in_is_read(headers: list[str], wanted: Challenge | None) -> None:
    assert challenge_of(headers) == wanted


@given(st.lists(st.text(max_size=300), max_size=4))
def test_no_header_crashes_the_reader(headers: list[str]) -> None:
    challenge_of(headers)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"token": "abc"}, ("abc", 60.0)), ({"access_token": "abc", "expires_in": 300}, ("abc", 300.0)),
        ({"token": "abc", "expires_in": 5}, ("abc", 60.0)), ({"token": "abc", "expires_in": 10**9}, ("abc", 3600.0)),
    ],
)  # fmt: skip
def test_a_token_lasts_as_long_as_it_says_within_bounds(body: dict[str, object], wanted: tuple[str, float]) -> None:
    assert token_of(json.dumps(body).encode(), "r") == wanted


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b'{"token": 5}', b'{"token": "a b"}', b'{"token": "a\\r\\nX: y"}', b'{"token": "a", "expires_in": "soon"}', b"[" * 50_000],
)  # fmt: skip
def test_what_is_no_token_is_none(data: bytes) -> None:
    with pytest.raises(UnavailableError) as caught:
        token_of(data, "r")
    assert caught.value.code == "artifact.token"
