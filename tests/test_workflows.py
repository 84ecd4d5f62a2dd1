"""What is written for other services: it cannot run here, so it is compared with what the repository has."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]
OTHERS = [ROOT / ".pre-commit-config.yaml", ROOT / ".devcontainer" / "devcontainer.json", ROOT / ".ci" / "run"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))

# What a job may do beside reading.
MORE = {
    ("pages", "deploy"): {"pages": "write", "id-token": "write"},
    ("pages", "notebooks"): {"actions": "read", "contents": "write"},
}


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def commands(path: Path) -> str:
    """What a file runs, without its comments."""
    if path in WORKFLOWS:
        return "\n".join(step["run"] for step in steps(path) if "run" in step)
    return re.sub(r"(?m)#.*$", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*WORKFLOWS, *OTHERS, *FORMS], ids=lambda path: path.name)
def test_each_target_exists(path: Path) -> None:
    # "make book test lint DIGITS=strict" and "make test" in backquotes, but not "install make python3".
    lines = re.findall(r"(?m)(?:^|[`\"]|: |&& )\s*make((?: [a-z-]+\b(?!=))+)", commands(path))
    named = {target for line in lines for target in line.split()}
    assert named <= TARGETS
    assert named or path.stem in {"mistake", "question"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_do_little_and_ends(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "group" in workflow["concurrency"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90
        assert job.get("permissions") == MORE.get((path.stem, name))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_leave_no_token_behind(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.*)", text)
    assert [use for use in uses if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []
    assert len(re.findall("uses: actions/checkout@", text)) == len(re.findall("persist-credentials: false", text))


def test_one_version_of_each_action() -> None:
    versions: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, version in re.findall(r"uses: (\S+)@(.*)", path.read_text(encoding="utf-8")):
            versions.setdefault(action, set()).add(version)
    assert {action for action, found in versions.items() if len(found) > 1} == set()


def versions_of_python(text: str) -> set[tuple[int, int]]:
    return {(3, int(minor)) for minor in re.findall(r"\b3\.(\d\d)\b", text)}


def test_tests_run_with_the_first_and_the_last_python_of_the_readme() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    said = versions_of_python(README)
    for name in ("make", "windows"):
        assert versions_of_python(" ".join(jobs[name]["strategy"]["matrix"]["python"])) == {min(said), max(said)}
    systems = {*jobs["make"]["strategy"]["matrix"]["os"], jobs["windows"]["runs-on"]}
    assert systems == {"ubuntu-latest", "macos-latest", "windows-latest"}
    for path in [*WORKFLOWS, ROOT / ".devcontainer" / "devcontainer.json"]:
        used = versions_of_python(
            " ".join(re.findall(r'python(?:-version)?[:"]+ ?(.*)', path.read_text(encoding="utf-8")))
        )
        assert all(min(said) <= version <= max(said) for version in used), path.name


def test_windows_runs_the_commands_of_the_readme() -> None:
    part = README[README.index("## On Windows") :]
    part = part[: part.index("\n## ")]
    said = [line for block in re.findall(r"```\n(.*?)```", part, re.DOTALL) for line in block.splitlines()]
    # An environment is made and entered in another way there, and the threads are set for the whole job.
    said = [line for line in said if not line.startswith(("py -m venv", ".venv\\", "set "))]
    job = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["windows"]
    run = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert [line for line in run if line in said] == said
    assert len(said) == 5


def test_dependabot_looks_where_requirements_are() -> None:
    kinds = {update["package-ecosystem"]: update for update in read(ROOT / ".github" / "dependabot.yml")["updates"]}
    folders = {path.parent for path in ROOT.rglob("requirements.txt") if ".venv" not in str(path)}
    assert set(kinds["pip"]["directories"]) == {f"/{path.relative_to(ROOT)}".replace("/.", "/") for path in folders}
    assert kinds["github-actions"]["directory"] == "/"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_ask_for_something(path: Path) -> None:
    form = read(path)
    asked = [item for item in form["body"] if item["type"] != "markdown"]
    assert all(item["attributes"]["label"] and item["validations"]["required"] for item in asked)
    assert form["name"]
    assert form["description"]
    assert asked


def test_container_for_an_editor_is_the_make_of_the_readme() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make book"


def test_it_is_said_that_they_have_not_run() -> None:
    assert "have never run" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_branch_for_colab_and_binder_has_the_notebooks_for_readers(tmp_path: Path) -> None:
    """The two steps run here, on a small repository, with another one in the place of GitHub's."""
    here, there, temp = (tmp_path / name for name in ("here", "there.git", "temp"))
    files = {"book/01-sine/1-sine.ipynb": "the book's", "data/a.csv": "1", ".github/workflows/pages.yml": "name: Site"}
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True)
        (here / name).write_text(text, encoding="utf-8")
    made = tmp_path / "notebooks" / "01-sine" / "1-sine.ipynb"
    made.parent.mkdir(parents=True)
    made.write_text("a reader's", encoding="utf-8")
    temp.mkdir()
    with tarfile.open(temp / "artifact.tar", "w") as artifact:
        artifact.add(made.parents[1], "./notebooks")
    path = f"{tmp_path}:{os.environ['PATH']}"
    settings = {"RUNNER_TEMP": str(temp), "GITHUB_RUN_ID": "1", "GITHUB_REF_NAME": "v1.2.0", "PATH": path}
    settings |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(tmp_path)}
    (tmp_path / "gh").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)

    def run(script: str, folder: Path = here) -> str:
        command = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=folder, env=os.environ | settings, check=True, capture_output=True, text=True
        ).stdout

    run(f"git init -q && git init -q --bare {there} && git remote add origin {there} && git add --all")
    run("git -c user.name=a -c user.email=a commit -q -m first && git push -q origin HEAD:main")
    job = read(ROOT / ".github" / "workflows" / "pages.yml")["jobs"]["notebooks"]
    for _ in range(2):  # and with the next tag, again
        for step in job["steps"]:
            run(step.get("run", ""))
        run("git reset -q --hard")
    assert run("git ls-tree -r --name-only notebooks", there).split() == ["book/01-sine/1-sine.ipynb", "data/a.csv"]
    assert run("git show notebooks:book/01-sine/1-sine.ipynb", there) == "a reader's"
    assert run("git log --format=%s notebooks", there) == "Notebooks of v1.2.0\n"
