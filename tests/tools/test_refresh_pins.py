"""What a refresh of the pins says."""

from __future__ import annotations

from tools.refresh_pins import changes


def test_a_change_is_named_once_with_the_files_that_have_it() -> None:
    before = {"demo": {"boto3": "1.0", "moto": "5.0"}, "test": {"boto3": "1.0"}}
    after = {"demo": {"boto3": "1.1", "moto": "5.0"}, "test": {"boto3": "1.1"}}

    assert changes(before, after) == ["boto3: 1.0 → 1.1  (demo, test)"]


def test_what_came_and_went_is_named_too() -> None:
    assert changes({"demo": {"old": "1"}}, {"demo": {"new": "2"}, "site": {"new": "2"}}) == [
        "new: none → 2  (demo, site)",
        "old: 1 → none  (demo)",
    ]


def test_nothing_is_said_of_what_stayed() -> None:
    assert changes({"demo": {"same": "1"}}, {"demo": {"same": "1"}}) == []
