"""What CI does about tests that did not run; the real conftest, on small suites of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = "[pytest]\nmarkers =\n    slow: long\n    needs(*parts): parts\n"

SUITE = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="not today")
def test_skips():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite with this project's own conftest, run as CI runs it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("YAMLFLOW_TEST_REQUIRE", "all")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest((ROOT / "tests/conftest.py").read_text())
    pytester.path.joinpath("pytest.ini").write_text(SETUP)
    return pytester


def allow(suite: pytest.Pytester, *lines: str) -> None:
    suite.path.joinpath("allowed-skips.txt").write_text("\n".join(lines) + "\n")


def run(suite: pytest.Pytester, *arguments: str) -> tuple[int, str]:
    done = suite.runpytest_subprocess("-p", "no:cacheprovider", *arguments)
    return int(done.ret), done.stdout.str() + done.stderr.str()


both = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])


@both
def test_a_skip_that_is_not_listed_fails_the_run(suite, workers):
    suite.makepyfile(test_it=SUITE)
    code, said = run(suite, *workers)
    assert code == 1
    assert "NOT ALLOWED: skipped test_it.py::test_skips" in said
    assert "collected 2, passed 1, failed 0, skipped 1, xfailed 0, deselected 0" in said


@both
def test_a_skip_that_is_listed_with_its_reason_passes(suite, workers):
    suite.makepyfile(test_it=SUITE)
    allow(suite, "# a remark", "", "test_it.py::test_skips | cannot run on a Tuesday")
    code, said = run(suite, *workers)
    assert code == 0
    assert "NOT ALLOWED" not in said
    assert "passed 1, failed 0, skipped 1" in said


def test_a_listed_name_covers_all_its_parameters_and_no_longer_name(suite):
    suite.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.parametrize("x", ["a b", "c::d"])
        def test_skips(x):
            pytest.skip("no")

        def test_skips_too():
            pytest.skip("no")
        """
    )
    allow(suite, "test_it.py::test_skips | why not")
    code, said = run(suite)
    assert code == 1
    assert [line for line in said.splitlines() if "NOT ALLOWED" in line] == [
        "NOT ALLOWED: skipped test_it.py::test_skips_too (run it, or list it with a reason)"
    ]


@both
def test_an_xfail_that_is_not_listed_fails_the_run(suite, workers):
    suite.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.xfail
        def test_hopes():
            assert False
        """
    )
    code, said = run(suite, *workers)
    assert code == 1
    assert "NOT ALLOWED: xfailed test_it.py::test_hopes" in said


@both
def test_a_deselected_test_that_is_not_listed_fails_the_run(suite, workers):
    suite.makepyfile(
        test_it="""
        import pytest

        def test_quick():
            pass

        @pytest.mark.slow
        def test_long():
            pass
        """
    )
    code, said = run(suite, "-m", "not slow", *workers)
    assert code == 1
    assert "NOT ALLOWED: deselected test_it.py::test_long" in said
    assert "collected 2, passed 1, failed 0, skipped 0, xfailed 0, deselected 1" in said


@both
def test_a_file_skipped_at_collection_fails_the_run(suite, workers):
    suite.makepyfile(
        test_here="def test_runs(): pass", test_gone="import pytest\npytest.importorskip('no_such_module')"
    )
    code, said = run(suite, *workers)
    assert code == 1
    assert "NOT ALLOWED: skipped test_gone.py" in said


def test_a_run_in_which_everything_was_deselected_fails(suite):
    suite.makepyfile(test_it=SUITE)
    code, said = run(suite, "-k", "nothing_like_that")
    assert code == 1
    assert "deselected 2" in said


def test_a_listed_name_without_a_reason_ends_the_run(suite):
    suite.makepyfile(test_it=SUITE)
    allow(suite, "test_it.py::test_skips")
    code, said = run(suite)
    assert code == 4
    assert "no reason" in said


def test_a_failure_keeps_its_own_exit_code(suite):
    suite.makepyfile(test_it="def test_breaks(): assert False")
    code, said = run(suite)
    assert code == 1
    assert "passed 0, failed 1" in said
    assert "NOT ALLOWED" not in said


def test_outside_ci_a_skip_is_counted_and_forgiven(suite, monkeypatch):
    monkeypatch.delenv("YAMLFLOW_TEST_REQUIRE")
    suite.makepyfile(test_it=SUITE)
    code, said = run(suite)
    assert code == 0
    assert "skipped 1" in said


NEEDS_TWO = """
import pytest

@pytest.mark.needs("numpy", "chromium")
def test_draws():
    pass
"""


def test_a_missing_part_skips_and_says_what_it_needs(suite, monkeypatch):
    monkeypatch.delenv("YAMLFLOW_TEST_REQUIRE")
    monkeypatch.setenv("PATH", "")
    suite.makepyfile(test_it=NEEDS_TWO)
    code, said = run(suite, "-rs")
    assert code == 0
    assert "needs chromium: chromium on PATH" in said


@pytest.mark.parametrize("asked", ["all", "numpy, chromium"])
def test_a_missing_part_that_is_required_fails_its_test(suite, monkeypatch, asked):
    monkeypatch.setenv("YAMLFLOW_TEST_REQUIRE", asked)
    monkeypatch.setenv("PATH", "")
    suite.makepyfile(test_it=NEEDS_TWO)
    code, said = run(suite)
    assert code == 1
    assert "needs chromium: chromium on PATH" in said
    assert "failed 1, skipped 0" in said


def test_a_missing_part_may_be_missing_where_the_test_is_listed(suite, monkeypatch):
    monkeypatch.setenv("PATH", "")
    suite.makepyfile(test_it=NEEDS_TWO)
    allow(suite, "test_it.py::test_draws | no browser here")
    code, said = run(suite)
    assert code == 0
    assert "skipped 1" in said


def test_a_part_nobody_knows_is_an_error_of_the_test(suite):
    suite.makepyfile(test_it="import pytest\n@pytest.mark.needs('unicorn')\ndef test_rides(): pass")
    code, said = run(suite)
    assert code == 1
    assert "unicorn" in said
