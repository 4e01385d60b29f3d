"""Invoke a handler of your own under Lambda's runtime client, with the layer and a KMS key on this machine.

No AWS account and no containers are involved. HANDLER is a path and a function: orders/app.handler is the function
``handler`` in orders/app.py, and orders/ is what Lambda calls the task root. What the function needs besides warmkey,
boto3 and Powertools must be in that folder, as in a package for Lambda: python -m pip install --target orders ...
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.demo.emulator import EmulatorUnavailable, FunctionFailed
from examples.demo.kms_server import REGION, create_key, kms_server, request_counts
from examples.demo.stages import EmulatorStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.emulator import Emulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; return 0 if every invocation succeeded."""
    options = _parse(arguments)
    try:
        task_root, handler = _split(options.handler)
        event = _read(options.event)
    except (ValueError, OSError) as problem:
        print(f"nothing was run: {problem}", file=sys.stderr)
        return 2
    with kms_server() as kms_url, tempfile.TemporaryDirectory(prefix="warmkey-opt-") as opt:
        variables = _variables(kms_url, dict(options.env))
        try:
            stage = EmulatorStage(Path(opt), variant=options.variant)
            with stage.start(task_root, variables, handler) as function:
                failed = _invoke(function, event, options.times)
        except EmulatorUnavailable as reason:
            makes = f"`make runtime` and `make layer VARIANT={options.variant}` make what it takes."
            print(f"Lambda's runtime can't run here: {reason}. {makes}", file=sys.stderr)
            return 2
        made = request_counts(kms_url)
        made.pop("CreateKey", None)  # the one that this program made
    print(f"KMS was asked for: {', '.join(f'{count} {name}' for name, count in sorted(made.items())) or 'nothing'}")
    return 1 if failed else 0


def _split(handler: str) -> tuple[Path, str]:
    folder, _, name = handler.rpartition("/")
    module, dot, function = name.rpartition(".")
    if not (dot and module and function):
        found = repr(handler) if handler else "missing"
        example = "orders/app.handler"
        raise ValueError(f"HANDLER must be like {example} (make local HANDLER={example}), not {found}")
    task_root = Path(folder or ".").resolve()
    source = task_root / f"{module.replace('.', '/')}.py"
    if not source.is_file():
        raise ValueError(f"HANDLER names {source}, which is not a file")
    if not _names(source).intersection((function, "*")):
        raise ValueError(f"HANDLER names {function}, which {source} does not define")
    return task_root, name


def _names(source: Path) -> set[str]:
    """Return the names that a module binds or imports at its top, as far as its text says."""
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"), filename=str(source))
    except SyntaxError as problem:
        raise ValueError(f"{source} can't be parsed: {problem}") from None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    aliases = [
        alias for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names
    ]
    return names | {alias.asname or alias.name for alias in aliases}


def _read(event: str) -> Any:  # noqa: ANN401 - whatever the handler takes
    try:
        text = sys.stdin.read() if event == "-" else Path(event).read_text(encoding="utf-8") if event else "{}"
        return json.loads(text)
    except OSError as problem:
        raise ValueError(f"EVENT must be a file, or - for standard input; {event!r}: {problem.strerror}") from None
    except ValueError as problem:
        raise ValueError(f"EVENT must hold JSON, and {event!r} does not: {problem}") from None


def _variables(kms_url: str, own: dict[str, str]) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL_KMS": kms_url,
        "WARMKEY_KMS_KEY_ARNS": create_key(kms_url),
    } | own


def _invoke(function: Emulator, event: object, times: int) -> bool:
    """Invoke it *times* times, print what comes of it, and return whether one failed."""
    failed, written = False, 0
    for number in range(1, times + 1):
        try:
            done = function.invoke(event)
            print(f"invocation {number}: {done.seconds * 1000:.1f} ms\n{json.dumps(done.result, indent=2)}")
        except FunctionFailed as problem:
            print(f"invocation {number} failed: {str(problem).splitlines()[0]}")
            failed = True
        output = function.output()
        print("".join(f"  {line}\n" for line in output[written:].splitlines()), end="")
        written = len(output)
    return failed


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer, 1 or more, not {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text!r}")
    return name, value


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.local", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("handler", metavar="HANDLER", nargs="?", default="")
    parser.add_argument("--event", default="", metavar="FILE", help="JSON that the handler gets; - for standard input")
    parser.add_argument(
        "--times", type=_count, metavar="COUNT", default=1, help="invocations of one execution environment"
    )
    parser.add_argument("--env", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="a variable")
    parser.add_argument("--variant", choices=("full", "core", "crt"), default="full", help="which layer")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped")
