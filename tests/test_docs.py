"""What README and docs show runs, and what they name is there."""

from __future__ import annotations

import base64
import functools
import importlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest
import yaml

import warmkey
from examples import two_regions
from examples.demo.kms_server import REGION, create_key, kms_server, request_counts
from tests.durable_runner import close_loop
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.lambda_runtime.default_client import DefaultClient
from warmkey.lambda_runtime.settings import VARIABLES, read_settings
from warmkey.lambda_runtime.wiring import Overrides
from warmkey.observability.otel_points import COUNTERS, HISTOGRAMS
from warmkey.sealed.records import restore
from warmkey.testing import FakeDynamoDb, FakeKms, KmsSession, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import DynamoDbCall

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
IGNORED = {"docs_site", "build", ".venv-test", "node_modules"}
# A comment before a block keeps it from running, and says why.
NOT_RUN = re.compile(r"<!-- not run: .+ -->\n+\Z")
# The key that all examples name; while they run it is one that exists.
EXAMPLE_KEY_ARN = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AWS_VARIABLES = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-west-2"}


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def runs(self) -> bool:
        return not NOT_RUN.search(self.page.read_text()[: self._start])

    @property
    def _start(self) -> int:
        return sum(map(len, self.page.read_text().splitlines(keepends=True)[: self.line - 1]))

    def run(self, names: dict[str, Any], key_arn: str) -> None:
        """Execute it; tracebacks tell the line of the page."""
        source = "\n" * self.line + self.text.replace(EXAMPLE_KEY_ARN, key_arn)
        exec(compile(source, str(self.page), "exec", dont_inherit=True), names)


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text()
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in found
        if match[1] in languages
    ]


def id_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


pages = pytest.mark.parametrize("page", PAGES, ids=id_of)
# A test suite of its own; see below.
TESTING = ROOT / "docs/testing.md"
# What queries of log lines name: keys below "warmkey", as tests/observability/test_names.py checks.
LOG_FIELDS = {"event", "operation", "reason"}
# OpenTelemetry's instruments and attributes, as tests/observability/test_otel_points.py checks.
OTEL_NAMES = {name.split(".")[1] for name in (*COUNTERS, *HISTOGRAMS)} | {"attempts", "container", "outcome"}
pages_with_python = pytest.mark.parametrize(
    "page", [page for page in PAGES if page != TESTING and blocks(page, "python")], ids=id_of
)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsSession]:
    """A key in the Region of the example key, on moto."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "WARMKEY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    with moto_kms() as session:
        yield session


def run(page: Path, kms: KmsSession) -> dict[str, Any]:
    """The names after running all blocks of *page*, one after the other as a reader would."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, "python"):
        if block.runs:
            block.run(names, kms.key_arn)
    close_loop(names.get("runner"))
    return names


@pages_with_python
def test_every_python_block_runs(page: Path, kms: KmsSession) -> None:
    run(page, kms)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json", "yaml")], ids=id_of)
def test_every_json_and_yaml_block_can_be_read(page: Path) -> None:
    for block in blocks(page, "json", "yaml"):
        read = json.loads if block.language == "json" else functools.partial(yaml.load, Loader=_CloudFormation)
        assert isinstance(read(block.text), dict)


class _CloudFormation(yaml.SafeLoader):
    """Reads ``!Ref`` and its relatives, too."""


_CloudFormation.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@pages
def test_every_warmkey_variable_is_a_setting(page: Path) -> None:
    named = set(re.findall(r"\bWARMKEY_[A-Z_]*[A-Z]\b", page.read_text()))

    assert set() == named - VARIABLES.keys() - {"WARMKEY_KMS_KEY_ARN"}  # the example of a typing mistake


@pages
def test_every_warmkey_name_exists(page: Path) -> None:
    named = set(re.findall(r"\bwarmkey\.([A-Za-z]\w*)", page.read_text()))
    missing = {name for name in named - LOG_FIELDS - OTEL_NAMES if not _exists(name)}

    assert set() == missing


