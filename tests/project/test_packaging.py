"""What is declared, what is pinned, and what an installed yamlflow is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = (ROOT / "constraints.txt").read_text()
FIRST, _, LATER = PINS.partition("\n# Extras")
EXTRAS = PROJECT["project"]["optional-dependencies"]


def pinned(text: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in re.findall(r"^(\S+?)==(\S+)", text, re.MULTILINE)}


def wanted(*lists: list[str]) -> list[Requirement]:
    parsed = [Requirement(line) for requirements in lists for line in requirements]
    return [requirement for requirement in parsed if requirement.name != "yamlflow"]


def unmet(requirements: list[Requirement], pins: dict[str, str]) -> list[str]:
    return [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
    ]


def test_the_first_part_of_the_pins_covers_what_make_installs():
    build = PROJECT["build-system"]["requires"]
    asked = wanted(
        PROJECT["project"]["dependencies"], EXTRAS["samples"], EXTRAS["aws"], EXTRAS["docker"], EXTRAS["dev"], build
    )
    assert unmet(asked, pinned(FIRST)) == []


def test_the_second_part_of_the_pins_covers_the_other_extras_and_repeats_nothing():
    asked = wanted(EXTRAS["kubernetes"])
    assert unmet(asked, pinned(LATER)) == []
    assert pinned(FIRST).keys() & pinned(LATER).keys() == set()


def test_a_plain_install_brings_no_heavy_extra():
    plain = {requirement.name for requirement in wanted(PROJECT["project"]["dependencies"])}
    heavy = {requirement.name for requirement in wanted(*EXTRAS.values())}
    assert heavy >= {"docker", "boto3", "kubernetes", "numpy", "pandas"}
    assert plain & heavy == set()


def test_every_pin_has_a_hash_and_no_line_names_an_index_or_a_path():
    for block in re.split(r"\n(?=\S)", PINS.strip()):
        if not block.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.+!]+(?: \\\n    --hash=sha256:[0-9a-f]{64})+", block), block
    remarks = [line for line in PINS.splitlines() if line.startswith("#")]
    assert [line for line in remarks if "/" in line.replace(".ci/pins", "")] == []


@pytest.mark.parametrize("name", ["numpy", "pydantic-core", "ruff"])
def test_compiled_packages_are_pinned_for_more_than_one_platform(name):
    block = re.search(rf"^{name}==.*?(?=^\S|\Z)", PINS, re.MULTILINE | re.DOTALL)
    assert block
    assert block[0].count("--hash") > 10


def test_the_version_stands_in_one_place():
    import yamlflow

    assert "version" in PROJECT["project"]["dynamic"]
    assert distribution("yamlflow").version == yamlflow.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", yamlflow.__version__)


def test_the_installed_script_is_the_command_line():
    (script,) = [entry for entry in distribution("yamlflow").entry_points if entry.group == "console_scripts"]
    assert (script.name, script.value) == ("yamlflow", "yamlflow.__main__:main")


@pytest.mark.parametrize("command", [[Path(sys.executable).with_name("yamlflow")], [sys.executable, "-m", "yamlflow"]])
def test_the_script_and_the_module_say_the_version(command):
    import yamlflow

    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, yamlflow.__version__ in done.stdout) == (0, True), done.stderr


def test_the_package_is_marked_as_typed():
    assert (ROOT / "yamlflow/py.typed").is_file()


def test_the_hook_of_pre_commit_validates_and_passes_other_yaml_over():
    import ruamel.yaml

    (hook,) = ruamel.yaml.YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["entry"]) == ("yamlflow-validate", "yamlflow validate --skip-other-yaml")
