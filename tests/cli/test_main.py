"""The command line as a whole: what it does with files, keys and failures."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from benchmarks.loopback_kms import loopback_kms
from tests.cli.exit_code import exit_code
from tests.client_apis.sources import MEGABYTE, message_of, plaintext_of
from warmkey import AwsKmsKeyring, Client
from warmkey.cli.main import _clients_of, _parser, main
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import FakeKms, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SIGNED, UNSIGNED = "0x0578", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY"


class Shell:
    """A directory with files, a KMS, and ``warmkey``."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self._directory = directory
        self._capture = capture
        self.kms = FakeKms("eu-west-1")
        self.key_arn = self.kms.create_key()
        self.regions: list[str | None] = []
        self.out = b""
        self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run it; the exit code. What it printed is kept."""
        code = exit_code(arguments, kms_clients=self._client)
        printed = self._capture.readouterr()
        self.out, self.err = printed.out, printed.err.decode()
        return code

    def _client(self, region: str | None) -> FakeKms:
        self.regions.append(region)
        return self.kms

    def write(self, name: str, data: bytes) -> str:
        (self._directory / name).write_bytes(data)
        return self.path(name)

    def path(self, name: str) -> str:
        return str(self._directory / name)

    def read(self, name: str) -> bytes:
        return (self._directory / name).read_bytes()

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self._directory.iterdir())

    def encrypted(self, plaintext: bytes, *options: str) -> bytes:
        """A message under the key, by the command."""
        source, target = self.write("plaintext", plaintext), self.path("message")
        assert self("encrypt", "--key-arn", self.key_arn, *options, source, target) == 0, self.err
        return self.read("message")


@pytest.fixture
def shell(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Shell:
    return Shell(tmp_path, capsysbinary)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    return lambda data: monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


# ---------------------------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("length", [0, 1, 4096, 300_000])
def test_there_and_back(shell: Shell, suite: str, length: int) -> None:
    plaintext = plaintext_of(length)
    shell.encrypted(plaintext, "--suite", suite, "--context", "tenant=a", "--context", "formula=a=b")

    assert shell("decrypt", "--key-arn", shell.key_arn, shell.path("message"), shell.path("copy")) == 0
    assert shell.read("copy") == plaintext
    assert (shell.out, shell.err) == (b"", "")
    assert set(shell.regions) == {"eu-west-1"}


def test_the_library_reads_it(shell: Shell) -> None:
    message = shell.encrypted(b"text", "--context", "formula=a=b", "--frame-length", "100")

    result = Client().decrypt(message, keyring=AwsKmsKeyring(shell.key_arn, kms_client=shell.kms))
    assert (result.plaintext, result.header.frame_length) == (b"text", 100)
    assert result.algorithm_suite.signature is not None
    assert result.encryption_context["formula"] == "a=b"


@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
def test_from_standard_input_to_standard_output(shell: Shell, suite: str, stdin: Callable[[bytes], None]) -> None:
    stdin(b"text")
    assert shell("encrypt", "--key-arn", shell.key_arn, "--suite", suite, "-", "-") == 0
    stdin(shell.out)
    assert shell("decrypt", "--key-arn", shell.key_arn, "-", "-") == 0

    assert shell.out == b"text"
    assert shell.names == []


def test_frames_of_a_length_that_suits_a_large_file(shell: Shell) -> None:
    shell.encrypted(b"text", "--frame-length", "auto")

    assert shell("inspect", "--json", shell.path("message")) == 0
    assert json.loads(shell.out)["frame_length"] == 2**16


def test_from_base64(shell: Shell, stdin: Callable[[bytes], None]) -> None:
    stdin(base64.encodebytes(shell.encrypted(b"text")))

    assert shell("decrypt", "--key-arn", shell.key_arn, "--base64", "-", "-") == 0
    assert shell.out == b"text"


@pytest.mark.parametrize("length", [0, 1, 2, 3, 300_000])
def test_base64_on_encrypt_is_what_decrypt_text_takes(shell: Shell, length: int) -> None:
    text = shell.encrypted(plaintext_of(length), "--base64", "--context", "tenant=a").decode()

    message = base64.b64decode(text, validate=True)
    assert base64.b64encode(message).decode() == text
    assert Client().decrypt(message, keyring=AwsKmsKeyring(shell.key_arn, kms_client=shell.kms)).plaintext == (
        plaintext_of(length)
    )
    assert shell("decrypt", "--key-arn", shell.key_arn, "--base64", shell.path("message"), "-") == 0
    assert shell.out == plaintext_of(length)


@pytest.mark.parametrize("command", ["encrypt", "decrypt"])
@pytest.mark.parametrize("as_name", ["file", "link", "twin", "./file"])
@pytest.mark.parametrize("from_name", ["file", "-"])
def test_the_input_is_never_overwritten(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str, as_name: str, from_name: str
) -> None:
    file = Path(shell.write("file", b"text"))
    Path(shell.path("link")).symlink_to(file)
    Path(shell.path("twin")).hardlink_to(file)
    with file.open("rb") as opened:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(opened))
        source = from_name if from_name == "-" else shell.path(from_name)
        assert shell(command, "--key-arn", shell.key_arn, source, shell.path(as_name)) == 2

    assert "is the input too; write to another file" in shell.err
    assert shell.read("file") == b"text"
    assert shell.kms.calls == []


def test_each_of_several_keys_decrypts(shell: Shell) -> None:
    other = shell.kms.create_key()
    shell.encrypted(b"text", "--key-arn", other)

    for key_arn in (shell.key_arn, other):
        assert shell("decrypt", "--key-arn", key_arn, shell.path("message"), "-") == 0
        assert shell.out == b"text"


def test_long_input_shows_progress_unless_quiet(shell: Shell) -> None:
    with Path(shell.path("long")).open("wb") as file:
        file.truncate(33 * MEGABYTE)
    arguments = ("encrypt", "--key-arn", shell.key_arn, "--suite", UNSIGNED, shell.path("long"), os.devnull)

    assert shell(*arguments) == 0
    assert shell.err == "warmkey: 32 of 33 MiB\n"
    assert shell(*arguments, "--quiet") == 0
    assert shell.err == ""


# -------------------------------------------------------------------------------------------------------- when it fails


def damaged(message: bytes, position: int) -> bytes:
    changed = bytearray(message)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("damage", ["changed", "cut"])
def test_a_damaged_message_leaves_no_file(shell: Shell, suite: str, damage: str) -> None:
    message = shell.encrypted(plaintext_of(300_000), "--suite", suite)
    shell.write("message", damaged(message, -1) if damage == "changed" else message[:-1])
    before = shell.names

    assert shell("decrypt", "--key-arn", shell.key_arn, shell.path("message"), shell.path("copy")) == 1
    assert shell.names == before
    assert shell.err.startswith("warmkey: ")
    assert len(shell.err.splitlines()) == 1


def test_nothing_of_a_signed_message_is_printed_before_its_signature_is_verified(shell: Shell) -> None:
    shell.write("message", damaged(shell.encrypted(plaintext_of(300_000), "--suite", SIGNED), -1))

    assert shell("decrypt", "--key-arn", shell.key_arn, shell.path("message"), "-") == 1
    assert shell.out == b""
    assert "signature" in shell.err


def test_a_device_is_written_to_and_not_replaced(shell: Shell) -> None:
    shell.encrypted(b"text")

    assert shell("decrypt", "--key-arn", shell.key_arn, shell.path("message"), os.devnull) == 0
    assert not Path(os.devnull).is_file()


def test_signed_messages_can_be_refused(shell: Shell) -> None:
    shell.encrypted(b"text")

    assert shell("decrypt", "--key-arn", shell.key_arn, "--unsigned-only", shell.path("message"), "-") == 1
    assert "--unsigned-only" in shell.err


def test_a_context_that_differs_is_refused(shell: Shell) -> None:
    shell.encrypted(b"text", "--context", "tenant=a")
    arguments = ("decrypt", "--key-arn", shell.key_arn, shell.path("message"), "-")

    assert shell(*arguments, "--context", "tenant=a") == 0
    assert shell(*arguments, "--context", "tenant=b") == 1
    assert "'tenant'" in shell.err


def test_the_inside_of_a_token_is_shown_to_who_states_its_kind(shell: Shell) -> None:
    """docs/inspect.md says how."""
    with fake_kms() as session:
        shell.kms, shell.key_arn = session.client, session.key_arn
        shell.write("message", base64.urlsafe_b64decode(warmkey.seal_token("cursor", {"tenant": "a"}) + "=="))
    arguments = ("decrypt", "--key-arn", shell.key_arn, shell.path("message"), "-")

    assert shell(*arguments, "--context", "warmkey-kind=token") == 0
    assert shell.out.endswith(b"cursor")
    for wrong in ("warmkey-kind=record", "tenant=a"):
        assert shell(*arguments, "--context", wrong) == 1
        assert "the message is a token" in shell.err
    for never in ("warmkey-kind=", "aws-crypto-public-key=x"):
        assert shell(*arguments, "--context", never) == 2
    assert shell("encrypt", *arguments[1:], "--context", "warmkey-kind=token") == 2


def test_limits_are_passed_on(shell: Shell) -> None:
    shell.encrypted(b"text" * 100, "--key-arn", shell.kms.create_key())
    arguments = ("decrypt", "--key-arn", shell.key_arn, shell.path("message"), "-")

    assert shell(*arguments, "--max-encrypted-data-keys", "1") == 1
    assert "2 encrypted data keys" in shell.err
    assert shell(*arguments, "--max-body-length", "399") == 1
    assert "--max-body-length is 399" in shell.err


def test_the_commitment_policy_can_be_chosen(shell: Shell) -> None:
    source = shell.write("plaintext", b"")
    arguments = ("encrypt", "--key-arn", shell.key_arn, "--suite", "0x0178", source, shell.path("message"))

    assert shell(*arguments) == 1
    assert "REQUIRE_ENCRYPT_REQUIRE_DECRYPT" in shell.err
    assert shell(*arguments, "--commitment-policy", "FORBID_ENCRYPT_ALLOW_DECRYPT") == 0


def test_another_key_is_an_error_that_names_it(shell: Shell) -> None:
    shell.encrypted(b"text")
    other = shell.kms.create_key()

    assert shell("decrypt", "--key-arn", other, shell.path("message"), "-") == 1
    assert shell.err


@pytest.mark.parametrize("identifier", ["alias/mine", "arn:aws:kms:eu-west-1:111122223333:alias/mine", "1234abcd"])
def test_decrypting_takes_the_arn_of_a_key(shell: Shell, identifier: str) -> None:
    assert shell("decrypt", "--key-arn", identifier, "-", "-") == 2
    assert "so an alias can't decrypt" in shell.err


def test_an_alias_encrypts(shell: Shell) -> None:
    shell.kms.create_alias("alias/mine", shell.key_arn)
    source = shell.write("plaintext", b"")

    assert shell("encrypt", "--key-arn", "alias/mine", source, shell.path("message")) == 0
    assert shell.regions == [None]  # boto3's own


@pytest.mark.parametrize("command", ["encrypt", "decrypt", "inspect"])
def test_a_file_that_is_not_there(shell: Shell, command: str) -> None:
    options = () if command == "inspect" else ("--key-arn", shell.key_arn)
    output = () if command == "inspect" else (shell.path("out"),)

    assert shell(command, *options, shell.path("missing"), *output) == 1
    assert "does not exist; check its name" in shell.err
    assert shell.names == []


def test_a_directory_is_no_output(shell: Shell) -> None:
    source = shell.write("plaintext", b"")

    assert shell("encrypt", "--key-arn", shell.key_arn, source, shell.path("")) == 1
    assert "is a folder; name a file" in shell.err


A = ("--key-arn", "alias/x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required: COMMAND"),
        (("encrypt", "a", "b"), "--key-arn"),
        (("encrypt", *A, "--context", "tenant", "a", "b"), "must be KEY=VALUE"),
        (
            ("encrypt", *A, "--context", "k=1", "--context", "k=2", "a", "b"),
            "has the key 'k' twice",
        ),
        (("encrypt", *A, "--suite", "0x1234", "a", "b"), "choose one of 0x0014"),
        (("encrypt", *A, "--frame-length", "long", "a", "b"), "or auto, not str of length 4"),
        (("encrypt", *A, "--suite", "best", "a", "b"), "str of length 4 is not an algorithm suite"),
        (("encrypt", *A, "--context", "=x", "a", "b"), "str of length 2 has no key"),
        (("encrypt", *A, "--context", "tenant=", "a", "b"), "str of length 7 has no value"),
        (("encrypt", *A, "--context", "aws-crypto-public-key=x", "a", "b"), "'aws-crypto-public-key' is reserved"),
        (("encrypt", *A, *A, "a", "b"), "--key-arn has 'alias/x' twice"),
        (("encrypt", *A, "--frame-length", "-1", "a", "b"), "1 to 4294967295, or auto, not '-1'"),
        (("encrypt", *A, "--frame-length", "4294967296", "a", "b"), "or auto, not '4294967296'"),
        (("encrypt", "--key-arn", "", "a", "b"), "alias/NAME or a key ID, not str of length 0"),
        (("encrypt", "--key-arn", "arn:aws:kms:eu-west-1", "a", "b"), "'arn:aws:kms:eu-west-1' is not a valid"),
        (("encrypt", "--key-arn", "hunter2secret", "a", "b"), "a key ID, not str of length 13"),
        (("decrypt", "--key-arn", "hunter2secret", "a", "b"), "the ARN of a key, not str of length 13"),
        (("decrypt", "--key-arn", KEY, "--max-body-length", "0", "a", "b"), "integer in digits, 1 to"),
        (
            ("keystore", "create", "--table", "keys", "--kms-key-arn", "alias/a"),
            "must be the ARN of a key, not 'alias/a'",
        ),
        (("keystore", "list", "--table", "hunter2!"), "3 to 255 of A-Z a-z 0-9 _ . -, not str of length 8"),
        (("keystore", "rotate", "--table", "keys", "--kms-key-arn", "hunter2", "id"), "the ARN of a key, not str"),
        (("decrypt", "--key-arn", KEY, "--commitment-policy", "NONE", "a", "b"), "invalid choice"),
    ],
)
def test_a_wrong_command_line(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    assert shell(*arguments) == 2
    assert message in " ".join(shell.err.split())
    assert "hunter2" not in shell.err


def test_an_interruption_has_an_exit_code_of_its_own(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("warmkey.cli.commands.examine", interrupted)

    assert shell("inspect", shell.write("message", b"")) == 130


def test_keys_are_reached_through_boto3(tmp_path: Path) -> None:
    """Without ``kms_clients``, as on a real command line."""
    (tmp_path / "plaintext").write_bytes(b"text")
    with moto_kms() as kms:
        for command, source, target in (("encrypt", "plaintext", "message"), ("decrypt", "message", "copy")):
            assert main([command, "--key-arn", kms.key_arn, str(tmp_path / source), str(tmp_path / target)]) == 0
        assert kms.kms_calls.operations == ["GenerateDataKey", "Decrypt"]

    assert (tmp_path / "copy").read_bytes() == b"text"


AWS_CONFIG = """
[default]
region = eu-west-1
[profile mine]
region = eu-central-1
aws_access_key_id = mine
aws_secret_access_key = secret
"""


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS configuration, and no other."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(AWS_CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("options", "region"),
    [
        ((), "eu-west-1"),
        (("--profile", "mine"), "eu-central-1"),
        (("--profile", "mine", "--region", "us-east-1"), "us-east-1"),
        (("--region", "us-east-1"), "us-east-1"),
    ],
)
@pytest.mark.parametrize("command", ["encrypt", "decrypt"])
def test_the_client_is_that_of_the_options(command: str, options: tuple[str, ...], region: str) -> None:
    parsed = _parser().parse_args(
        [command, "--key-arn", KEY, *options, "--endpoint-url", "http://127.0.0.1:9", "a", "b"]
    )
    make = _clients_of("kms", parsed)

    assert make(None).meta.region_name == region
    assert make("ap-south-1").meta.region_name == "ap-south-1"  # an ARN's
    assert make(None).meta.endpoint_url == "http://127.0.0.1:9"


@pytest.mark.usefixtures("aws")
def test_a_kms_at_another_endpoint_is_asked_with_the_credentials_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "plaintext").write_bytes(b"text")
    with loopback_kms() as kms:
        options = ["--key-arn", kms.key_arn, "--profile", "mine", "--endpoint-url", kms.url]
        code = main(["encrypt", *options, str(tmp_path / "plaintext"), str(tmp_path / "message")])
        assert (code, len(kms.kms.calls)) == (0, 1)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--profile", "nope"), "The config profile (nope) could not be found. Name a profile"),
        (("--endpoint-url", "nowhere"), "Invalid endpoint: nowhere"),
        (("--region", "no region"), "no region"),
    ],
)
def test_what_boto3_refuses_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "plaintext").write_bytes(b"text")

    assert main(["encrypt", "--key-arn", "alias/a", *options, str(tmp_path / "plaintext"), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("warmkey: boto3 can't make a KMS client: ")
    assert problem in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_version(shell: Shell) -> None:
    assert shell("--version") == 0
    assert shell.out.decode() == f"warmkey {warmkey.__version__}\n"


# -------------------------------------------------------------------------------------------------------------- inspect


def test_inspect(shell: Shell) -> None:
    name = shell.write("message", message_of(b"text", pairs=[(b"tenant", b"a")]))

    assert shell("inspect", name) == 0
    assert b"tenant = a" in shell.out
    assert shell("inspect", "--json", name) == 0
    assert json.loads(shell.out)["encryption_context"] == {"tenant": "a"}
    assert shell.regions == []


def test_inspect_standard_input(shell: Shell, stdin: Callable[[bytes], None]) -> None:
    stdin(base64.b64encode(message_of(b"text")))

    assert shell("inspect", "--base64", "--json", "-") == 0
    assert json.loads(shell.out)["plaintext_length"] == 4


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_message_has_an_exit_code(shell: Shell, options: tuple[str, ...]) -> None:
    name = shell.write("message", message_of(b"text")[:-1])

    assert shell("inspect", *options, name) == 1
    assert "content" in shell.out.decode()


# ----------------------------------------------------------------------------------------------------- as a program


def run(*arguments: str, data: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "warmkey", *arguments],
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT / "src"), **environment},
    )


def test_python_dash_m() -> None:
    result = run("inspect", "--json", "-", data=message_of(b"text"))

    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout)["plaintext_length"] == 4


@pytest.mark.parametrize("variables", [{"AWS_PROFILE": "nope"}, {"AWS_PROFILE": "nope", "AWS_REGION": "eu-west-1"}])
def test_a_profile_that_is_not_there_is_no_traceback(tmp_path: Path, variables: dict[str, str]) -> None:
    result = run("encrypt", "--key-arn", "alias/a", "-", "-", data=b"", HOME=str(tmp_path), **variables)

    assert result.returncode == 1
    assert result.stderr.startswith(b"warmkey: boto3 can't make a KMS client: The config profile (nope) could not be")
    assert result.stderr.count(b"\n") == 1


EAGER = [{"WARMKEY_INIT": "eager"}, {"WARMKEY_INIT": "soon"}, {"WARMKEY_INIT": "eager", "WARMKEY_TYPO": "1"}]


@pytest.mark.parametrize("variables", EAGER)
def test_settings_of_a_function_are_not_the_command_lines(variables: dict[str, str]) -> None:
    result = run("inspect", "-", data=message_of(b"text"), **variables)

    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("variables", EAGER)
def test_nor_those_of_the_installed_script(tmp_path: Path, variables: dict[str, str]) -> None:
    script = tmp_path / "warmkey"  # as pip writes it
    script.write_text("import sys\nfrom warmkey.cli.main import main\nsys.exit(main())\n")
    result = subprocess.run(
        [sys.executable, script, "inspect", "-"],
        input=message_of(b"text"),
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT / "src"), **variables},
    )

    assert (result.returncode, result.stderr) == (0, b"")


def test_letters_that_the_terminal_lacks_do_no_harm() -> None:
    message = message_of(b"text", pairs=[("größe".encode(), "\N{KEY}".encode())])
    result = run("inspect", "-", data=message[:-1], PYTHONIOENCODING="ascii")

    assert result.returncode == 1
    assert rb"gr\xf6\xdfe = \U0001f511" in result.stdout
    assert result.stderr == b""


KEY_ARN = ("--kms-key-arns", KEY)
OPTIONS = {
    "inspect": ("--json",),
    "doctor": ("--offline", *KEY_ARN, "--sample"),
    "plan": ("--method", "model", "--no-grid", "--html", "plan.html"),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_a_file_may_have_a_name_that_is_not_text(tmp_path: Path, command: str) -> None:
    name = os.fsencode(tmp_path) + b"/odd\xff.csv"
    Path(os.fsdecode(name)).write_bytes(b"timestamp,context\n1,a\n2,a\n")
    result = subprocess.run(
        [sys.executable, "-m", "warmkey", command, *OPTIONS[command], name],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8:strict", "AWS_REGION": "eu-west-1"},
    )

    assert rb"odd\udcff.csv" in result.stdout
    assert b"Traceback" not in result.stderr


def test_whoever_reads_the_output_may_stop() -> None:
    """As in ``warmkey decrypt ... | head``."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "warmkey", "inspect", "-"],
        input=message_of(b"text"),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
    )
    os.close(writing)

    assert (process.returncode, process.stderr) == (1, b"")


