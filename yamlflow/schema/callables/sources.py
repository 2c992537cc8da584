"""What a callable's result depends on in the project's own code, read from source: nothing is imported.

    source = Sources(roots).of("train.py:fit")
    source.parts    {"train.py: fit()": "#3f…", "train.py": "#90…", "features.py: clean()": …}

A module's top level always counts where the module is loaded; a function or a
class of it counts when something that counts names it. Comments and layout do
not. Where names cannot be followed (a star import, `globals()`, a module passed
around) the whole module counts: rather too much than too little. A module that is
only imported by a name put together at run time is not seen. Installed packages do not
count, only the callable's own module where it lies in one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from yamlflow.core.dataclass import dataclass
from yamlflow.core.fingerprint import digest_of
from yamlflow.schema.callables.modules import Module, Modules
from yamlflow.schema.callables.syntax import syntax

_PLAIN_DECORATORS = frozenset({"dataclass", "cache", "lru_cache", "contextmanager", "override", "final", "njit", "jit"})
_PLAIN_BASES = frozenset(
    {"object", "NamedTuple", "TypedDict", "Enum", "IntEnum", "StrEnum", "BaseModel", "ABC", "Protocol", "Generic"}
    | {"Exception", "ValueError", "RuntimeError"}
)
_DYNAMIC = frozenset({"globals", "exec", "eval"})
_IMPORTERS = frozenset({"import_module", "__import__"})
_WORDS = (*_DYNAMIC, *_IMPORTERS, "modules")
_FOREIGN = frozenset({"site-packages", "dist-packages"})

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, slots=True)
class Source:
    """The parts that count, each with its digest, the files they were read from, and the attributes they name."""

    parts: Mapping[str, str]
    files: tuple[Path, ...]
    attributes: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Used:
    """What a piece of code names: names alone, names with an attribute, texts with dots, and what it imports itself."""

    names: set[str] = field(default_factory=set)
    dotted: set[tuple[str, str]] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    imports: list[_Import] = field(default_factory=list)


@dataclass(slots=True)
class _Text:
    """One parsed file: its definitions by name, the rest, and which names imports of the rest bind."""

    module: Module
    label: str
    definitions: dict[str, _Definition] = field(default_factory=dict)
    rest: list[ast.stmt] = field(default_factory=list)
    imported: dict[str, tuple[_Import, ast.alias]] = field(default_factory=dict)
    whole: str = ""
    raw: bool = False
    open: bool = False
    imports_by_name: bool = False
    known: dict[str, tuple[str, _Used]] = field(default_factory=dict)

    def part(self, label: str, nodes: Sequence[ast.AST]) -> tuple[str, _Used]:
        """The digest of a part and what it names, worked out once; of what is nested too deep the file's."""
        if label not in self.known:
            try:
                digest = digest_of("\n".join(ast.dump(node) for node in nodes))
            except RecursionError:
                digest = self.whole
            self.known[label] = digest, _used(nodes)
        return self.known[label]


