"""The layer that `make layer` builds."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from examples.demo.stages import host_layer
from layer import archive, build
from layer.bytecode import find_interpreters
from layer.project import ROOT
from layer.runtimes import ARCHITECTURES, RUNTIMES, lambda_name

if TYPE_CHECKING:
    from layer.build import Layer

pytestmark = pytest.mark.layer

CACHE = ROOT / "build" / "wheels"


def build_for_host() -> Layer:
    """From wheels that `make layer` has downloaded, with bytecode of one interpreter only, which takes a third."""
    interpreters = find_interpreters(RUNTIMES)[:1]
    return build.build(
        variant="full", architecture=host_layer().stem.rpartition("-")[2], cache=CACHE, interpreters=interpreters
    )


@pytest.fixture(scope="module")
def layer() -> Layer:
    if not CACHE.exists():
        pytest.skip("no wheels are here; `make layer` downloads them")
    return build_for_host()


def names(layer: Layer) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(layer.zip)) as zipped:
        return zipped.namelist()


def manifest_in(layer: Layer) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(layer.zip)) as zipped:
        manifest: dict[str, Any] = json.loads(zipped.read(build.MANIFEST))
    return manifest


def test_the_same_inputs_give_the_same_bytes(layer: Layer) -> None:
    assert layer.zip == build_for_host().zip


def test_it_carries_what_a_function_needs_and_not_what_the_runtime_has(layer: Layer) -> None:
    packages = {name.split("/")[1] for name in names(layer)}

    assert {"warmkey", "cryptography", "cffi", "aws_lambda_powertools", "jmespath"} <= packages
    assert {"aws_xray_sdk", "wrapt", "jsonpath_ng"} <= packages  # for Tracer and Data Masking
    assert packages.isdisjoint({"boto3", "botocore", "dateutil", "pycparser", "s3transfer", "six.py", "urllib3"})


def test_it_leaves_out_the_planner_which_needs_what_no_function_has(layer: Layer) -> None:
    assert [
        name for name in names(layer) if "/warmkey/plan/" in name or name.split("/")[1] in {"numpy", "matplotlib"}
    ] == []
    assert "python/warmkey/cli/plan.py" in names(layer)


def test_it_has_the_native_part_of_every_runtime(layer: Layer) -> None:
    for module in ("_cffi_backend", "wrapt/_wrappers"):
        native = [name for name in names(layer) if f"/{module}.cpython" in name]

        assert [name.split("-")[1] for name in native] == [runtime.replace(".", "") for runtime in RUNTIMES]


def test_every_module_has_bytecode_of_the_interpreters_that_the_manifest_names(layer: Layer) -> None:
    modules = sum(name.endswith(".py") for name in names(layer))
    bytecode = sum(name.endswith(".pyc") for name in names(layer))

    assert bytecode == modules * len(manifest_in(layer)["bytecode"])


def test_bytecode_of_what_another_layer_may_replace_is_checked_and_ours_is_not(layer: Layer) -> None:
    compiled = {name: content for name, content in layer.files.items() if name.endswith(".pyc")}
    checked = {name for name, content in compiled.items() if content[4] == 0b11}

    assert {name for name in compiled if not name.startswith("python/warmkey/")} == checked


def test_the_manifest_in_the_zip_is_the_one_that_is_printed(layer: Layer) -> None:
    printed = build.describe(layer)

    assert manifest_in(layer)["content_sha256"] in printed
    assert archive.sha256(layer.zip) in printed
    assert manifest_in(layer)["version"] == warmkey.__version__


def test_the_manifest_holds_the_hash_of_the_zip_before_it(layer: Layer) -> None:
    start = manifest_in(layer)["zip_before_manifest"]

    assert start["sha256"] == archive.sha256(layer.zip[: start["length"]])
    assert names(layer)[-1] == build.MANIFEST


def test_the_content_hash_is_over_everything_but_bytecode_and_the_manifest(layer: Layer) -> None:
    files = {name: content for name, content in layer.files.items() if name != build.MANIFEST}

    assert manifest_in(layer)["content_sha256"] == archive.content_hash(files)


def test_the_pins_of_core_are_those_of_full_without_powertools() -> None:
    full, core = (
        {line.split("==")[0] for line in (ROOT / "requirements" / file).read_text().splitlines() if "==" in line}
        for file in (build.VARIANTS["full"], build.VARIANTS["core"])
    )

    tracer, data_masking = {"aws-xray-sdk", "wrapt"}, {"jsonpath-ng"}
    assert full - core == {"aws-lambda-powertools", "jmespath", "typing-extensions"} | tracer | data_masking


def test_the_pins_of_crt_are_those_of_full_and_awscrt() -> None:
    full, crt = (
        {line.rstrip(" \\") for line in (ROOT / "requirements" / file).read_text().splitlines() if "==" in line}
        for file in (build.VARIANTS["full"], build.VARIANTS["crt"])
    )

    assert {pin.split("==")[0] for pin in crt - full} == {"awscrt"}
    assert full - crt == set()


def test_its_native_parts_are_for_the_architecture_that_it_names(layer: Layer) -> None:
    found = {content[18] for name, content in layer.files.items() if name.endswith(".so")}

    assert found == {ARCHITECTURES[layer.manifest.architecture].elf}


def test_the_manifest_names_the_native_files_that_are_there(layer: Layer) -> None:
    there = {name for name in names(layer) if name.endswith(".so")}

    assert set(manifest_in(layer)["native"]) == there
    assert set(manifest_in(layer)["native"].values()) == {*manifest_in(layer)["runtimes"], "abi3"}


def test_one_copy_of_a_library_serves_all_runtimes(layer: Layer) -> None:
    shared = [name for name, python in manifest_in(layer)["native"].items() if python == "abi3"]

    assert shared == ["python/cryptography/hazmat/bindings/_rust.abi3.so"]


def test_a_runtime_without_bytecode_is_warned_of_with_a_remedy(layer: Layer) -> None:
    warned = build.warnings(layer)
    without = [runtime for runtime in RUNTIMES if runtime not in layer.manifest.bytecode]

    assert len(warned) == len(without) == len(RUNTIMES) - 1
    for runtime, line in zip(without, warned, strict=True):
        assert f"no .pyc for {lambda_name(runtime)}" in line
        assert "make every-runtime" in line
