"""Properties of the language over generated texts and expressions."""

# ruff: noqa: PT017 - a property says what holds whether or not there is an error

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yamlflow.core.expressions import ExpressionError, Values, evaluate, infer, parse
from yamlflow.core.expressions.nodes import Root, children

PARAMS = {"i": 7, "f": 0.5, "s": "aé", "t": True, "l": [3, 1, 2], "m": {"a": 1, "b": -2}}
FUNCTIONS = {"len": len, "min": min, "max": max, "sum": sum, "sorted": sorted, "any": any, "all": all}
PYTHON = {"params": PARAMS, "true": True, "false": False, "null": None, "__builtins__": FUNCTIONS}
NAMES = {bool: "bool", int: "int", float: "float", str: "str", list: "list", type(None): "none"}
TYPES = {"i": "int", "f": "float", "s": "str", "t": "bool", "l": "list", "m": "dict", "a": "int", "b": "int"}

quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def binary(left, operators, right):
    return st.builds(lambda a, op, b: f"({a} {op} {b})", left, st.sampled_from(operators), right)


def call(name, inner):
    return st.builds(f"{name}({{}})".format, inner)


def listed(inner):
    return st.builds(lambda items: "[" + ", ".join(items) + "]", st.lists(inner, max_size=3))


def conditional(value, condition):
    return st.builds("({} if {} else {})".format, value, condition, value)


def grown(kinds):
    """One more level over the strategies for numbers, bools, strings and lists of integers."""
    number, boolean, text, numbers = kinds
    more_numbers = st.one_of(
        number,
        binary(number, ["+", "-", "*", "/", "//", "%"], number),
        st.builds("-{}".format, number),
        conditional(number, boolean),
        call("sum", numbers),
        call("len", st.one_of(text, numbers)),
        st.builds("max({}, {})".format, number, number),
        st.builds("{}[{}]".format, numbers, st.integers(-3, 3)),
    )
    more_booleans = st.one_of(
        boolean,
        binary(number, ["<", "<=", ">", ">=", "==", "!="], number),
        st.builds("({} < {} <= {})".format, number, number, number),
        binary(text, ["<", "==", "in", "not in"], text),
        binary(numbers, ["==", "!="], numbers),
        binary(number, ["in", "not in"], numbers),
        binary(boolean, ["and", "or", "==", "!="], boolean),
        st.builds("(not {})".format, boolean),
        call("any", listed(boolean)),
        call("all", listed(boolean)),
    )
    more_texts = st.one_of(
        text,
        binary(text, ["+"], text),
        st.builds("({} * {})".format, text, st.integers(0, 3)),
        st.builds("{}[{}:{}]".format, text, st.integers(-2, 2), st.integers(-2, 2)),
        conditional(text, boolean),
    )
    more_lists = st.one_of(
        numbers,
        listed(number),
        binary(numbers, ["+"], numbers),
        call("sorted", numbers),
        st.builds("{}[{}::{}]".format, numbers, st.integers(-2, 2), st.sampled_from([-1, 1, 2])),
    )
    return more_numbers, more_booleans, more_texts, more_lists


def well_typed():
    kinds = (
        st.one_of(
            st.integers(-50, 50).map(str),
            st.floats(-100, 100).map(repr),
            st.sampled_from(["params['i']", "params['f']", "params['m']['b']"]),
        ),
        st.sampled_from(["True", "false", "params['t']"]),
        st.one_of(st.text(max_size=4).map(repr), st.just("params['s']")),
        st.one_of(st.lists(st.integers(-9, 9), max_size=3).map(repr), st.just("params['l']")),
    )
    for _ in range(3):
        kinds = grown(kinds)
    return st.one_of(*kinds)


def known_type(reference):
    found = TYPES.get(reference.path[-1])
    return None if found is None else frozenset({found})


def ours(text):
    return evaluate(parse(text), Values({"params": PARAMS}))


def same(left, right):
    return type(left) is type(right) and (left == right or (left != left and right != right))  # noqa: PLR0124 - NaN


@quick
@given(st.text(max_size=60))
def test_any_text_parses_or_is_an_expression_error(text):
    check_total(text)


