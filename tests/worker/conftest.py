"""A store, a scratch folder, and values there and back."""

from __future__ import annotations

import json

import pytest

from yamlflow.core.values import decode
from yamlflow.worker.codecs import load_value, store_value
from yamlflow.worker.storage import LocalStorage


class Shelf:
    def __init__(self, root):
        self.store = LocalStorage(root / "store")
        self.scratch = root / "scratch"
        self.scratch.mkdir()

    def put(self, value, **options):
        """The document, as it would be after its travel."""
        return json.loads(json.dumps(store_value(value, self.store, scratch=str(self.scratch), **options)))

    def get(self, document):
        return load_value(document, self.store)

    def get_json(self, document):
        """The document inside a reference to stored JSON."""
        return json.loads(self.store.read(decode(document)))

    def both(self, value, **options):
        document = self.put(value, **options)
        return document, self.get(document)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)