class Sources:
    """Reads the code of callables under these roots; every file once."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)
        self._modules = Modules(roots)
        self._texts: dict[Path, _Text] = {}

    def of(self, reference: str, *, deep: bool = True) -> Source:
        """The source of `module:callable` or `file.py:callable`; `deep`: with what it imports."""
        where, _, name = reference.partition(":")
        module = self._module(where)
        trace = _Trace(self, deep=deep)
        if module is not None and module.file is not None:
            trace.home = module
            trace.load(module)
            trace.reach(module, name.partition(".")[0])
            trace.run()
        return Source(dict(sorted(trace.parts.items())), tuple(trace.files), frozenset(trace.attributes))

    def _module(self, where: str) -> Module | None:
        if not where.endswith(".py"):
            return self.named(where)
        for root in self._roots:
            if (root / where).is_file():
                return Module(where.removesuffix(".py").replace("/", "."), root / where, first_party=True)
        return None

    def named(self, name: str) -> Module | None:
        return self._modules.located(name)

    def beside(self, module: Module, name: str) -> Module | None:
        """A module that a file finds beside itself: its folder is importable, as for a script."""
        if module.file is None or "." in name:
            return None
        path = module.file.parent / f"{name}.py"
        return Module(name, path, first_party=True) if path.is_file() else None

    def text(self, module: Module) -> _Text:
        assert module.file is not None
        if module.file not in self._texts:
            self._texts[module.file] = _parsed(module, self._label(module.file))
        return self._texts[module.file]

    def _label(self, file: Path) -> str:
        for root in self._roots:
            if file.is_relative_to(root):
                return file.relative_to(root).as_posix()
        return file.name


class _Trace:
    """Follows names from one callable; what is still to be looked at waits in a list."""

    def __init__(self, sources: Sources, *, deep: bool) -> None:
        self.home: Module | None = None
        self.parts: dict[str, str] = {}
        self.files: dict[Path, None] = {}
        self.attributes: set[str] = set()
        self._sources = sources
        self._deep = deep
        self._waiting: list[tuple[_Text, _Used]] = []
        self._reached: set[tuple[Path, str]] = set()

    def run(self) -> None:
        while self._waiting:
            self._follow(*self._waiting.pop())

    def load(self, module: Module) -> None:
        """What importing a module runs: its top level, and definitions that announce themselves."""
        if module.file is None or not self._is_new(module.file, ""):
            return
        self.files[module.file] = None
        text = self._sources.text(module)
        self._take(text, text.label, text.rest)
        for name, node in text.definitions.items():
            if text.open or _is_announced(node):
                self._take_definition(text, name)

    def reach(self, module: Module, name: str) -> None:
        """Something in a module is used: a definition, a name it imports, or a module below it."""
        self.load(module)
        if module.file is None or not self._is_new(module.file, f".{name}"):
            return
        text = self._sources.text(module)
        if name in text.definitions:
            self._take_definition(text, name)
        elif name in text.imported:
            self._follow_binding(text, name, None)
        elif (child := self._sources.named(f"{module.name}.{name}")) is not None and module.package:
            self._whole(child)
        elif not _binds(text, name):
            self._whole(module)

    def _is_new(self, file: Path, what: str) -> bool:
        new = (file, what) not in self._reached
        self._reached.add((file, what))
        return new

    def _take(self, text: _Text, label: str, nodes: Sequence[ast.AST]) -> None:
        if text.raw:
            self.parts[label] = text.whole
        elif nodes:
            self.parts[label], used = text.part(label, nodes)
            self.attributes |= used.attributes
            self._waiting.append((text, used))

    def _take_definition(self, text: _Text, name: str) -> None:
        assert text.module.file is not None
        node = text.definitions[name]
        if self._is_new(text.module.file, f":{name}"):
            label = f"class {name}" if isinstance(node, ast.ClassDef) else f"{name}()"
            self._take(text, f"{text.label}: {label}", [node])

    def _whole(self, module: Module) -> None:
        self.load(module)
        if module.file is None or not self._is_new(module.file, "*"):
            return
        text = self._sources.text(module)
        for name in text.definitions:
            self._take_definition(text, name)
        for name in text.imported:
            self._follow_binding(text, name, None)

    def _follow(self, text: _Text, used: _Used) -> None:
        for name in sorted(used.names | {name for name, _ in used.dotted}):
            if name in text.definitions:
                self._take_definition(text, name)
        for name in sorted(used.names & text.imported.keys()):
            self._follow_binding(text, name, None)
        for name, attribute in sorted(used.dotted):
            if name in text.imported:
                self._follow_binding(text, name, attribute)
        for node in used.imports:
            self._import(text, node)
        for words in sorted(used.texts):
            self._named_in_text(text, words)

    def _named_in_text(self, text: _Text, words: str) -> None:
        """A text that is a module's name may be what `import_module` is given."""
        if text.imports_by_name and (module := self._load_chain(text, words)) is not None:
            self._whole(module)

    def _import(self, text: _Text, node: _Import) -> None:
        """An import statement runs: modules are loaded; inside a function its names are used too."""
        at_top = any(node is bound for bound, _ in text.imported.values())
        for alias in node.names:
            if isinstance(node, ast.Import):
                self._load_chain(text, alias.name)
            elif (source := self._from(text, node)) is not None:
                self.load(source)
                if alias.name == "*":
                    self._whole(source)
            if not at_top and alias.name != "*":
                self._follow_alias(text, node, alias, None)

    def _load_chain(self, text: _Text, name: str) -> Module | None:
        """The module of a dotted name; the packages around it are loaded with it."""
        if not self._deep:
            return None
        module = None
        words = name.split(".")
        for depth in range(1, len(words) + 1):
            dotted = ".".join(words[:depth])
            module = self._sources.named(dotted) or self._sources.beside(text.module, dotted)
            if module is not None and self._is_ours(module):
                self.load(module)
        return module if module is not None and self._is_ours(module) else None

    def _from(self, text: _Text, node: ast.ImportFrom) -> Module | None:
        name = node.module or ""
        if node.level:
            base = text.module.name.split(".")
            base = base[: len(base) - (node.level - bool(text.module.package))]
            name = ".".join([*base, name] if name else base)
        return self._load_chain(text, name) if name else None

    def _follow_binding(self, text: _Text, name: str, attribute: str | None) -> None:
        node, alias = text.imported[name]
        self._follow_alias(text, node, alias, attribute)

    def _follow_alias(self, text: _Text, node: _Import, alias: ast.alias, attribute: str | None) -> None:
        if isinstance(node, ast.ImportFrom):
            source = self._from(text, node)
            if source is None:
                return
            child = self._sources.named(f"{source.name}.{alias.name}") if source.package else None
            if child is not None:
                self._reach_in(child, attribute)
            if child is None or self._is_bound(source, alias.name):  # what the package binds hides the module
                self.reach(source, alias.name)
            return
        bound = alias.name if alias.asname else alias.name.partition(".")[0]
        module = self._load_chain(text, alias.name)
        whole = module if bound == alias.name else self._load_chain(text, bound)
        if whole is not None:
            self._reach_in(whole, attribute)
        if module is not None and bound != alias.name:
            self._whole(module)

    def _is_bound(self, module: Module, name: str) -> bool:
        text = self._sources.text(module)
        return name in text.definitions or name in text.imported

    def _reach_in(self, module: Module, attribute: str | None) -> None:
        if attribute is None:
            self._whole(module)
        else:
            self.reach(module, attribute)

    def _is_ours(self, module: Module) -> bool:
        """Under the roots, or in the callable's own package where that is no installed one."""
        if module.first_party:
            return True
        home = self.home
        near = home is not None and module.name.partition(".")[0] == home.name.partition(".")[0]
        return near and module.file is not None and not _FOREIGN & set(module.file.parts)


