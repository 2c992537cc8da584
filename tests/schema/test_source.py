"""Files that can and cannot be read."""

from __future__ import annotations

import os

import pytest

from yamlflow.schema.diagnostics import Diagnostic, Span
from yamlflow.schema.source import MAX_BYTES, Source, read

NOBODY = 65534


def refused(path, stdin=None) -> Diagnostic:
    found = read(str(path), stdin)
    assert isinstance(found, Diagnostic)
    assert found.help or found.code == "unreadable-file"
    return found


def test_a_file_is_read_with_the_path_it_was_asked_for(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("yamlflow: 1\n")
    monkeypatch.chdir(tmp_path)
    assert read("a.yaml") == Source("a.yaml", "yamlflow: 1\n")


def test_a_byte_order_mark_is_tolerated(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfyamlflow: 1\n")
    source = read(str(tmp_path / "a.yaml"))
    assert isinstance(source, Source)
    assert source.text == "yamlflow: 1\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_named(tmp_path, encoding):
    (tmp_path / "a.yaml").write_bytes("yamlflow: 1\n".encode(encoding))
    found = refused(tmp_path / "a.yaml")
    assert found.code == "encoding"
    assert encoding[:6].upper() in found.message


def test_a_byte_that_is_not_utf8_has_its_line_and_column(tmp_path):
    (tmp_path / "a.yaml").write_bytes("a: 1\nné: ".encode() + b"\xff\n")
    found = refused(tmp_path / "a.yaml")
    assert (found.code, found.span.line, found.span.column) == ("encoding", 2, 5)


def test_a_nul_byte_is_refused_at_its_place(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: 1\nb\0: 2\n")
    found = refused(tmp_path / "a.yaml")
    assert (found.code, found.span.line, found.span.column) == ("encoding", 2, 2)


def test_a_missing_file_is_a_finding(tmp_path):
    found = refused(tmp_path / "none.yaml")
    assert found.code == "unreadable-file"
    assert found.span == Span(str(tmp_path / "none.yaml"), 1, 1, 1, 1)
    assert "no such file" in found.message


def test_a_folder_is_a_finding(tmp_path):
    assert "folder" in refused(tmp_path).message


def test_a_path_through_a_file_is_a_finding(tmp_path):
    (tmp_path / "a").write_text("")
    assert refused(tmp_path / "a" / "b.yaml").code == "unreadable-file"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_an_impossible_path_is_a_finding(path):
    assert refused(path).code == "unreadable-file"


def test_a_file_without_permission_is_a_finding(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1")
    (tmp_path / "a.yaml").chmod(0)
    user = os.geteuid()
    os.seteuid(user or NOBODY)  # the superuser may read every file
    try:
        found = refused(tmp_path / "a.yaml")
    finally:
        os.seteuid(user)
    assert "permission" in found.message


def test_a_file_of_256_kib_is_read_and_one_byte_more_is_not(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"#" * MAX_BYTES)
    assert isinstance(read(str(tmp_path / "a.yaml")), Source)
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert refused(tmp_path / "a.yaml").code == "limit"


def test_an_endless_file_is_not_read_to_its_end():
    assert refused("/dev/zero").code == "limit"


@pytest.mark.parametrize("stdin", ["yamlflow: 1\n", b"yamlflow: 1\n"])
def test_a_dash_is_the_text_that_the_caller_has_read(stdin):
    assert read("-", stdin) == Source("<stdin>", "yamlflow: 1\n")


def test_standard_input_with_undecodable_bytes_is_a_finding():
    assert refused("-", b"\xff\xfe").code == "encoding"
    assert refused("-", "a\udcff").code == "encoding"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_counts_once(end):
    source = Source("p", f"a{end}bc{end}")
    assert source.lines == ("a", "bc", "")
    assert source.place(source.text.index("c")) == (2, 2)


def test_a_place_leads_back_to_its_index():
    source = Source("p", "ab\n\ncd\r\ne")
    for index in (0, 1, 2, 3, 4, 5, 8, 9):
        assert source.index(*source.place(index)) == index


def test_a_line_that_is_not_there_is_empty():
    assert Source("p", "a").line(7) == ""