def _exists(name: str) -> bool:
    return (
        hasattr(warmkey, name) or (ROOT / "src/warmkey" / name).is_dir() or (ROOT / f"src/warmkey/{name}.py").exists()
    )


@pages
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {name for names in targets for name in names.split()}
    named = {
        target
        for text in [block.text for block in blocks(page, "sh", "console")]
        for target in re.findall(r"^\$? ?make ([a-z-]+)", text, re.MULTILINE)
    } | set(re.findall(r"`make ([a-z-]+)", page.read_text()))

    assert set() == named - known


# Pages that other pages or programs lead to; docs_site/ is made of copies.
ALL_PAGES = [page for page in sorted(ROOT.glob("[!.]*/**/*.md")) if not IGNORED.intersection(page.parts)] + [
    *sorted(ROOT.glob("*.md"))
]
all_pages = pytest.mark.parametrize("page", ALL_PAGES, ids=id_of)
# Tables and links make them longer than prose is.
GENERATED = {"docs/conformance.md", "docs/differences.md", "docs/performance.md"}


@all_pages
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?://)[^)#]*)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if link and not (page.parent / link).exists()]

    assert broken == []


@all_pages
def test_every_anchor_is_a_heading(page: Path) -> None:
    broken = [
        f"{link}#{anchor}"
        for link, anchor in re.findall(r"\]\(((?!https?://)[^)#]*)#([^)]*)\)", page.read_text())
        if anchor not in _anchors(page.parent / link if link else page)
    ]

    assert broken == []


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_the_code_says_of_pages_leads_somewhere() -> None:
    """Errors, help texts, templates and comments name pages and headings."""
    named = {
        (path, page, anchor)
        for path in sources_that_name_pages()
        for page, anchor in re.findall(r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?", path.read_text(encoding="utf-8"))
    }
    broken = {
        (id_of(path), page, anchor)
        for path, page, anchor in named
        if not (ROOT / page).exists() or (anchor and anchor not in _anchors(ROOT / page))
    }

    assert broken == set()
    assert len(named) > 30


def test_nobody_is_told_to_install_warmkey_from_an_index_which_does_not_have_it() -> None:
    """Whoever takes the name there could give them something else."""
    assert "warmkey is not on PyPI" in README.read_text()
    told = [
        id_of(path)
        for path in [*ALL_PAGES, *sources_that_name_pages()]
        if re.search(r"pip install (?:-\S+ )*['\"]?warmkey\b", path.read_text(encoding="utf-8"))
    ]

    assert told == []


def sources_that_name_pages() -> list[Path]:
    folders = ("src", "layer", "examples", "benchmarks", "tools")
    found = [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".yaml", ".toml")]
    return [*found, ROOT / "template.yaml", ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "docs_site/conf.py"]


