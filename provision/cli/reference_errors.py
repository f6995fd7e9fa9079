"""The reference of errors, read from the source: every refusal that podfleet can make.

What a refusal fills in is shown as {name}; a text that is made elsewhere, as an ellipsis.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from provision import places

_CLASSES = {
    "Refusal": "Refused, or failed safely (exit code 1)",
    "Unreachable": "A host is not reached, or was lost (exit code 1)",
    "UsageError": "The command line is wrong (exit code 2)",
    "NotSafe": "Not safe: a person has to act (exit code 4)",
}
_PARTS = ("where", "what", "do")
_LONGEST_PLACEHOLDER = 30
_TEXTS = (ast.Constant, ast.JoinedStr, ast.IfExp)


@dataclass(frozen=True, order=True)
class Stated:
    """One place in the source that raises."""

    module: str
    line: int
    kind: str
    where: str
    what: str
    do: str


def errors_page() -> Iterator[str]:
    """Every error by its exit code and module, in the order of the source."""
    yield from (
        "# Errors",
        "",
        "Every error reads *where: what is wrong. What to do.* A part in braces is filled in;",
        "`…` stands for words that come from elsewhere (the host's, the ACME server's).",
        "",
    )
    found = sorted(stated_errors(places.CHECKOUT / "provision"))
    for kind, title in _CLASSES.items():
        yield from (f"## {title}", "")
        module = ""
        for each in (one for one in found if one.kind == kind):
            if each.module != module:
                module = each.module
                yield from ("", f"### {module}", "")
            yield f"- *{each.where}*: {each.what}. **{each.do}**"
        yield ""


def stated_errors(source: Path) -> Iterator[Stated]:
    """Each call of an error class below the directory."""
    for file in sorted(source.rglob("*.py")):
        if "rehearsal_pod" in file.parts:
            continue
        module = ".".join(file.relative_to(source.parent).with_suffix("").parts)
        yield from _stated_in(module, ast.parse(file.read_text(encoding="utf-8")), {})


def _stated_in(module: str, scope: ast.AST, words: Mapping[str, ast.expr]) -> Iterator[Stated]:
    """The errors of one function or module; `words` are the texts that have a name there."""
    here = dict(words)
    for node in _inside(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            here[node.targets[0].id] = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _stated(module, node, node.func.id, here)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _stated_in(module, node, here)


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Everything in a scope in the order of the source; of an inner function, itself alone."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _inside(child)


def _stated(
    module: str, call: ast.Call, kind: str, words: Mapping[str, ast.expr]
) -> Iterator[Stated]:
    if kind not in _CLASSES:
        return
    given: dict[str, ast.expr] = dict(zip(_PARTS, call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg}
    parts = (_text(given[part], words) if part in given else "…" for part in _PARTS)
    where, what, do = (" ".join(part.split()) for part in parts)
    yield Stated(module, call.lineno, kind, where, what.rstrip("."), do)


def _text(node: ast.expr, words: Mapping[str, ast.expr]) -> str:
    """The literal text, with what is filled in as {placeholders}."""
    if isinstance(node, ast.Constant):
        return str(node.value).replace("*", r"\*").replace("<", r"\<")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, words) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _placeholder(node.value)
    if isinstance(node, ast.IfExp):
        return f"{_text(node.body, words)} / {_text(node.orelse, words)}"
    if isinstance(node, ast.Name) and isinstance(words.get(node.id), _TEXTS):
        return _text(words[node.id], {})
    return _placeholder(node) if isinstance(node, ast.Name | ast.Attribute) else "…"


def _placeholder(node: ast.expr) -> str:
    text = ast.unparse(node)
    is_plain = isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
    return f"{{{text}}}" if is_plain and len(text) <= _LONGEST_PLACEHOLDER else "{…}"
