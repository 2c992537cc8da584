"""What is an expression, what is refused, and where the refusal points."""

import pickle
import sys

import pytest

from yamlflow.core.expressions import FUNCTIONS, ROOTS, ExpressionError, Reference, parse


def refusal(text, roots=ROOTS):
    with pytest.raises(ExpressionError) as caught:
        parse(text, roots)
    return caught.value


def pointed(text, roots=ROOTS):
    error = refusal(text, roots)
    return text[error.start : error.end]


def reads(text):
    return [str(found) for found in parse(text).references]


def test_a_reference_is_the_longest_chain_of_static_names():
    assert reads('steps.fit.each.model[0]["a b"][-1] + params.n') == ["steps.fit.each.model[0]['a b'][-1]", "params.n"]


def test_a_chain_ends_at_a_slice_and_at_a_computed_subscript_which_is_read_too():
    assert reads("steps.fit.auc[1:params.n].x") == ["steps.fit.auc", "params.n"]
    assert reads("params.table[each.region].x") == ["params.table", "each.region"]


def test_references_come_in_order_with_exact_places():
    text = "params.a if params.b else [params.c, {params.d: params.e}]"
    found = parse(text).references
    expected = ["params.a", "params.b", "params.c", "params.d", "params.e"]
    assert [text[one.start : one.end] for one in found] == expected


def test_places_count_characters_not_bytes():
    text = '"größe é 漢字 😀" + params.ü.x + steps.a'
    assert [text[one.start : one.end] for one in parse(text).references] == ["params.ü.x", "steps.a"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\n\n   "])
def test_an_expression_may_run_over_several_lines(newline):
    text = f'  "é" in params.x{newline} and "é" in{newline}steps.fit.names  {newline}'
    assert [text[one.start : one.end] for one in parse(text).references] == ["params.x", "steps.fit.names"]


def test_a_root_alone_is_a_value():
    assert reads("params") == ["params"]


def test_a_reference_inside_coalesce_is_guarded():
    found = parse("coalesce(steps.a.x, [steps.b]) + steps.c").references
    assert [(one.path[0], one.guarded) for one in found] == [("a", True), ("b", True), ("c", False)]


def test_a_comparison_with_null_and_an_item_of_a_compacted_list_are_guarded():
    assert all(one.guarded for one in parse("steps.a is not null").references)
    assert all(one.guarded for one in parse("null == steps.a").references)
    assert all(one.guarded for one in parse("compact([steps.a, steps.b.x])").references)
    assert not any(one.guarded for one in parse("compact(steps.a)").references)
    assert not any(one.guarded for one in parse("steps.a == 1").references)


@pytest.mark.parametrize("function", ["status", "succeeded", "failed"])
def test_asking_for_a_state_reads_only_the_state(function):
    (found,) = parse(f"{function}(steps.a)").references
    assert found == Reference("steps", ("a",), len(function) + 1, len(function) + 8, status_only=True)


@pytest.mark.parametrize("argument", ["1", "steps.a.b", "params.a", "[steps.a]", "steps['a'].b"])
def test_a_state_is_asked_of_a_step_and_nothing_else(argument):
    assert pointed(f"status({argument})") == argument


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a && b", "&&", "`and`"),
        ("params.a || params.b", "||", "`or`"),
        ("!params.a", "!", "`not x`"),
        ("params.a === 1", "===", "`==`"),
        ("params.a = 1", "=", "`==`"),
        ("(params.a = 1)", "params.a", "`==`"),
        ("params.a := 1", ":=", "`==`"),
        ("(x := 1)", "x := 1", "`==`"),
        ("params.a ? 1 : 2", "?", "if condition else"),
        ("params.a ?? 1", "??", "coalesce"),
        ("${{ params.a }}", "$", "without ${{"),
        ("{{ params.a }}", "{{ params.a }}", "without {{"),
        ("$HOME", "$", "env.NAME"),
        ("params.a AND true", "AND", "`and`"),
        ("params.a ** 2", "params.a ** 2", "multiply"),
        ("params.a | params.b", "params.a | params.b", "`or`"),
        ("~params.a", "~params.a", "`not`"),
        ("params.x.lower()", "lower", "function"),
        ('", ".join(params.x)', "join", "join("),
        ("params.x.get('a')", "get", "coalesce"),
        ("lambda: 1", "lambda: 1", "step"),
        ("[i for i in params.x]", "[i for i in params.x]", "foreach"),
        ('f"{params.a}"', 'f"{params.a}"', "join("),
        ("(params.a, params.b)", "(params.a, params.b)", "list"),
        ("params.a, params.b", "params.a, params.b", "list"),
        ("{params.a}", "{params.a}", "list"),
        ("len(*params.a)", "*params.a", "+"),
        ("len(**params.a)", "**params.a", "name the arguments"),
        ("{**params.a}", "params.a", "one by one"),
        ("params.lambda", "lambda", '["lambda"]'),
        ("params.a is 3", "params.a is 3", "`==`"),
        ("steps", "steps", "steps.NAME"),
        ("len(steps)", "steps", "steps.NAME"),
        ("steps[params.a]", "params.a", "steps.NAME"),
        ("steps[0]", "0", "steps.NAME"),
        ("params.x[0, 1]", "0, 1", "[0][1]"),
    ],
)
def test_what_other_languages_allow_is_refused_with_what_to_write(text, place, hint):
    error = refusal(text)
    assert text[error.start : error.end] == place
    assert error.code == "expression-syntax"
    assert hint in error.hint