words = st.sampled_from(
    [
        *("params", "steps", ".a", "[0]", "[", "]", "(", ")", "{", "}", "and", "or", "not", "in", "is", "if", "else"),
        *("null", "==", "=", "<", "+", "-", "*", "**", "/", "%", ",", ":", "::", '"', "'", '"x"', "'é'", "1", "0.5"),
        *("1e9", "len", "coalesce(", "status(", "lambda", "for", "f'", "\\", "\n", "#", "!", "&&", "${{", "}}", ":="),
        *("*a", "__x__", " "),
    ]
)


@settings(quick, max_examples=600)
@given(st.lists(words, max_size=14).map(" ".join) | st.lists(words, max_size=14).map("".join))
def test_any_words_parse_or_are_an_expression_error(text):
    check_total(text)


def check_total(text):
    """Parsing, inferring and evaluating raise ExpressionError or nothing; places lie in the text."""
    try:
        expression = parse(text)
        for found in expression.references:
            again = parse(text[found.start : found.end].strip())
            assert (again.references[0].root, again.references[0].path) == (found.root, found.path)
        infer(expression, lambda _: None)
        evaluate(expression, Values({"params": PARAMS, "steps": {"a": None}}))
    except ExpressionError as error:
        assert 0 <= error.start <= error.end <= len(text)
        assert error.message
        assert error.end > error.start or not text


@quick
@given(well_typed())
def test_well_typed_expressions_agree_with_python(text):
    if len(text) > 2000:
        return
    try:
        expected = eval(text, dict(PYTHON))
    except (ZeroDivisionError, IndexError, OverflowError, ValueError):
        expected = ExpressionError
    try:
        found = ours(text)
    except ExpressionError as error:
        assert expected is ExpressionError or error.code == "expression-limit", error
        return
    assert same(found, expected) or isinstance(expected, list), (text, found, expected)
    if isinstance(expected, list):
        assert all(same(a, b) for a, b in zip(found, expected, strict=True))


@quick
@given(well_typed())
def test_the_inferred_type_of_a_well_typed_expression_is_that_of_its_value(text):
    try:
        found = infer(parse(text), known_type)
        value = ours(text)
    except ExpressionError as error:
        assert error.code != "expression-type", error
        return
    assert found is None or NAMES[type(value)] in found


atoms = st.sampled_from(["1", "0.5", '"a"', "true", "null", "[1]", '{"a": 1}', "[]", "params['i']", "params['s']"])
any_typed = st.recursive(
    atoms,
    lambda inner: st.one_of(
        binary(inner, ["+", "-", "*", "/", "//", "%", "<", ">=", "==", "in", "not in"], inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        listed(inner),
        *(call(name, inner) for name in ("len", "sum", "sorted", "any", "keys", "compact", "split", "from_json")),
    ),
    max_leaves=5,
)


@settings(quick, max_examples=600)
@given(any_typed)
def test_a_static_type_error_is_never_false(text):
    """Without `and`, `or`, `if`, `coalesce` everything is evaluated: what inference refuses fails."""
    try:
        infer(parse(text), known_type)
    except ExpressionError as static:
        try:
            found = ours(text)
        except ExpressionError:
            return
        raise AssertionError(f"{text} gives {found!r}") from static


@quick
@given(well_typed())
def test_every_node_lies_inside_its_parent_and_in_the_text(text):
    if len(text) > 2000:
        return
    try:
        pending = [parse(text).tree]
    except ExpressionError as error:
        assert error.code == "expression-limit"
        return
    while pending:
        node = pending.pop()
        assert 0 <= node.start < node.end <= len(text)
        if isinstance(node, Root):
            assert text[node.start : node.end] == node.name
        for child in children(node):
            assert node.start <= child.start <= child.end <= node.end
            pending.append(child)


@quick
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_mean_lies_between_the_extremes(numbers):
    found = evaluate(parse("mean(params.x)"), Values({"params": {"x": numbers}}))
    assert min(numbers) <= found <= max(numbers) or math.isclose(found, numbers[0])
