"""Publish one layer to one Region: the version, who may use it, and last the parameters by which others find it.

Each step first looks whether it has been done, so a run that was interrupted, or failed in one Region, is resumed by
running it again: the same zip is never published twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.publish_layer.plan import Audience, Plan, Target
    from tools.publish_layer.zips import LayerFile

__all__ = ["Outcome", "publish"]

LICENSE = "Apache-2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one target.

    :ivar arn: the layer version's ARN; empty if there is none
    :ivar done: what had to be done, in order; empty if all of it had been
    :ivar error: what AWS answered, if something failed
    """

    target: Target
    arn: str = ""
    done: tuple[str, ...] = ()
    error: str = ""


def publish(plan: Plan, client: Callable[[Target, str], Any]) -> Iterator[Outcome]:
    """Publish each target of *plan*. One that fails does not keep the others from being published.

    :param client: makes the client for a target's Region of the service that is named: ``lambda`` or ``ssm``
    """
    for target in plan.targets:
        yield _Run(plan, target, client).outcome()


class _Run:
    """One target; remembers what has been done when a later step fails."""

    def __init__(self, plan: Plan, target: Target, client: Callable[[Target, str], Any]) -> None:
        self._plan = plan
        self._target = target
        self._client = client
        self._arn = ""
        self._done: list[str] = []

    def outcome(self) -> Outcome:
        error = ""
        try:
            self._publish()
        except (BotoCoreError, ClientError) as failed:
            error = str(failed)
        return Outcome(target=self._target, arn=self._arn, done=tuple(self._done), error=error)

    def _publish(self) -> None:
        functions, layer = self._client(self._target, "lambda"), self._target.layer
        self._arn = _published_before(functions, layer) or self._publish_version(functions, layer)
        name, version = self._arn.rsplit(":", 2)[1:]
        shared = _statements(functions, name, int(version))
        for audience in self._plan.audiences:
            if audience.statement not in shared:
                _share(functions, name, int(version), audience)
                self._done.append(f"shared with {audience.statement}")
        parameters = self._client(self._target, "ssm") if self._plan.prefix else None
        for parameter in self._plan.parameters(layer):
            if _value(parameters, parameter) != self._arn:
                _put(parameters, parameter, self._arn, layer)
                self._done.append(f"set {parameter}")

    def _publish_version(self, functions: Any, layer: LayerFile) -> str:  # noqa: ANN401 - boto3 has no types
        published = functions.publish_layer_version(
            LayerName=layer.name,
            Description=layer.description,
            Content={"ZipFile": layer.content},
            CompatibleArchitectures=[layer.manifest["architecture"]],
            CompatibleRuntimes=layer.runtimes,
            LicenseInfo=LICENSE,
        )
        self._done.append(f"published version {published['Version']}")
        arn: str = published["LayerVersionArn"]
        return arn


def _published_before(functions: Any, layer: LayerFile) -> str:  # noqa: ANN401
    """Return the ARN of the version with the same zip, or nothing.

    Only versions with the same description are looked at closely: it names version, variant, architecture and commit.
    """
    for page in functions.get_paginator("list_layer_versions").paginate(LayerName=layer.name):
        for row in page["LayerVersions"]:
            if row.get("Description") != layer.description:
                continue
            found = functions.get_layer_version(LayerName=layer.name, VersionNumber=row["Version"])
            if found["Content"]["CodeSha256"] == layer.sha256:
                return str(row["LayerVersionArn"])
    return ""


def _statements(functions: Any, name: str, version: int) -> set[str]:  # noqa: ANN401
    try:
        policy = functions.get_layer_version_policy(LayerName=name, VersionNumber=version)["Policy"]
    except functions.exceptions.ResourceNotFoundException:
        return set()
    return {statement["Sid"] for statement in json.loads(policy)["Statement"]}


def _share(functions: Any, name: str, version: int, audience: Audience) -> None:  # noqa: ANN401
    limit = {"OrganizationId": audience.organization} if audience.organization else {}
    functions.add_layer_version_permission(
        LayerName=name,
        VersionNumber=version,
        StatementId=audience.statement,
        Action="lambda:GetLayerVersion",
        Principal=audience.principal,
        **limit,
    )


def _value(parameters: Any, name: str) -> str:  # noqa: ANN401
    try:
        return str(parameters.get_parameter(Name=name)["Parameter"]["Value"])
    except parameters.exceptions.ParameterNotFound:
        return ""


def _put(parameters: Any, name: str, arn: str, layer: LayerFile) -> None:  # noqa: ANN401
    parameters.put_parameter(Name=name, Value=arn, Type="String", Description=layer.description, Overwrite=True)
