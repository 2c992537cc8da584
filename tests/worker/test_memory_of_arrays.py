"""What a task pays for an array it reads: pages that it touches, of memory of its own."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from yamlflow.core.values import ArtifactRef
from yamlflow.worker.codecs import load_value, store_value
from yamlflow.worker.storage import MAPPED, MAPPINGS, ArtifactLostError, LocalStorage

np = pytest.importorskip("numpy")
LONG = MAPPED // 8 + 1


def kept(store: LocalStorage, array) -> tuple[object, Path]:
    """A stored array's document, and where its bytes lie."""
    document = store_value(array, store)
    return document, next(path for path in Path(store.root, "objects").rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path):
    return LocalStorage(tmp_path)


def resident(of: str) -> int:
    """Bytes of memory of this process: `VmRSS` all, `RssAnon` what is its own."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(of))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("length", [3, LONG])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_the_readers_own_to_change_and_the_store_keeps_its_content(store, length, order):
    array = np.asarray(np.arange(length * 2.0).reshape(2, length), order=order)
    document, file = kept(store, array)
    before = file.read_bytes()
    first, second = load_value(document, store), load_value(document, store)
    first[:] = 7.0
    assert (second == array).all() and (first == 7.0).all()
    assert second.flags.writeable and second.flags.f_contiguous == array.flags.f_contiguous
    assert file.read_bytes() == before


def test_reading_a_large_array_takes_memory_only_for_what_is_touched(store):
    document, _ = kept(store, np.ones(8 * LONG))
    gc.collect()
    before = resident("VmRSS")
    array = load_value(document, store)
    assert array[0] == 1.0
    assert resident("VmRSS") - before < array.nbytes // 2


def test_an_array_outlives_the_file_it_was_read_from(store):
    document, file = kept(store, np.ones(LONG))
    array = load_value(document, store)
    file.unlink()
    assert array.sum() == LONG


def test_a_large_array_that_somebody_changed_in_the_store_is_not_handed_out(store):
    document, file = kept(store, np.ones(LONG))
    file.chmod(0o600)
    with file.open("r+b") as content:
        content.seek(-1, 2)
        content.write(b"\xff")
    with pytest.raises(ArtifactLostError, match="is damaged"):
        load_value(document, store)


def test_a_large_array_that_is_gone_is_said_to_be_missing(store):
    with pytest.raises(ArtifactLostError, match="is missing"):
        store.memory(ArtifactRef("0" * 64, "npy", MAPPED))


def test_many_large_arrays_leave_descriptors_for_the_task(store):
    document, _ = kept(store, np.ones(LONG))
    arrays = [load_value(document, store) for _ in range(MAPPINGS * 2)]
    with Path("/proc/self/status").open() as last:
        assert last.fileno() <= MAPPINGS + 1
    assert all(array[-1] == 1.0 for array in arrays)