@pytest.mark.parametrize("page", [page for page in ALL_PAGES if id_of(page) not in GENERATED], ids=id_of)
def test_lines_of_prose_have_up_to_120_columns(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    long = [
        line
        for line in prose.splitlines()
        # What is left to break after links, which can't be: a list item that is a link is as long as it is.
        if len(line) > 120 and not line.startswith("|") and len(re.sub(r"\[[^\]]*\]\([^)]*\)", "x", line)) > 3
    ]

    assert long == []


@pytest.mark.parametrize("package", ["keyrings", "cmms", "caches"])
def test_the_page_on_keyrings_has_every_name(package: str) -> None:
    names = set(importlib.import_module(f"warmkey.{package}").__all__)

    assert names - set(re.findall(r"\w+", (ROOT / "docs/keyrings.md").read_text())) == set()


# What version 0.1.0 knows; it refuses all others.
FIRST_SETTINGS = (
    "algorithm_suite cache cache_capacity commitment_policy decrypt_key_arns discovery_accounts frame_length init "
    "kms_connect_timeout_seconds kms_key_arns kms_max_attempts kms_mode kms_read_timeout_seconds max_age_jitter "
    "max_age_seconds max_bytes_encrypted max_encrypted_data_keys max_messages_encrypted metrics metrics_namespace "
    "partition_id refresh_ahead required_context_keys service_name"
)


def test_the_changelog_says_which_version_brought_a_setting() -> None:
    """Whoever rolls back has to remove it first."""
    newer = VARIABLES.keys() - {f"WARMKEY_{name.upper()}" for name in FIRST_SETTINGS.split()}

    paragraphs = (ROOT / "CHANGELOG.md").read_text().split("\n\n")
    lists = "".join(paragraph for paragraph in paragraphs if paragraph.startswith("Settings that "))

    assert [name for name in sorted(newer) if f"`{name}`" not in lists] == []


# --------------------------------------------------------------------------------------------------------- README

README = ROOT / "README.md"
SHOWN_BRANCH_KEYS: dict[str, str | None] = dict(
    re.findall(r"^    (WARMKEY_\w+)=(\S+)$", (ROOT / "docs" / "branch-keys.md").read_text(), re.MULTILINE)
)


def test_the_handler_of_the_readme_gives_the_note_back(kms: KmsSession) -> None:
    handler = run(README, kms)["handler"]

    notes = [handler({"tenant": "acme", "note": note}, None)["note"] for note in ("one", "two", "three")]

    assert notes == ["one", "two", "three"]
    assert kms.kms_calls.operations == ["GenerateDataKey", "Decrypt"]


def test_the_defaults_of_the_readme_are_those_of_the_settings() -> None:
    rows = dict(re.findall(r"^\| `(WARMKEY_\w+)` \| (\S+) \|", README.read_text(), re.MULTILINE))

    assert rows == {variable: shown(VARIABLES[variable].default) for variable in rows}
    assert rows


def test_the_readme_leads_to_what_a_user_looks_for() -> None:
    linked = {target.split("#")[0] for target in re.findall(r"\]\(([^):]+)\)", README.read_text())}
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    for_contributors = {"docs/architecture.md", "docs/conformance.md"}

    assert pages - for_contributors - linked == set()
    assert {"SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"} <= linked


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, "WARMKEY_KMS_KEY_ARNS"),
        ({"WARMKEY_KMS_KEY_ARNS": "ARN"}, None),
        ({"WARMKEY_KMS_MODE": "discovery"}, None),
        (SHOWN_BRANCH_KEYS, None),
        (SHOWN_BRANCH_KEYS | {"WARMKEY_KMS_KEY_ARNS": None}, "WARMKEY_KMS_KEY_ARNS"),
        (SHOWN_BRANCH_KEYS | {"WARMKEY_BRANCH_KEY_CONTEXT_KEY": None}, "WARMKEY_BRANCH_KEY_CONTEXT_KEY"),
        (SHOWN_BRANCH_KEYS | {"WARMKEY_BRANCH_KEY_CONTEXT_KEY": None, "WARMKEY_BRANCH_KEY_ID": "acme"}, None),
    ],
)
def test_the_settings_that_the_pages_call_required_are_those_that_are_asked_for(
    variables: dict[str, str | None], missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        if value is not None:
            monkeypatch.setenv(name, EXAMPLE_KEY_ARN if value == "ARN" else value)

    if missing is None:
        read_settings({})
    else:
        with pytest.raises(warmkey.ConfigurationError, match=missing):
            read_settings({})


def shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return "none" if default == () else str(default)


def test_the_snippet_that_attaches_the_layer_satisfies_cfn_lint(tmp_path: Path) -> None:
    (snippet,) = blocks(README, "yaml")
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE_AROUND + textwrap.indent(snippet.text, "  "))

    lint = Path(sysconfig.get_path("scripts"), "cfn-lint")
    if not lint.exists():
        pytest.skip("cfn-lint is not in this environment; it is in that of `make test`")
    command = [lint, "--regions", "us-west-2", "--", template]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert (done.stdout, done.returncode) == ("", 0)


