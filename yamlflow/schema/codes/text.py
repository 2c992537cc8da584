"""What can be wrong with a file before it is a pipeline: the file, its characters, its YAML. Data only."""

from __future__ import annotations

from yamlflow.schema.codes.page import Code

CODES = (
    Code(
        "unreadable-file",
        "the file cannot be read",
        "There is no file of this name, it is a folder, or its permissions forbid reading it. "
        "A path is relative to the working directory.",
        "# yamlflow validate pipelin.yaml",
        "# yamlflow validate pipeline.yaml",
    ),
    Code(
        "encoding",
        "the file is not UTF-8 text",
        "Pipelines are UTF-8. Editors on Windows sometimes save UTF-16, or a local code page in which "
        "letters with accents are other bytes. Save the file as UTF-8; a byte order mark is allowed.",
        "# a file saved as UTF-16 or Latin-1",
        "# the same file saved as UTF-8",
    ),
    Code(
        "empty-file",
        "there is nothing in the file",
        "The file has no content, or only comments.",
        "# nothing but a comment\n",
        'yamlflow: 1\nsteps:\n  hello: {run: "module:function"}\n',
    ),
    Code(
        "limit",
        "the file is too large or too deep",
        "A file has at most 256 KiB, 64 levels, 20,000 keys and values, 1,000 aliases and 100 merged mappings; "
        "with its aliases expanded it is at most 10 times as large. Larger pipelines are several files "
        "(`uses: ./other.yaml`), and data belongs in files of its own.",
        "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
        "c: [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n",
        "a: &a [lol, lol, lol]\nb: *a\n",
    ),
    Code(
        "character",
        "an invisible or forbidden character",
        "Control characters, line separators of other alphabets and signs that reverse the direction of text may not "
        "stand in a file: it would not be what it looks like. In double quotes they can be written as escapes. "
        "In keys, blanks other than the space are refused as well.",
        "steps: \u202ereversed\n",
        'steps: "\\u202ereversed"\n',
    ),
    Code(
        "syntax",
        "this is not YAML",
        "The text cannot be read as YAML from this place on. Often the cause is just above: a quote or a bracket that "
        "is not closed, a line without a colon, a list item among keys.",
        "steps:\n  fit: {}\n  predict\n",
        "steps:\n  fit: {}\n  predict: {}\n",
    ),
    Code(
        "indentation",
        "a line is indented wrongly",
        "Entries of the same mapping or list begin in the same column. A line that is indented deeper belongs to the "
        "entry above it, and an entry has either a value on its line or lines below it.",
        "steps:\n  fit:\n    run: m:fit\n   needs: [a]\n",
        "steps:\n  fit:\n    run: m:fit\n    needs: [a]\n",
    ),
    Code(
        "tab",
        "a tab where YAML needs spaces",
        "YAML forbids tabs in indentation; this reader wants spaces between words too. Let your editor insert spaces.",
        "steps:\n\tfit: {}\n",
        "steps:\n  fit: {}\n",
    ),
    Code(
        "unclosed",
        "a quote or a bracket is never closed",
        "The quote or the bracket that is shown has no partner, so that everything after it would belong to it.",
        "needs: [a, b\nwhen: params.x\n",
        "needs: [a, b]\nwhen: params.x\n",
    ),
    Code(
        "needs-quotes",
        "a value needs quotes",
        "Some characters mean something in YAML: `@`, `` ` ``, `%`, `*`, `&`, `>` and `|` at the beginning, a colon "
        "with a space anywhere; within { } and [ ] also every bracket, brace and comma. Put the value in quotes, or "
        "give it a line of its own.",
        "inputs: {auc: steps.fit[0]}\n",
        'inputs: {auc: "steps.fit[0]"}\n',
    ),
    Code(
        "split-value",
        "a comma splits a value",
        "Within { } and [ ] a comma ends an item, also in the middle of a call. YAML says nothing about it and reads "
        "half of the expression as a value and the other half as a key. Put the expression in quotes.",
        "foreach: {n: range(0, 10)}\n",
        'foreach: {n: "range(0, 10)"}\n',
    ),
    Code(
        "missing-space",
        "no space after a colon",
        "`key:value` is one word in YAML. A key needs a space or the end of the line after its colon.",
        "resources: {cpu:4}\n",
        "resources: {cpu: 4}\n",
    ),
    Code(
        "double-braces",
        "`{{ x }}` is no hole",
        "Jinja, GitLab and Argo write `{{ x }}`; YAML reads it as a mapping in a mapping. A hole in a string is "
        "`${{ x }}`, and keys such as `inputs` and `when` take expressions without any braces.",
        "with:\n  day: {{ run.date }}\n",
        "with:\n  day: ${{ run.date }}\n",
    ),
    Code(
        "template",
        "there are no templates",
        "A pipeline is not put through a template engine, so that what is checked is what is run. `foreach` repeats, "
        "`when` decides, `uses` includes.",
        "steps: {% if params.x %}\n",
        "steps:\n  fit: {when: params.x}\n",
    ),
    Code(
        "tag",
        "there are no tags",
        "A word that begins with `!` is a tag in YAML, and tags can make a reader build objects or include files. "
        "This format has none. To negate, write `not x`; to make a string, use quotes.",
        "when: !params.deploy\n",
        "when: not params.deploy\n",
    ),
    Code(
        "directive",
        "there are no directives",
        "Lines such as `%YAML 1.1` change how a file is read. Pipelines are read as YAML 1.2, always.",
        "%YAML 1.1\n---\nyamlflow: 1\n",
        "yamlflow: 1\n",
    ),
    Code(
        "documents",
        "one file, one document",
        "`---` within a file begins a second document. A file holds one pipeline.",
        "yamlflow: 1\n---\nyamlflow: 1\n",
        "yamlflow: 1\n",
    ),
    Code(
        "duplicate-key",
        "a key stands twice in a mapping",
        "One of the two values would be lost. Two steps of the same name are two equal keys. Several mappings are "
        "merged with one `<<: [*a, *b]`.",
        "steps:\n  fit: {run: m:fit}\n  fit: {run: m:other}\n",
        "steps:\n  fit: {run: m:fit}\n  other: {run: m:other}\n",
    ),
    Code(
        "key-type",
        "a key is not a string",
        "Keys are names. A number, `true`, `null`, a list or a mapping must be quoted to be one.",
        'with:\n  labels: {1: low, "2": high}\n',
        'with:\n  labels: {"1": low, "2": high}\n',
    ),
    Code(
        "number-range",
        "a number is too large",
        "Integers have 64 bits and floats end near 1.8e308; a larger number would be changed silently. "
        "Long digit strings such as account numbers are text: quote them.",
        "with: {account: 123456789012345678901234567890}\n",
        'with: {account: "123456789012345678901234567890"}\n',
    ),
    Code(
        "escape",
        "an unknown escape in double quotes",
        "In double quotes a backslash begins an escape. Windows paths and regular expressions are easier in single "
        "quotes, in which a backslash is a plain character. Halves of surrogate pairs and NUL are no text.",
        'with: {pattern: "\\d+"}\n',
        "with: {pattern: '\\d+'}\n",
    ),
    Code(
        "unknown-anchor",
        "an alias without its anchor",
        "`*name` repeats what `&name` marked earlier in the same file. A text that begins with `*` needs quotes.",
        "defaults: {resources: *big}\n",
        "x-big: &big {cpu: 8}\ndefaults: {resources: *big}\n",
    ),
    Code(
        "duplicate-anchor",
        "an anchor is set twice",
        "YAML would let the second `&name` replace the first from there on, which nobody can see at the alias.",
        "x-a: &big {cpu: 8}\nx-b: &big {cpu: 16}\n",
        "x-a: &big {cpu: 8}\nx-b: &huge {cpu: 16}\n",
    ),
    Code(
        "alias-cycle",
        "an alias within its own anchor",
        "The value would contain itself without end.",
        "x-a: &a\n  inner: *a\n",
        "x-a: &a\n  inner: 1\nx-b: *a\n",
    ),
    Code(
        "merge",
        "`<<` merges mappings only",
        "The merge key takes a mapping, or a list of them: usually aliases. A key of the mapping itself wins over a "
        "merged one, an earlier merged mapping over a later one.",
        "steps:\n  fit:\n    <<: 1\n    run: m:fit\n",
        "x-base: &base {timeout: 1h}\nsteps:\n  fit:\n    <<: *base\n    run: m:fit\n",
    ),
)
