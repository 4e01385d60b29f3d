"""What AWS charges and allows, as one table with dates and sources. A JSON file can change any of it.

The file has the parts of :data:`TABLE` that differ, for example::

    {"date": "2027-01-15", "source": "our contract",
     "kms_dollars_per_request": 2.5e-06, "kms_requests_per_second": {"eu-west-1": 200000}}

It takes the place of ours part by part, and Regions of ``kms_requests_per_second`` one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from warmkey.plan.errors import BadInput
from warmkey.plan.text_files import json_of, name_of, opened, reading
from warmkey.safe_repr import safe_repr
from warmkey.validation import plausible

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLE", "Prices", "read_prices"]

_USUAL, _MORE, _MOST = 10_000, 20_000, 100_000
# What is divided by; and more than any price or quota, so that no product of a plan is infinite.
_DIVISORS = ("hours_per_month", "dynamodb_read_units_per_second")
_LARGEST = 1e15


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in dollars, and quotas.

    :ivar date: when they were looked up
    :ivar source: where
    :ivar kms_dollars_per_request: of requests with symmetric keys, the same in all commercial Regions; the 20,000
        requests per month that are free are not taken off
    :ivar dynamodb_dollars_per_read_unit: on demand, us-east-1; a read of a branch key is half a unit
    :ivar dollars_per_metric: of a CloudWatch metric and month
    :ivar dollars_per_log_byte: ingested by CloudWatch Logs, us-east-1
    :ivar hours_per_month: as AWS counts months
    :ivar kms_requests_per_second: the quota of cryptographic operations with symmetric keys, by Region
    :ivar dynamodb_read_units_per_second: of one partition, which all items of a branch key share
    """

    date: str
    source: str
    kms_dollars_per_request: float
    dynamodb_dollars_per_read_unit: float
    dollars_per_metric: float
    dollars_per_log_byte: float
    hours_per_month: float
    kms_requests_per_second: Mapping[str, int]
    dynamodb_read_units_per_second: int

    def quota(self, region: str) -> int:
        """Return the KMS requests per second of *region*.

        :raises BadInput: the table does not have the Region; asks for its quota
        """
        if region not in self.kms_requests_per_second:
            raise BadInput(
                f"the quota of Region {region} is not in the table of {self.date}; give --quota, the requests per "
                "second that Service Quotas shows for AWS KMS, Cryptographic operations (symmetric) request rate"
            )
        return self.kms_requests_per_second[region]


# Other Regions of the aws partition have the usual quota too; one that is not here is asked for, and not guessed.
_REGIONS = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-3 ap-southeast-4 "
    "ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-3 "
    "il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-west-1"
)
TABLE = Prices(
    date="2026-11-28",
    source="AWS's pages on the pricing of KMS, DynamoDB and CloudWatch, and on the request quotas of KMS",
    kms_dollars_per_request=0.03 / 10_000,
    dynamodb_dollars_per_read_unit=0.125 / 1_000_000,
    dollars_per_metric=0.30,
    dollars_per_log_byte=0.50 / 1_000_000_000,
    hours_per_month=730,
    kms_requests_per_second={
        **dict.fromkeys(_REGIONS.split(), _USUAL),
        **dict.fromkeys(
            ("us-east-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-central-1", "eu-west-2"), _MORE
        ),
        **dict.fromkeys(("us-east-1", "us-west-2", "eu-west-1"), _MOST),
    },
    dynamodb_read_units_per_second=3_000,
)


def read_prices(path: str) -> Prices:
    """Return our table with what the file at *path* changes.

    :raises BadInput: the file is not a JSON object of that form; says which part
    :raises OSError: it can't be read
    """
    source = name_of(path)
    with reading(path), opened(path) as file:
        found = json_of(path, file.read())
    if not isinstance(found, dict):
        raise BadInput(f"{source}: must be a JSON object with parts of the table, not {plausible(found)}")
    known = {field.name: getattr(TABLE, field.name) for field in fields(TABLE)}
    for name in found:
        if name not in known:
            raise BadInput(f"{source}: {plausible(name)} is not a part of the table; the parts are {', '.join(known)}")
    if not {"date", "source"} <= found.keys():
        raise BadInput(f"{source}: must say its date and its source, as texts")
    return replace(TABLE, **{name: _checked(source, name, value) for name, value in found.items()})


def _checked(source: str, name: str, value: object) -> Any:  # noqa: ANN401 - a text, a number or a mapping
    if name in ("date", "source"):
        if not isinstance(value, str) or not value:
            raise BadInput(f"{source}: {name} must be a text that is not empty, not {plausible(value)}")
        return value
    if name != "kms_requests_per_second":
        return _number(f"{source}: {name}", value, is_divisor=name in _DIVISORS)
    if not isinstance(value, dict):
        raise BadInput(f"{source}: {name} must be an object of Regions, not {plausible(value)}")
    return {
        **TABLE.kms_requests_per_second,
        **{key: _number(f"{source}: {name} of {key}", value[key], is_divisor=True) for key in value},
    }


def _number(what: str, value: object, *, is_divisor: bool) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _LARGEST or (is_divisor and not value):  # type: ignore[operator]
        least = "a number greater than 0" if is_divisor else "a number of 0 or more"
        raise BadInput(f"{what} must be {least}, not {plausible(value)}; {_LARGEST:g} is the most")
    return value  # type: ignore[return-value]
