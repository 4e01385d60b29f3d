"""What README and docs show runs, and what they name is there."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

import warmkey
from examples import change_the_key, two_regions
from examples.demo.kms_server import REGION, create_key, kms_server, request_counts
from warmkey.lambda_runtime.settings import VARIABLES
from warmkey.testing import FakeKms, KmsSession, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
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
pages_with_python = pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=id_of)


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
    return names


@pages_with_python
def test_every_python_block_runs(page: Path, kms: KmsSession) -> None:
    run(page, kms)


@pages
def test_every_warmkey_variable_is_a_setting(page: Path) -> None:
    named = set(re.findall(r"\bWARMKEY_[A-Z_]*[A-Z]\b", page.read_text()))

    assert set() == named - VARIABLES.keys()


@pages
def test_every_warmkey_name_exists(page: Path) -> None:
    named = set(re.findall(r"\bwarmkey\.([A-Za-z]\w*)", page.read_text()))
    missing = {name for name in named if not _exists(name)}

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


@pages
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?://)[^)#]*)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if link and not (page.parent / link).exists()]

    assert broken == []


@pages
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


_CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


@pytest.mark.parametrize(
    ("max_age", "capacity", "problem"), [("0", "10", "max_age is 0.0"), ("60", "-1", "capacity is -1")]
)
def test_encrypt_a_string_says_what_is_wrong(kms_url: str, max_age: str, capacity: str, problem: str) -> None:
    example = run_example("encrypt_a_string", EXAMPLE_KEY_ARN, max_age, capacity, kms_url=kms_url)

    assert example.returncode == 1
    assert example.stderr.startswith(f"ConfigurationError: {problem}")


def test_encrypt_a_string_wants_a_key_arn(kms_url: str) -> None:
    example = run_example("encrypt_a_string", "alias/orders", "60", "10", kms_url=kms_url)

    assert "'alias/orders' is no key ARN" in example.stderr


def test_changing_the_key_keeps_old_messages_readable_and_wraps_under_the_new_key_alone(
    kms: KmsSession, capsys: pytest.CaptureFixture[str]
) -> None:
    warmkey.reset()
    new_key_arn = kms.client.create_key()["KeyMetadata"]["Arn"]

    change_the_key.main([kms.key_arn, new_key_arn])

    lines = [line for line in capsys.readouterr().out.splitlines() if "readable" in line]
    assert lines == [f"from before: readable with {kms.key_arn}", f"from now on: readable with {new_key_arn}"]


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
