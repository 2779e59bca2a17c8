from __future__ import annotations

import pytest

from reconciler.fleet.cron import schedule_fault


@pytest.mark.parametrize(
    "schedule",
    ["0 3 * * *", "*/15 6-18 * * mon-FRI", "0 0 1,15 jan *", "5-59/10 ? * * ?", "@daily", "@every 1h30m", "0  3 * * 0", "3/5 * * * *"],
)  # fmt: skip
def test_a_schedule_that_a_cronjob_takes_has_no_fault(schedule: str) -> None:
    assert schedule_fault(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("nonsense", "1 fields"),
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * *", "6 fields"),
        ("60 3 * * *", "'60' is not a minute"),
        ("0 24 * * *", "hour"),
        ("0 0 0 * *", "day of month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * 7", "day of week"),
        ("0 0 * * fr", "day of week"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("*-3 * * * *", "minute"),
        ("1, * * * *", "minute"),
        ("TZ=Europe/Berlin 0 3 * * *", "time zone"),
        ("@never", "fields"),
    ],
)
def test_a_schedule_that_a_cronjob_refuses_is_told(schedule: str, said: str) -> None:
    assert said in schedule_fault(schedule)
