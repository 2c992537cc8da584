"""Each safeguard is there for a test that fails without it."""

from __future__ import annotations

import pytest

from tests.mutants.patches import ROOT, Copy, Patch, StaleError, patches

PATCHES = patches()


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy") / "project")


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_a_patch_still_fits_the_code(patch):
    text = (ROOT / patch.file).read_text()
    broken = patch.applied(text)
    assert broken != text
    compile(broken, patch.file, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_without_this_safeguard_a_test_fails(copy, patch):
    said = copy.outlives(patch)
    assert not said, f"the tests {', '.join(patch.killers)} did not notice\n{said}"


@pytest.mark.slow
def test_unbroken_the_copy_passes_all_of_them(copy):
    done = copy.test(tuple(sorted({test for patch in PATCHES for test in patch.killers})))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_patch_whose_place_is_gone_is_an_error():
    with pytest.raises(StaleError, match="found 0 times"):
        Patch("gone", "x.py", (), (("never there\n", "\n"),)).applied("text\n")
    with pytest.raises(StaleError, match="found 2 times"):
        Patch("twice", "x.py", (), (("a\n", "\n"),)).applied("a\na\n")