@pytest.mark.parametrize("text", ["", " ", "\n", "# nothing", "\t # a\n# b"])
def test_nothing_is_not_an_expression(text):
    assert refusal(text).message == "an expression is missing"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("len([1, 2)", ")"),
        ("(1", "("),
        ("1)", ")"),
        ("1) + (2", ")"),
        ("max([1]", "("),
        ('params.a == "x', '"x'),
        ("it's", "'s"),
        ("params.n if", "f"),
        ("1 +", "+"),
    ],
)
def test_brackets_and_strings_that_do_not_close_are_shown(text, place):
    assert pointed(text) == place


@pytest.mark.parametrize("text", ["params.__class__", "params.x.__dict__.y", "__import__", "__import__('os')"])
def test_names_with_two_underscores_are_refused(text):
    assert "two underscores" in refusal(text).message


def test_an_unknown_name_is_told_from_a_misspelt_one():
    error = refusal("fast")
    assert (error.code, error.message) == ("unknown-name", "unknown name `fast`")
    assert "quotes" in error.hint
    assert "`params`" in refusal("parms.n").hint
    assert "`each`" in refusal("matrix.model").hint
    assert "`null`" in refusal("nil").hint


def test_a_root_that_is_not_available_here_is_unknown_here():
    error = refusal("each.model + params.n", {"params", "run"})
    assert (error.code, error.message) == ("unknown-name", "`each` is not available here")
    assert error.hint == "known here: params, run"


def test_a_hyphen_in_a_name_is_called_a_subtraction():
    error = refusal("steps.fit-model")
    assert error.code == "unknown-name"
    assert "`fit-model` is a subtraction" in error.hint
    assert "subtraction" not in refusal("steps.fit - model").hint


def test_an_unknown_function_is_told_from_a_misspelt_one():
    assert refusal("lenn([1])").hint == "did you mean `len(value)`?"
    assert "to_json(x)" in refusal("toJSON(params.a)").hint
    assert "needs_policy: all_done" in refusal("always()").hint
    error = refusal("frobnicate(1)")
    assert error.code == "unknown-function"
    assert "date_range" in error.hint
    assert "call it" in refusal("len").hint


@pytest.mark.parametrize(
    "text",
    ["len()", "len(1, 2)", "len(vlaue=1)", "date_add(run.date, day=1)", "coalesce()", "min()", "join(',', sep=1)"],
)
def test_arguments_that_do_not_fit_are_refused_with_the_signature(text):
    error = refusal(text)
    assert error.code == "expression-arguments"
    assert FUNCTIONS[text.partition("(")[0]].signature in error.hint


def test_more_than_2000_characters_are_refused():
    assert parse("1" + " " * 1999).tree.value == 1
    assert refusal("1" + " " * 2000).code == "expression-limit"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 999 + "1" + ")" * 999,
        "[" * 90 + "]" * 90,
        "-" * 1999 + "1",
        "not " * 499 + "true",
        "+".join(["1"] * 1000),
        "params" + ".a" * 900,
        "1 if true else " * 130 + "2",
        "{'a':" * 100 + "1" + "}" * 100,
    ],
)
def test_deep_nesting_is_refused_not_a_crash(text):
    assert refusal(text).end <= len(text)


def test_a_stack_that_is_nearly_full_is_an_error_not_a_crash():
    def deep(levels):
        return refusal("[" * 70 + "]" * 70) if levels == 0 else deep(levels - 1)

    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    for left in (60, 100, 150):
        assert deep(sys.getrecursionlimit() - depth - left).code == "expression-limit"


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "'\ud800'", "1_000__0", "0b2", "1j", "b''", "...", "٣x"])
def test_odd_texts_are_refused(text):
    assert 0 <= refusal(text).start <= refusal(text).end <= len(text)


@pytest.mark.parametrize("text", [r'"\d"', "1or 2"])
def test_what_python_only_warns_of_is_refused_without_a_warning(text, recwarn):
    refusal(text)
    assert not recwarn.list


def test_expressions_and_their_errors_travel_by_pickle():
    expression = parse("coalesce(steps.a.x, [1, -2.5][params.i:], {'k': not true})")
    assert pickle.loads(pickle.dumps(expression)) == expression
    error = refusal("lenn(1)")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.start, again.end, again.hint, again.code) == (
        str(error),
        error.start,
        error.end,
        error.hint,
        error.code,
    )


def test_the_same_text_is_parsed_once():
    assert parse("params.once") is parse("params.once", set(ROOTS))
