"""Play the first minute of fleets with each design, and extrapolate to 10,000 containers."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from examples.demo.kms_server import REGION, create_key, kms_server
from examples.fleet.designs import DESIGNS, TENANT, Servers
from examples.fleet.minute import play
from examples.fleet.report import extrapolation, measured
from warmkey.branch_keys import BranchKeyStore
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.fleet.minute import Measurement

_MAX_AGE_SECONDS, _TTL_SECONDS = 300, 3600


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and print both tables."""
    options = _parser().parse_args(arguments)
    print("KMS and DynamoDB are one moto server on 127.0.0.1, which counts. Requests per second of the whole fleet:\n")
    with kms_server() as url:
        rows = _play(url, options.containers, options.tenants)
    print(f"{measured(rows)}\n\n{extrapolation()}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


def _play(url: str, containers: Sequence[int], tenants: Sequence[int]) -> list[Measurement]:
    names = [f"tenant-{number:04}" for number in range(max(tenants))]
    servers, clock = _servers(url)
    for name in names:
        servers.store.create_key(name, {TENANT: name})
    rows = []
    for number, size, design in product(tenants, containers, DESIGNS):
        print(f"playing: {design}, {size:,} containers, {number:,} tenants", file=sys.stderr, flush=True)
        rows.append(play(design, containers=size, tenants=names[:number], servers=servers, clock=clock, url=url))
    return rows


def _servers(url: str) -> tuple[Servers, SettableClock]:
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    kms, dynamodb = (
        boto3.client(service, region_name=REGION, endpoint_url=url, **credentials) for service in ("kms", "dynamodb")
    )
    key_arn, clock = create_key(url), SettableClock()
    store = BranchKeyStore("branch-keys", kms_key_arn=key_arn, kms_client=kms, dynamodb_client=dynamodb)
    store.create_table()
    servers = Servers(
        kms=kms,
        key_arn=key_arn,
        store=store,
        clock=clock,
        max_age_seconds=_MAX_AGE_SECONDS,
        ttl_seconds=_TTL_SECONDS,
    )
    return servers, clock


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.fleet", description=__doc__, allow_abbrev=False)
    parser.add_argument("--containers", type=_count, nargs="+", default=[1, 10, 100], metavar="COUNT")
    parser.add_argument("--tenants", type=_count, nargs="+", default=[1, 100], metavar="COUNT")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was counted to FILE")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer, 1 or more, not {text!r}")
    return int(text)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds the stack, which stops the server
    sys.exit(main())
