"""What is missing is named, with what to do about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import warmkey
from warmkey.powertools.installation import what_is_missing

SOURCE = Path(warmkey.__file__).parents[1]
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import warmkey
try:
    from warmkey.powertools import {name}
except ImportError as error:
    print(type(error).__name__, error.name, error, sep="|")
else:
    print("imported")
"""


def what_happens(name: str, *missing: str) -> str:
    program = WITHOUT.format(name=name, missing=missing)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCE)}
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["WarmkeyProvider", "DataMaskingWithFields"])
def test_data_masking_without_jsonpath_says_what_to_add(name: str) -> None:
    told = what_happens(name, "jsonpath_ng")

    assert told.startswith("ModuleNotFoundError|jsonpath_ng|Data Masking of Powertools can't be imported")
    assert "attach warmkey's layer `full`, or add jsonpath-ng to the function" in told


@pytest.mark.parametrize("name", ["WarmkeyProvider", "DecryptTransform"])
def test_without_powertools_it_says_where_to_get_it(name: str) -> None:
    told = what_happens(name, "aws_lambda_powertools")

    assert "attach warmkey's layer `full`, or add aws-lambda-powertools to the function" in told


def test_a_copy_of_powertools_that_lacks_a_part_is_named_as_the_trouble() -> None:
    told = what_happens("DecryptTransform", "aws_lambda_powertools.utilities.streaming")

    assert "the copy of Powertools that was found lacks a part that warmkey needs" in told


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("aws_lambda_powertools", "add aws-lambda-powertools to the function"),
        ("jsonpath_ng.ext", "add jsonpath-ng to the function"),
        ("aws_lambda_powertools.utilities", "lacks a part that warmkey needs"),
        (None, "lacks a part that warmkey needs"),
    ],
)
def test_the_error_stays_of_its_type_and_says_what_to_do(name: str | None, remedy: str) -> None:
    told = what_is_missing("Streaming", ModuleNotFoundError("no module", name=name))

    assert type(told) is ModuleNotFoundError
    assert told.name == name
    assert str(told).startswith("Streaming of Powertools can't be imported (no module): ")
    assert remedy in str(told)


def test_streaming_needs_no_jsonpath() -> None:
    assert what_happens("DecryptTransform", "jsonpath_ng", "aws_encryption_sdk") == "imported"


def test_data_masking_over_warmkey_needs_no_other_encryption_sdk() -> None:
    assert what_happens("WarmkeyProvider", "aws_encryption_sdk", "pydantic") == "imported"
