"""``warmkey keystore``, over fakes: what it prints, readable and as JSON, and what it never prints."""

from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.branch_keys.key_store import ACTIVE, TABLE, KeyStore, version_type
from tests.cli.exit_code import exit_code
from warmkey.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "the value of a context"


class Shell:
    """``warmkey keystore`` over one table and one KMS."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.keys = KeyStore()
        self.regions: list[str | None] = []
        self._capture = capture
        self.out = ""
        self.err = ""

    def __call__(self, action: str, *arguments: str) -> int:
        """Run it; the exit code. What it printed is kept."""
        code = exit_code(
            ["keystore", action, "--table", TABLE, *arguments],
            kms_clients=lambda _region: self.keys.kms,
            dynamodb_clients=self._dynamodb,
        )
        self.out, self.err = self._capture.readouterr()
        return code

    def _dynamodb(self, region: str | None) -> Any:
        self.regions.append(region)
        return self.keys.dynamodb

    def with_key(self, action: str, *arguments: str) -> int:
        return self(action, "--kms-key-arn", self.keys.key_arn, *arguments)

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_create_table_prints_its_arn(shell: Shell) -> None:
    assert shell("create-table", "--json") == 0
    assert shell.json == {"table_arn": f"arn:aws:dynamodb:us-east-1:111122223333:table/{TABLE}"}

    assert shell("create-table") == 0
    assert shell.out.startswith("arn:aws:dynamodb:")


def test_create_prints_the_id(shell: Shell) -> None:
    assert shell.with_key("create", "--id", "tenant-a", "--context", f"tenant={SECRET}") == 0
    assert shell.out == "tenant-a\n"
    assert shell.with_key("create", "--json") == 0
    assert uuid.UUID(shell.json["branch_key_id"]).version == 4

    materials = shell.keys.store.get_active_branch_key("tenant-a")
    assert materials.encryption_context == {"tenant": SECRET}
    assert set(shell.regions) == {"us-east-1"}


def test_create_under_a_logical_name(shell: Shell) -> None:
    assert shell.with_key("create", "--id", "a", "--context", "k=v", "--logical-name", "logical") == 0

    shell.keys.another(logical_key_store_name="logical").get_active_branch_key("a")


def test_rotate_prints_the_new_versions(shell: Shell) -> None:
    for branch_key_id in ("a", "b"):
        shell.keys.create(branch_key_id)

    assert shell.with_key("rotate", "a", "b", "--json") == 0

    assert shell.json == {
        "rotated": [
            {
                "branch_key_id": branch_key_id,
                "active_version": shell.keys.store.get_active_branch_key(branch_key_id).branch_key_version,
            }
            for branch_key_id in ("a", "b")
        ]
    }
    assert shell.with_key("rotate", "a") == 0
    assert shell.out == f"a  version {shell.keys.store.get_active_branch_key('a').branch_key_version}\n"


def test_a_replica_may_rotate(shell: Shell) -> None:
    shell.keys = KeyStore(multi_region=True)
    shell.keys.create("a")

    assert shell("rotate", "a", "--kms-mrk-key-arn", shell.keys.key_arn) == 0


def test_list_passes_over_types_that_it_does_not_know(shell: Shell) -> None:
    for branch_key_id in ("b", "a"):
        shell.keys.create(branch_key_id)
    shell.keys.store.version_key("a")
    for item_type in ("branch:MUTATION_COMMITMENT", "branch:MUTATION_INDEX", "something else"):
        shell.keys.dynamodb.put(TABLE, {"branch-key-id": {"S": "mutated"}, "type": {"S": item_type}, "x": {"B": b"x"}})

    assert shell("list", "--json") == 0

    first, second = shell.json["branch_keys"]
    assert (first["branch_key_id"], second["branch_key_id"]) == ("a", "b")
    assert first["active_version"] == shell.keys.store.get_active_branch_key("a").branch_key_version
    assert (len(first["versions"]), len(second["versions"])) == (2, 1)
    assert first["encryption_context_keys"] == ["purpose", "tenant"]
    assert first["kms_key_arn"] == shell.keys.key_arn
    assert shell("list") == 0
    assert [line.split()[0] for line in shell.out.splitlines()] == ["a", "b"]
    assert shell.out.splitlines()[0].endswith("2 versions")
    assert shell.keys.kms.count("Decrypt") == 1  # the test's own


def test_what_the_table_says_stays_on_its_line_and_reaches_no_terminal_as_a_command(shell: Shell) -> None:
    shell.keys.create()
    shell.keys.change(ACTIVE, create_time={"S": "now\x1b[2J\nb  active"}, **{"aws-crypto-ec:\x07": {"S": "v"}})

    assert shell("list") == 0
    assert shell.out.splitlines() == [line for line in shell.out.split("\n") if line]
    assert r"now\x1b[2J\nb  active" in shell.out
    assert shell("show", "tenant-a") == 0
    assert all(line.isprintable() for line in shell.out.splitlines())
    assert r"\x07" in shell.out


def test_list_of_an_empty_table(shell: Shell) -> None:
    assert shell("list") == 0
    assert shell.out == "no branch keys\n"
    assert shell("list", "--json") == 0
    assert shell.json == {"branch_keys": []}


def test_list_reads_every_page(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        shell.keys.create(str(number))
    scan = shell.keys.dynamodb.scan
    monkeypatch.setattr(shell.keys.dynamodb, "scan", lambda **parameters: scan(**parameters, Limit=4))

    assert shell("list", "--json") == 0

    assert [each["branch_key_id"] for each in shell.json["branch_keys"]] == list("01234")


def test_show_tells_versions(shell: Shell) -> None:
    shell.keys.create("a")
    old = shell.keys.store.get_active_branch_key("a").branch_key_version
    shell.keys.store.version_key("a")
    new = shell.keys.store.get_active_branch_key("a").branch_key_version

    assert shell("show", "a", "--json") == 0

    assert [each["version"] for each in shell.json["versions"]] == [old, new]
    assert shell.json["active_version"] == new
    assert shell.json["has_beacon_key"] is True
    assert shell("show", "a") == 0
    lines = shell.out.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == [old, new]
    assert lines[-1].endswith("active")


def test_show_of_what_is_broken_says_what_is_there(shell: Shell) -> None:
    shell.keys.create("a")
    version = shell.keys.item("branch:ACTIVE", "a")["version"]["S"]
    for item_type in ("branch:ACTIVE", "beacon:ACTIVE"):
        shell.keys.dynamodb.remove(TABLE, "a", item_type)

    assert shell("show", "a") == 0

    assert "beacon key        missing" in shell.out
    assert version_type(shell.out.splitlines()[-1].split()[0]) == version


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (lambda shell: shell("show", "nothing"), "table 'branch-keys' has no branch key 'nothing'"),
        (lambda shell: shell("show", ""), "branch key ID must be a str that is not empty"),
        (lambda shell: shell.with_key("rotate", "nothing"), "branch key 'nothing' in table 'branch-keys'"),
        (lambda shell: shell.with_key("create", "--id", "x"), "needs an encryption context (--context)"),
    ],
    ids=["show nothing", "show empty", "rotate nothing", "no context"],
)
def test_failures_are_one_line_on_standard_error(
    shell: Shell, capsys: pytest.CaptureFixture[str], run: Callable[[Shell], int], problem: str
) -> None:
    assert run(shell) == 1

    err = shell.err or capsys.readouterr().err
    assert err.startswith("warmkey: ")
    assert problem in err
    assert shell.out == ""


def test_an_existing_id_is_a_conflict(shell: Shell) -> None:
    shell.keys.create("a")

    assert shell.with_key("create", "--id", "a", "--context", "k=v") == 1
    assert "exists already" in shell.err


@pytest.mark.parametrize("arguments", [("create",), ("rotate",), ("rotate", "a")])
def test_what_writes_needs_a_key(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments) == 2


def test_nothing_secret_is_printed(shell: Shell) -> None:
    shell.with_key("create", "--id", "a", "--context", f"tenant={SECRET}")
    printed = [shell.out, shell.err]
    for action, *more in (("list",), ("list", "--json"), ("show", "a"), ("show", "a", "--json")):
        shell(action, *more)
        printed += [shell.out, shell.err]
    shell.with_key("rotate", "a", "--json")
    printed += [shell.out, shell.err]
    shell.with_key("create", "--id", "a", "--context", f"tenant={SECRET}")
    printed += [shell.out, shell.err]

    assert SECRET not in "".join(printed)


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_for_those_who_look(shell: Shell, monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> None:
    for branch_key_id in ("a", "b"):
        shell.keys.create(branch_key_id)
    for number in range(100):
        shell.keys.dynamodb.put(TABLE, {"branch-key-id": {"S": "x"}, "type": {"S": f"unknown {number}"}})
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    options = ["--quiet"] if quiet else []

    shell.with_key("rotate", "a", "b", *options)
    shell("list", *options)

    assert ("rotating 2 of 2" in terminal.getvalue()) is not quiet
    assert ("100 items" in terminal.getvalue()) is not quiet


def test_a_table_in_another_region(shell: Shell) -> None:
    shell("list", "--region", "eu-west-1")
    shell("list")

    assert shell.regions == ["eu-west-1", None]


def test_its_own_clients(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    code = main(["keystore", "list", "--table", TABLE, "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:9"])

    assert code == 1
    assert "DynamoDB Scan failed" in capsys.readouterr().err


def test_a_branch_key_that_is_deleted_while_it_is_rotated_is_an_error(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.with_key("create", "--id", "x", "--context", "tenant=a")
    monkeypatch.setattr("warmkey.cli.keystore.listed", lambda items: list(items)[:0])

    assert shell.with_key("rotate", "x") == 1
    assert "table 'branch-keys' has no branch key 'x'" in shell.err
    assert shell.out == "x  version not known\n"


def test_what_was_rotated_before_one_failed_is_printed(shell: Shell) -> None:
    shell.with_key("create", "--id", "a", "--context", "tenant=a")
    before = shell.keys.store.get_active_branch_key("a").branch_key_version

    assert shell.with_key("rotate", "a", "nothing", "--json") == 1
    after = shell.keys.store.get_active_branch_key("a").branch_key_version
    assert before != after
    assert shell.json == {"rotated": [{"branch_key_id": "a", "active_version": after}]}
    assert "'nothing'" in shell.err
    assert shell.with_key("rotate", "nothing", "a") == 1
    assert shell.out == ""
