"""Publishing the layer, against moto's Lambda and Parameter Store."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from layer.build import MANIFEST, VARIANTS
from layer.project import ROOT
from layer.runtimes import ARCHITECTURES, RUNTIMES, lambda_name
from tools.publish_layer import publishing
from tools.publish_layer.__main__ import main
from tools.publish_layer.zips import LayerFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORGANIZATION = "o-a1b2c3d4e5"
ACCOUNT = "111122223333"
EVERYTHING = len(VARIANTS) * len(ARCHITECTURES)


def zip_with(manifest: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest))
    return buffer.getvalue()


def build(folder: Path, *, version: str = "0.1.0", commit: str = "0123abcd") -> None:
    """What ``make layers`` leaves behind, without what is in it."""
    folder.mkdir(exist_ok=True)
    for variant in VARIANTS:
        for architecture in ARCHITECTURES:
            manifest = {
                "name": "warmkey",
                "version": version,
                "commit": commit,
                "variant": variant,
                "architecture": architecture,
                "runtimes": [*RUNTIMES],
                "content_sha256": "c0ffee",
            }
            (folder / f"warmkey-{variant}-{architecture}.zip").write_bytes(zip_with(manifest))


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    build(tmp_path / "layer")
    return tmp_path / "layer"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    config = tmp_path / "config"
    config.write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = a\naws_secret_access_key = b\n" for name in ("main", "gov", "china")
        )
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def versions(region: str, name: str = "warmkey-arm64") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.client("lambda", region_name=region).list_layer_versions(LayerName=name)[
        "LayerVersions"
    ]
    return found


def parameters(region: str) -> dict[str, str]:
    pages = (
        boto3.client("ssm", region_name=region)
        .get_paginator("get_parameters_by_path")
        .paginate(Path="/", Recursive=True)
    )
    return {row["Name"]: row["Value"] for page in pages for row in page["Parameters"]}


def statements(arn: str) -> dict[str, dict[str, Any]]:
    region, name, version = arn.split(":")[3], arn.split(":")[6], arn.split(":")[7]
    functions = boto3.client("lambda", region_name=region)
    try:
        policy = functions.get_layer_version_policy(LayerName=name, VersionNumber=int(version))["Policy"]
    except functions.exceptions.ResourceNotFoundException:
        return {}
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def run(layers: Path, *options: str, regions: tuple[str, ...] = ("eu-west-1",)) -> int:
    return main(["--layers", str(layers), *(f"--region={region}" for region in regions), *options])


def test_without_publish_it_says_what_it_would_do_and_does_nothing(
    layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(layers, "--account", ACCOUNT) == 0
    said = capsys.readouterr().out

    assert said.count("aws eu-west-1: warmkey-") == EVERYTHING
    assert "described as  warmkey 0.1.0 (full, arm64), commit 0123abcd" in said
    assert f"shared with   account {ACCOUNT}" in said
    assert "parameter     /warmkey/layer/full/arm64/latest" in said
    assert said.endswith("nothing was published; --publish does it\n")
    assert (versions("eu-west-1"), parameters("eu-west-1")) == ([], {})


def test_each_layer_is_published_to_each_region_with_all_that_describes_it(layers: Path) -> None:
    regions = ("eu-west-1", "eu-central-1")
    assert run(layers, "--publish", regions=regions) == 0

    for region in regions:
        for name in (
            "warmkey-arm64",
            "warmkey-x86-64",
            "warmkey-core-arm64",
            "warmkey-core-x86-64",
            "warmkey-crt-arm64",
        ):
            (version,) = versions(region, name)
            variant = next((each for each in VARIANTS if each in name), "full")
            architecture = "arm64" if "arm64" in name else "x86_64"
            assert version["Description"] == f"warmkey 0.1.0 ({variant}, {architecture}), commit 0123abcd"
            assert version["CompatibleRuntimes"] == [*map(lambda_name, RUNTIMES)]
            assert version["CompatibleArchitectures"] == [architecture]
            assert version["LicenseInfo"] == "Apache-2.0"


def test_parameters_have_the_arns_by_version_and_as_latest(layers: Path) -> None:
    run(layers, "--publish")
    found = parameters("eu-west-1")
    (version,) = versions("eu-west-1")

    assert len(found) == 2 * EVERYTHING
    assert (
        found["/warmkey/layer/full/arm64/0.1.0"]
        == found["/warmkey/layer/full/arm64/latest"]
        == version["LayerVersionArn"]
    )


def test_a_newer_version_moves_latest_and_keeps_the_older_one(layers: Path) -> None:
    run(layers, "--publish")
    build(layers, version="0.2.0", commit="4567ef01")
    run(layers, "--publish")
    found = parameters("eu-west-1")
    newer, older = (row["LayerVersionArn"] for row in versions("eu-west-1"))

    assert found["/warmkey/layer/full/arm64/0.1.0"] == older
    assert found["/warmkey/layer/full/arm64/0.2.0"] == found["/warmkey/layer/full/arm64/latest"] == newer


def test_no_parameters_without_a_prefix(layers: Path) -> None:
    run(layers, "--publish", "--ssm-prefix", "")

    assert parameters("eu-west-1") == {}


def test_nobody_else_may_use_it_unless_named(layers: Path) -> None:
    run(layers, "--publish")

    assert statements(versions("eu-west-1")[0]["LayerVersionArn"]) == {}


def test_accounts_and_an_organisation_may_use_it_if_named(layers: Path) -> None:
    run(layers, "--publish", "--account", ACCOUNT, "--organization", ORGANIZATION)
    found = statements(versions("eu-west-1")[0]["LayerVersionArn"])

    assert found.keys() == {f"account-{ACCOUNT}", f"organization-{ORGANIZATION}"}
    assert ACCOUNT in str(found[f"account-{ACCOUNT}"]["Principal"])
    assert found[f"organization-{ORGANIZATION}"]["OrganizationId"] == ORGANIZATION
    assert {row["Action"] for row in found.values()} == {"lambda:GetLayerVersion"}


def test_who_is_named_twice_is_asked_for_once(layers: Path) -> None:
    assert run(layers, "--publish", "--account", ACCOUNT, "--account", ACCOUNT) == 0


def test_everybody_may_use_it_only_if_that_is_said(layers: Path) -> None:
    run(layers, "--publish", "--public")
    (statement,) = statements(versions("eu-west-1")[0]["LayerVersionArn"]).values()

    assert (statement["Sid"], statement["Principal"]) == ("public", "*")
    assert "OrganizationId" not in statement


def test_running_it_again_does_nothing(layers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(layers, "--publish", "--account", ACCOUNT)
    capsys.readouterr()
    assert run(layers, "--publish", "--account", ACCOUNT) == 0

    assert capsys.readouterr().out.count("nothing was left to do") == EVERYTHING
    assert len(versions("eu-west-1")) == 1


def test_another_audience_is_added_to_the_version_that_is_there(layers: Path) -> None:
    run(layers, "--publish")
    run(layers, "--publish", "--organization", ORGANIZATION)
    (version,) = versions("eu-west-1")

    assert statements(version["LayerVersionArn"]).keys() == {f"organization-{ORGANIZATION}"}


def test_a_zip_of_the_same_commit_with_other_bytes_is_another_version(layers: Path) -> None:
    run(layers, "--publish")
    path = layers / "warmkey-full-arm64.zip"
    path.write_bytes(zip_with(LayerFile(path=path).manifest | {"bytecode": {}}))
    run(layers, "--publish")

    assert len(versions("eu-west-1")) == 2
    assert len(versions("eu-west-1", "warmkey-x86-64")) == 1


def test_what_fails_is_resumed_by_running_it_again(
    layers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutParameter")
    put = publishing._put

    def failing(parameters: Any, name: str, *others: Any) -> None:
        if "x86_64" in name:
            raise refusal
        put(parameters, name, *others)

    with monkeypatch.context() as broken:
        broken.setattr(publishing, "_put", failing)
        assert run(layers, "--publish", "--markdown", str(layers / "t.md")) == 1
    said = capsys.readouterr().err
    assert said.count("AccessDeniedException") == EVERYTHING // 2
    assert f"{EVERYTHING // 2} of {EVERYTHING} failed; run it again to resume" in said
    assert (layers / "t.md").read_text().count("not published") == EVERYTHING // 2

    assert run(layers, "--publish") == 0
    assert len(versions("eu-west-1", "warmkey-x86-64")) == 1
    assert "/warmkey/layer/full/x86_64/latest" in parameters("eu-west-1")


def test_the_tables_list_every_arn(layers: Path) -> None:
    regions = ("eu-west-1", "ap-southeast-2")
    run(
        layers,
        "--publish",
        "--markdown",
        str(layers / "out/t.md"),
        "--json",
        str(layers / "out/t.json"),
        regions=regions,
    )
    rows = json.loads((layers / "out/t.json").read_text())
    lines = (layers / "out/t.md").read_text().splitlines()

    assert len(rows) == len(lines) - 2 == len(regions) * EVERYTHING
    assert all(f"`{row['arn']}`" in (layers / "out/t.md").read_text() for row in rows)
    assert lines[2:] == sorted(lines[2:])
    assert {(row["version"], row["commit"], row["error"]) for row in rows} == {("0.1.0", "0123abcd", "")}


def test_govcloud_and_china_have_their_own_credentials_and_arns(layers: Path) -> None:
    regions = ("us-gov-west-1", "cn-north-1", "us-east-1")
    profiles = ("--profile=aws-us-gov=gov", "--profile=aws-cn=china", "--profile=aws=main")
    assert run(layers, "--publish", *profiles, regions=regions) == 0

    arns = [versions(region)[0]["LayerVersionArn"] for region in regions]
    assert [arn.split(":")[1] for arn in arns] == ["aws-us-gov", "aws-cn", "aws"]


@pytest.mark.parametrize(
    ("options", "regions", "problem"),
    [
        ([], (), "name at least one Region"),
        ([], ("eu-west-99x",), "is not a Region that botocore knows"),
        ([], ("us-east-1", "cn-north-1"), "add --profile aws=NAME --profile aws-cn=NAME"),
        (["--profile=aws=main"], ("us-east-1", "cn-north-1"), "add --profile aws-cn=NAME"),
        (["--account", "1234"], ("us-east-1",), "--account must be 12 digits, not '1234'"),
        (["--account", "*"], ("us-east-1",), "to share with everybody, say --public"),
        (["--organization", "mine"], ("us-east-1",), "--organization must be like o-a1b2c3d4e5"),
        (["--public", "--account", ACCOUNT], ("us-east-1",), "leave --account and --organization out"),
        (["--ssm-prefix", "/aws/service/warmkey"], ("us-east-1",), "must not begin with /aws or /ssm"),
        (["--ssm-prefix", "/AWSlayers"], ("us-east-1",), "must not begin with /aws or /ssm"),
        (["--ssm-prefix", "warmkey"], ("us-east-1",), "must be like /warmkey/layer"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked_of_aws(
    layers: Path, capsys: pytest.CaptureFixture[str], options: list[str], regions: tuple[str, ...], problem: str
) -> None:
    assert run(layers, "--publish", *options, regions=regions) == 2

    said = capsys.readouterr()
    assert said.err.startswith("nothing was published: ")
    assert problem in said.err
    assert said.out == ""


def test_a_layer_that_has_not_been_built_is_named(layers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (layers / "warmkey-core-arm64.zip").unlink()

    assert run(layers, "--publish") == 2
    assert f"there is no {layers}/warmkey-core-arm64.zip; `make layers` makes it" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["gov", "=gov", "aws="])
def test_a_profile_names_its_partition(layers: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(layers, "--profile", text)

    assert "must be PARTITION=NAME" in capsys.readouterr().err


def test_make_builds_every_variant_that_is_published() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert re.search(r"^VARIANTS := (.*)$", makefile, re.MULTILINE)[1].split() == [*VARIANTS]  # type: ignore[index]
    assert [variant for variant in VARIANTS if f"\nlayer/warmkey-{variant}-%.zip:" not in makefile] == []