TEMPLATE_AROUND = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, Handler: app.handler, CodeUri: "s3://bucket/key", Architectures: [arm64]}
Resources:
  MyKey:
    Type: AWS::KMS::Key
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {EnableKeyRotation: true}
"""


# ---------------------------------------------------------------------------------------------------- docs/testing.md


def test_the_page_on_testing_is_a_test_suite_that_passes(tmp_path: Path) -> None:
    conftest, *tests = [block.text for block in blocks(TESTING, "python")]
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_page.py").write_text("\n\n".join(tests))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARMKEY_"))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(test.count('def test_') for test in tests)} passed" in done.stdout


# --------------------------------------------------------------------------------------------------- docs/tutorial.md

TUTORIAL = ROOT / "docs/tutorial.md"


def test_the_test_of_the_tutorial_passes_beside_its_handler(tmp_path: Path) -> None:
    handler, test = [block.text for block in blocks(TUTORIAL, "python")]
    (tmp_path / "app.py").write_text(handler)
    (tmp_path / "test_app.py").write_text(test)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARMKEY_"))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


# ----------------------------------------------------------------------------------------------------- docs/errors.md


class LambdaContext:
    """What a handler gets."""

    aws_request_id = "1"

    def __init__(self, tenant_id: str | None = None) -> None:
        self.tenant_id = tenant_id

    def get_remaining_time_in_millis(self) -> int:
        return 1


def decrypt_what_another_key_encrypted(kms: KmsSession) -> None:
    other = kms.client.create_key()
    message = warmkey.Client().encrypt(b"", keyring=warmkey.AwsKmsKeyring(other, kms_client=kms.client)).ciphertext
    warmkey.decrypt(message)


def decrypt_of(message: Callable[[bytes], Any]) -> Callable[[KmsSession], object]:
    return lambda _kms: warmkey.decrypt(message(warmkey.encrypt(b"note", {"tenant": "acme"})))


def fail_with(fault: str) -> Callable[[KmsSession], object]:
    def trouble(kms: KmsSession) -> None:
        kms.client.fail(error=fault)
        warmkey.encrypt(b"")

    return trouble


def configured(**settings: object) -> Callable[[KmsSession], object]:
    def trouble(kms: KmsSession) -> None:
        kms.configure(**settings)  # type: ignore[arg-type]
        warmkey.encrypt(b"")

    return trouble


def with_branch_keys(call: Callable[[BranchKeyStore, FakeDynamoDb], object]) -> Callable[[KmsSession], object]:
    def trouble(kms: KmsSession) -> None:
        table = FakeDynamoDb()
        store = BranchKeyStore("keys", kms_key_arn=kms.key_arn, kms_client=kms.client, dynamodb_client=table)
        store.create_table()
        store.create_key("acme", {"tenant": "acme"})
        call(store, table)

    return trouble


def encrypt_for(store: BranchKeyStore, tenant: str, *, under: str = "tenant") -> None:
    keyring = AwsKmsHierarchicalKeyring(store, branch_key_id_supplier=lambda pairs: pairs[under], ttl_seconds=60)
    warmkey.Client().encrypt(b"", keyring=keyring, encryption_context={"tenant": tenant})


def fail_to_read(store: BranchKeyStore, table: FakeDynamoDb) -> None:
    table.fail(error="denied")
    encrypt_for(store, "acme")


def rotate_after_another(store: BranchKeyStore, table: FakeDynamoDb) -> None:
    def rotate_first(call: DynamoDbCall) -> None:
        if call.operation == "TransactWriteItems":
            table.latency = None
            store.version_key("acme")

    table.latency = rotate_first
    store.version_key("acme")


def configured_too_late(_kms: KmsSession) -> None:
    client = DefaultClient()  # under a fixture the one of the helpers may always be configured
    client.get()
    client.configure(Overrides())


def with_variables(**variables: str) -> Callable[[KmsSession], object]:
    def trouble(kms: KmsSession) -> None:
        os.environ.update(variables)  # the session puts the environment back
        configured()(kms)

    return trouble


def without_key(_kms: KmsSession) -> None:
    del os.environ["WARMKEY_KMS_KEY_ARNS"]
    configured()(_kms)


def uncommitted(kms: KmsSession) -> None:
    forbids = warmkey.CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    keyring = warmkey.AwsKmsKeyring(kms.key_arn, kms_client=kms.client)
    warmkey.decrypt(warmkey.Client(commitment_policy=forbids).encrypt(b"", keyring=keyring).ciphertext)


SEALED = {"id": 1, "card": "x", "lines": [{"note": "y"}]}


def unsealed(change: dict[str, object], bound_to: object = None) -> Callable[[KmsSession], object]:
    def trouble(_kms: KmsSession) -> None:
        stored = warmkey.seal_record(SEALED, ["card", ("lines", 0, "note")], bound_to=["id"])
        whole = {name: value for name, value in {**stored, **change}.items() if value is not None}
        warmkey.unseal_record(whole, bound_to=bound_to)  # type: ignore[arg-type]

    return trouble


def open_late(kms: KmsSession) -> None:
    token = warmkey.seal_token(b"", expires_in=60)
    kms.clock.tick(60)
    warmkey.open_token(token)


def of_a_tenant(kms: KmsSession, context: LambdaContext) -> None:
    kms.configure(tenant_context_key="tenant")
    with warmkey.instrument(context):
        warmkey.encrypt(b"", {"tenant": "another"})


def unseal_what_is_no_record(_kms: KmsSession) -> None:
    restore(SEALED, b"{}", bound_to=None, under="_sealed")


TROUBLE: list[tuple[str, Callable[[KmsSession], object]]] = [
    ("WARMKEY_KMS_KEY_ARNS is missing", without_key),
    (
        "WARMKEY_KMS_KEY_ARN is not a setting of warmkey; did you mean WARMKEY_KMS_KEY_ARNS?",
        with_variables(WARMKEY_KMS_KEY_ARN="x"),
    ),
    ("WARMKEY_KMS_KEY_ARNS names 'alias/orders', which is not a key ARN", configured(kms_key_arns="alias/orders")),
    ("configure() came after the first use of warmkey", configured_too_late),
    (
        "the encryption context is the LambdaContext of your handler",
        lambda _: warmkey.encrypt(b"", LambdaContext()),  # type: ignore[arg-type]
    ),
    ("the plaintext must be bytes, not str; text becomes bytes by .encode()", lambda _: warmkey.encrypt("")),  # type: ignore[arg-type]
    (
        "an encryption context value must be str, not int",
        lambda _: warmkey.encrypt(b"", {"order": 1}),  # type: ignore[dict-item]
    ),
    ("the encryption context lacks 'tenant'", configured(required_context_keys="tenant")),
    (
        "the encryption context must have 'tenant' with the tenant ID of the current invocation",
        lambda kms: of_a_tenant(kms, LambdaContext(tenant_id="acme")),
    ),
    (
        "WARMKEY_TENANT_CONTEXT_KEY is set, and the current tenant is not known",
        lambda kms: of_a_tenant(kms, LambdaContext()),
    ),
    ("this is the base64 text of a message; decode it first", decrypt_of(base64.b64encode)),
    ("is not the base64 that encrypt_text gives", lambda _: warmkey.decrypt_text("no message")),
    ("type at byte 1: must be 0x80", lambda _: warmkey.decrypt(b"\x01\x02\x02\x00x")),
    ("version at byte 0: 123 is unknown", lambda _: warmkey.decrypt(b'{"note": "hello"}')),
    ("this is not an AWS Encryption SDK message; it looks like JSON", lambda _: warmkey.decrypt(b'{"note": "hello"}')),
    ("is in quotation marks; leave them out", configured(kms_key_arns='"arn:aws:kms:us-east-1:111122223333:key/1"')),
    ("is JSON; give the ARNs themselves", with_variables(WARMKEY_KMS_KEY_ARNS='["alias/orders"]')),
    ("kms_client must be a client of KMS", configured(kms_client="kms")),
    ("needs 32 bytes, 17 left", decrypt_of(lambda message: message[:20])),
    (
        "the message's encryption context has another value for 'tenant' than the one you supplied",
        lambda _: warmkey.decrypt(warmkey.encrypt(b"", {"tenant": "acme"}), {"tenant": "other"}),
    ),
    ("allows decrypting only with key commitment, and the message uses ", uncommitted),
    (
        "the message is a sealed record; open it with warmkey.unseal_record",
        lambda _: warmkey.decrypt(warmkey.seal_record(SEALED, ["card"])["_sealed"]),
    ),
    ("the message is a token", lambda _: warmkey.decrypt(base64.urlsafe_b64decode(warmkey.seal_token(b"") + "=="))),
    ("the record's id is not the one that its sealed fields are bound to", unsealed({"id": 2})),
    ("the sealed fields are bound to another id than bound_to expects", unsealed({}, {"id": 2})),
    (
        "bound_to names id, which the sealed fields are not bound to",
        lambda _: warmkey.unseal_record(warmkey.seal_record(SEALED, ["card"]), bound_to={"id": 1}),
    ),
    (
        "a list that holds sealed fields was edited or reordered since the record was sealed",
        unsealed({"lines": [{}, {}]}),
    ),
    ("the field card is sealed and is also in the record unencrypted", unsealed({"card": "z"})),
    ("the record has no field _sealed, so nothing in it is known to have been sealed", unsealed({"_sealed": None})),
    ("the record has no field card", lambda _: warmkey.seal_record({"id": 1}, ["card"])),
    ("is not a sealed record of version 1, as seal_record writes it", unseal_what_is_no_record),
    ("the token has expired", open_late),
    ("is not the unpadded base64url that seal_token gives", lambda _: warmkey.open_token("token\n")),
    ("KMS answered AccessDeniedException", fail_with("denied")),
    ("KMS answered NotFoundException", fail_with("not-found")),
    (
        "KMS answered InvalidCiphertextException",
        lambda _: warmkey.decrypt(warmkey.encrypt(b"", {"tenant": "acme"}), {"shop": "books"}),
    ),
    (
        "the message does not store the encryption context key 'shop', which you supplied",
        lambda _: warmkey.decrypt(warmkey.encrypt(b"", {"tenant": "acme"}), {"shop": "books"}),
    ),
    ("KMS answered ExpiredTokenException", fail_with("expired-credentials")),
    ("NoCredentialsError", fail_with("no-credentials")),
    ("ReadTimeoutError", fail_with("timeout")),
    ("ConnectTimeoutError", fail_with("connect-timeout")),
    ("EndpointConnectionError", fail_with("unreachable")),
    ("KMS answered ThrottlingException", fail_with("throttled")),
    (
        "there is no branch key for this encryption context",
        with_branch_keys(lambda store, _: encrypt_for(store, "acme", under="shop")),
    ),
    ("the key store has no usable item", with_branch_keys(lambda store, _: encrypt_for(store, "other"))),
    ("DynamoDB GetItem failed", with_branch_keys(fail_to_read)),
    (
        "exists already, so nothing was written",
        with_branch_keys(lambda store, _: store.create_key("acme", {"tenant": "acme"})),
    ),
    ("was changed since it was read, so nothing was written", with_branch_keys(rotate_after_another)),
    ("none of the configured keys", decrypt_what_another_key_encrypted),
]


@pytest.mark.parametrize(("excerpt", "trouble"), TROUBLE, ids=[excerpt for excerpt, _ in TROUBLE])
def test_the_page_on_errors_quotes_what_is_said(excerpt: str, trouble: Callable[[KmsSession], object]) -> None:
    assert f"`{excerpt}" in (ROOT / "docs/errors.md").read_text()
    with fake_kms() as kms, pytest.raises(warmkey.WarmkeyError, match=re.escape(excerpt)):
        trouble(kms)


# ------------------------------------------------------------------------------------------------------- examples


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    with kms_server() as url:
        yield url


def run_example(name: str, *arguments: str, kms_url: str) -> subprocess.CompletedProcess[str]:
    """Run it as its docstring says, against the KMS server on this machine."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARMKEY_"))}
    return subprocess.run(
        [sys.executable, f"examples/{name}.py", *arguments],
        cwd=ROOT,
        env=environment | AWS_VARIABLES | {"AWS_ENDPOINT_URL_KMS": kms_url, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_encrypt_a_string_prints_a_message_that_its_key_decrypts(kms_url: str) -> None:
    key_arn = create_key(kms_url)
    before = request_counts(kms_url)["GenerateDataKey"]

    example = run_example("encrypt_a_string", key_arn, "60", "10", kms_url=kms_url)

    assert (example.returncode, example.stderr) == (0, "")
    assert before + 1 == request_counts(kms_url)["GenerateDataKey"]
    client = boto3.client("kms", region_name=REGION, endpoint_url=kms_url, **_CREDENTIALS)
    keyring = warmkey.AwsKmsKeyring(key_arn, kms_client=client)
    result = warmkey.Client().decrypt(base64.b64decode(example.stdout), keyring=keyring)
    assert result.plaintext == b"My plaintext data"
    assert result.encryption_context.items() >= {"purpose": "test"}.items()
    assert "purpose = test" in inspect(example.stdout)


def inspect(text: str) -> str:
    """What `warmkey inspect --base64 -` says."""
    command = [sys.executable, "-m", "warmkey", "inspect", "--base64", "-"]
    environment = os.environ | {"PYTHONPATH": "src"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, input=text, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@pytest.mark.parametrize(
    ("max_age", "capacity", "problem"),
    [
        ("0", "10", "max_age must be a finite number of seconds greater than 0, not 0.0"),
        ("60", "-1", "capacity must be an int of 0 or more, not -1"),
    ],
)
def test_encrypt_a_string_says_what_is_wrong(kms_url: str, max_age: str, capacity: str, problem: str) -> None:
    example = run_example("encrypt_a_string", EXAMPLE_KEY_ARN, max_age, capacity, kms_url=kms_url)

    assert example.returncode == 1
    assert example.stderr.startswith(f"ConfigurationError: {problem}")


def test_encrypt_a_string_wants_a_key_arn(kms_url: str) -> None:
    example = run_example("encrypt_a_string", "alias/orders", "60", "10", kms_url=kms_url)

    assert "'alias/orders' is not a key ARN" in example.stderr


def test_changing_the_key_keeps_old_messages_readable_and_wraps_under_the_new_key_alone(kms_url: str) -> None:
    old, new = create_key(kms_url), create_key(kms_url)

    example = run_example("change_the_key", old, new, kms_url=kms_url)

    lines = [line for line in example.stdout.splitlines() if "readable" in line]
    assert lines == [f"from before: readable with {old}", f"from now on: readable with {new}"]


def test_each_of_two_regions_asks_the_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = FakeKms("eu-west-1")
    there = FakeKms("us-east-1", world=here.world)
    key_arn = here.create_key(multi_region=True)
    replica_key_arn = here.replicate_key(key_arn, "us-east-1")
    regions = {"eu-west-1": here, "us-east-1": there}
    monkeypatch.setattr(boto3, "client", lambda _service, *, region_name, **_options: regions[region_name])

    message = two_regions.encrypt_here(key_arn)
    plaintext = two_regions.decrypt_there(message, replica_key_arn)
    warmkey.reset()

    assert plaintext == b"My plaintext data"
    assert [call.key_arn for call in here.calls] == [key_arn]
    assert [call.key_arn for call in there.calls] == [replica_key_arn]
