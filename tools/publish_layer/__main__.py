"""Publish the layer that ``make layer`` built. Shows what it would do; does it with --publish.

Credentials are boto3's: environment variables, profiles, a role. What has been done is not done again, so run it again
after a failure. Examples:

  --region eu-west-1 --region eu-central-1 --organization o-a1b2c3d4e5 --publish
  --region us-east-1 --region us-gov-west-1 --profile aws=main --profile aws-us-gov=gov --account 111122223333
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import UnknownRegionError

from layer.build import VARIANTS
from layer.project import ROOT
from layer.runtimes import ARCHITECTURES
from tools.publish_layer.plan import Impossible, Plan, make_plan
from tools.publish_layer.publishing import publish
from tools.publish_layer.tables import to_json, to_markdown
from tools.publish_layer.zips import LayerFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.publish_layer.plan import Target


def main(arguments: Sequence[str] | None = None) -> int:
    """Do as the command line says; return 0 if nothing is left to do."""
    options = _parser().parse_args(arguments)
    try:
        plan = _plan(options)
        print(*plan.lines(), sep="\n")
    except (Impossible, FileNotFoundError) as problem:
        print(f"nothing was published: {problem}", file=sys.stderr)
        return 2
    if not options.publish:
        print("nothing was published; --publish does it")
        return 0
    return _publish(plan, options)


def _plan(options: argparse.Namespace) -> Plan:
    layers = [
        LayerFile(path=options.layers / f"warmkey-{variant}-{architecture}.zip")
        for variant in options.variant or VARIANTS
        for architecture in options.architecture or ARCHITECTURES
    ]
    for layer in layers:
        if not layer.path.exists():
            raise Impossible(
                f"there is no {layer.path}; `make layers` makes it, or choose --variant and --architecture"
            )
    return make_plan(
        regions=list(dict.fromkeys(options.region)),
        layers=layers,
        accounts=options.account,
        organization=options.organization,
        public=options.public,
        prefix=options.ssm_prefix.rstrip("/"),
        profiles=dict(options.profile),
        partition_of=_partition_of,
    )


def _partition_of(region: str) -> str:
    try:
        partition: str = boto3.Session().get_partition_for_region(region)
    except UnknownRegionError:
        raise Impossible(f"--region {region} is not a Region that botocore knows") from None
    return partition


def _publish(plan: Plan, options: argparse.Namespace) -> int:
    outcomes = []
    for outcome in publish(plan, _clients(plan)):
        outcomes.append(outcome)
        print(f"{outcome.target.region} {outcome.target.layer.name}: {outcome.arn or 'not published'}")
        for line in outcome.done or ("nothing was left to do",) * (not outcome.error):
            print(f"  {line}")
        if outcome.error:
            print(f"  failed: {outcome.error}", file=sys.stderr)
    for path, text in ((options.markdown, to_markdown(outcomes)), (options.json, to_json(outcomes))):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    failed = sum(bool(outcome.error) for outcome in outcomes)
    if failed:
        print(f"{failed} of {len(outcomes)} failed; run it again to resume", file=sys.stderr)
    return 1 if failed else 0


def _clients(plan: Plan) -> Any:  # noqa: ANN401 - boto3 has no types
    sessions: dict[str, Any] = {}

    def client(target: Target, service: str) -> Any:  # noqa: ANN401
        if target.partition not in sessions:
            sessions[target.partition] = boto3.Session(profile_name=plan.profiles.get(target.partition))
        return sessions[target.partition].client(service, region_name=target.region)

    return client


def _profile(text: str) -> tuple[str, str]:
    partition, equals, name = text.partition("=")
    if not (partition and equals and name):
        raise argparse.ArgumentTypeError(f"must be PARTITION=NAME, for example aws-us-gov=gov, not {text!r}")
    return partition, name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish_layer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--region", **several, help="a Region to publish to; repeat it for more")
    parser.add_argument("--architecture", **several, choices=ARCHITECTURES, help="default: all")
    parser.add_argument("--variant", **several, choices=VARIANTS, help="default: all")
    parser.add_argument("--account", **several, help="an account that may use the layer; repeat it for more")
    parser.add_argument("--organization", default="", help="the organisation whose accounts may use the layer")
    parser.add_argument("--public", action="store_true", help="let everybody use the layer")
    parser.add_argument("--ssm-prefix", default="/warmkey/layer", help="of parameters with the ARNs; '' for none")
    parser.add_argument("--profile", **several, type=_profile, metavar="PARTITION=NAME", help="whose credentials")
    parser.add_argument("--layers", type=Path, default=ROOT / "layer", help="folder of the zips")
    parser.add_argument("--markdown", type=Path, help="write the table of ARNs to this file")
    parser.add_argument("--json", type=Path, help="write it to this file for programs")
    parser.add_argument("--publish", action="store_true", help="do it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
