from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.answers import Answer, Conflict, ConflictError, StaleServerError, parse, refusal, retry_after
from reconciler.errors import ClusterError, UnavailableError


def refused(status: int, **body: Any) -> ClusterError | UnavailableError:
    return refusal("PATCH", "/x", Answer(status=status, body=body))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_cannot_is_unavailable(status: int) -> None:
    assert isinstance(refused(status, message="no"), UnavailableError)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
def test_a_server_that_will_not_has_refused(status: int) -> None:
    error = refused(status, message="no", reason="Because")
    assert isinstance(error, ClusterError)
    assert (error.status, error.reason, error.message) == (status, "Because", "no")


def test_a_precondition_that_fails_is_no_conflict_of_managers() -> None:
    assert not isinstance(refused(409, reason="Conflict", message="the UID in the precondition"), ConflictError)


def test_many_conflicts_are_all_kept_and_some_told() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "m{n}" using v1', "field": f".data.k{n}"}
        for n in range(12)
    ]
    error = refused(409, details={"causes": causes})
    assert isinstance(error, ConflictError)
    assert len(error.conflicts) == 12
    assert error.conflicts[3] == Conflict("m3", ".data.k3")
    assert error.message.endswith("; and 4 more")


def test_a_resource_version_from_the_future_is_told_apart() -> None:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    assert isinstance(refused(504, details={"causes": causes}), StaleServerError)


@pytest.mark.parametrize("details", [None, [], "text", {"causes": None}, {"causes": ["x"]}, {"causes": {}}])
def test_odd_details_do_not_hide_the_refusal(details: Any) -> None:
    assert refused(409, message="no", details=details).message == "no"


@pytest.mark.parametrize(
    ("value", "seconds"), [("3", 3.0), ("0", 0.0), ("", None), ("soon", None), ("-1", None), ("1.5", None), ("²", None)]
)
def test_retry_after_is_a_number_of_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert soon is not None
    assert 25 < soon <= 30
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@given(st.binary(max_size=200))
def test_any_bytes_of_a_success_are_an_object_or_unavailable(raw: bytes) -> None:
    try:
        body: object = parse(raw, status=200, content_type="text/html", call="GET /x")
    except UnavailableError as error:
        body = error
    assert isinstance(body, dict) or str(body).startswith("GET /x")


@given(st.binary(max_size=200))
def test_any_bytes_of_a_refusal_give_a_message(raw: bytes) -> None:
    assert isinstance(parse(raw, status=500, content_type="text/html", call="GET /x"), dict)


def test_a_body_nested_beyond_reason_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        parse(b"[" * 200_000, status=200, content_type="application/json", call="GET /x")