def _parsed(module: Module, label: str) -> _Text:
    assert module.file is not None
    text = _Text(module, label)
    try:
        content = module.file.read_bytes()
        text.whole = digest_of(content)
        tree = syntax(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # compiled, or no Python: its bytes count
        text.raw = True
        return text
    except OSError:
        return text
    _sort(tree, text)
    if not content.isascii() or any(word.encode() in content for word in _WORDS):  # else a look at every node is spared
        _judge(tree, text)
    return text


def _sort(tree: ast.Module, text: _Text) -> None:
    """Definitions that are bound once stand alone; everything else is the rest."""
    names = [node.name for node in tree.body if isinstance(node, _Definition)]
    for node in tree.body:
        if isinstance(node, _Definition) and names.count(node.name) == 1:
            text.definitions[node.name] = node
        else:
            text.rest.append(node)
    for inner in _walk(text.rest):
        if isinstance(inner, _Import):
            for alias in inner.names:
                bound = alias.asname or (alias.name.partition(".")[0] if isinstance(inner, ast.Import) else alias.name)
                text.imported[bound] = (inner, alias)


def _judge(tree: ast.Module, text: _Text) -> None:
    """Whether names in a module can be followed at all, and whether it imports by names put together at run time."""
    used = _used([tree])
    text.imports_by_name = bool(_IMPORTERS & (used.names | used.attributes))
    text.open = bool(used.names & _DYNAMIC) or any(
        name in _DYNAMIC or pair == ("sys", "modules") for pair in used.dotted for name in pair
    )


def _binds(text: _Text, name: str) -> bool:
    """Whether the rest of a module assigns this name: then it counts already."""
    return any(isinstance(node, ast.Name) and node.id == name for node in _walk(text.rest))


def _is_announced(node: _Definition) -> bool:
    """Whether making it may do something beyond making it: a decorator that registers, a base that keeps a list."""
    plain = all(_last_name(item) in _PLAIN_DECORATORS for item in node.decorator_list)
    if isinstance(node, ast.ClassDef):
        return not plain or bool(node.keywords) or any(_last_name(base) not in _PLAIN_BASES for base in node.bases)
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    return not plain or any(isinstance(inner, ast.Call) for default in defaults for inner in ast.walk(default))


def _last_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    target = target.value if isinstance(target, ast.Subscript) else target
    return getattr(target, "attr", getattr(target, "id", ""))


def _used(nodes: Sequence[ast.AST]) -> _Used:
    used = _Used()
    owned: set[int] = set()
    for node in _walk(nodes):
        if isinstance(node, ast.Attribute):
            used.attributes.add(node.attr)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.dotted.add((node.value.id, node.attr))
            owned.add(id(node.value))
        elif isinstance(node, ast.Name) and id(node) not in owned:
            used.names.add(node.id)
        elif isinstance(node, _Import):
            used.imports.append(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            _read_text(node.value, used)
    return used


def _read_text(words: str, used: _Used) -> None:
    """A quoted annotation, a name for getattr, a module for import_module."""
    if words.isidentifier():
        used.names.add(words)
        used.attributes.add(words)
    if all(word.isidentifier() for word in words.split(".")):
        used.texts.add(words)


def _walk(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node, parents before children."""
    for node in nodes:
        yield from ast.walk(node)