def test_inspecting_loads_no_boto3() -> None:
    code = "import sys; from warmkey.cli.main import main; main(['inspect', '-']); sys.exit('boto3' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=message_of(b"text"),
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(ROOT / "src")},
    )

    assert result.returncode == 0, result.stderr


def test_a_folder_that_is_not_there_is_named_and_not_the_part_file(shell: Shell) -> None:
    source = shell.write("plaintext", b"")

    assert shell("encrypt", "--key-arn", shell.key_arn, source, shell.path("no/out")) == 1
    assert shell.err.endswith(f"the folder to write to does not exist: '{shell.path('no')}'\n")


def test_base64_text_is_answered_with_the_option(shell: Shell) -> None:
    text = shell.encrypted(b"text", "--base64")
    message = shell.write("letter.b64", text)

    assert shell("decrypt", "--key-arn", shell.key_arn, message, "-") == 1
    assert shell.err.endswith("; --base64 does that here\n")


@pytest.mark.parametrize("text", [b"\x02\x04\x78bin-ary_", b"AgV4-_AA", b"AgV4*AAA"])
def test_what_is_not_base64_is_not_said_to_need_the_option_that_was_given(shell: Shell, text: bytes) -> None:
    assert shell("inspect", "--base64", shell.write("message", text)) == 1
    assert "is not base64" in shell.out.decode()
    assert ("it has - or _, as URL-safe base64 does" in shell.out.decode()) == (b"-_" in text)
    assert ("it is binary" in shell.out.decode()) == (b"\x02" in text)
    assert b"does that here" not in shell.out


def test_a_message_under_a_branch_key_says_what_it_is(shell: Shell) -> None:
    keyring = RawAesKeyring("xws-kms-hierarchy", "tenant", bytes(32))
    message = Client().encrypt(b"", keyring=keyring).ciphertext.replace(b"xws-kms", b"aws-kms")

    assert shell("decrypt", "--key-arn", shell.key_arn, shell.write("message", message), "-") == 1
    assert "is encrypted under a branch key, which this command can't use" in shell.err


def test_a_profile_that_the_command_line_named_is_not_the_variables(tmp_path: Path) -> None:
    result = run("encrypt", "--profile", "nope", "--key-arn", "alias/a", "-", "-", data=b"", HOME=str(tmp_path))

    assert b"(nope) could not be found. Name a profile of the AWS configuration files" in result.stderr
