"""What is changed in a source to see whether a test notices: one small edit each. Pure: a text in, mutants out.

Left alone is what changes no decision: docstrings, strings, annotations, decorators, log lines, limits and paces. Never here: a
file, a test.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
COMPUTED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
TURNED = {"min": "max", "max": "min", "any": "all", "all": "any"}
WRAPPING = frozenset({"sorted", "reversed", "set", "frozenset", "list", "tuple", "abs", "round", "shield"})
"""calls that may be left out around their only value"""
TRIMMING = frozenset({"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "copy"})
SILENT = frozenset({"log", "_log", "logger", "LOG"})

Edit = tuple[int, int, str]
"""from, to (both counted in the bytes of the source) and what stands there instead"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit of one file."""

    file: str
    line: int
    """of the edit itself"""
    lines: tuple[int, ...]
    """of the statement around it: a test that reaches one of them may notice"""
    loading: bool
    """whether the edit acts when the module is loaded, as a table does: no single test reaches it then"""
    edit: Edit

    def applied(self, source: bytes) -> bytes:
        start, end, text = self.edit
        return source[:start] + text.encode() + source[end:]


def mutants(file: str, source: bytes) -> list[Mutant]:
    """All mutants of a file, in its order. A few don't compile, or change nothing: ask `is_another` before one is tried."""
    return list(_Hunt(file, source).found())


def is_another(mutant: Mutant, source: bytes) -> bool:
    """Whether it compiles, and is another program than its file."""
    try:
        tree = ast.parse(mutant.applied(source))
        with warnings.catch_warnings(action="ignore"):
            compile(tree, mutant.file, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return ast.dump(tree) != ast.dump(ast.parse(source))


class _Hunt:
    def __init__(self, file: str, source: bytes) -> None:
        self._file, self._source = file, source
        self._tree = ast.parse(source)
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def found(self) -> Iterator[Mutant]:
        seen: set[Edit] = set()
        for statement, node, loading in _visited(self._tree):
            for edit in self._edits(node, loading):
                if edit not in seen:
                    seen.add(edit)
                    yield Mutant(self._file, self._line(edit[0]), _reached(statement), loading, edit)

    def _line(self, at: int) -> int:
        return sum(start <= at for start in self._starts)

    def _start(self, node: ast.AST) -> int:
        return self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def _end(self, node: ast.AST) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def _whole(self, node: ast.AST, text: str) -> Edit:
        return self._start(node), self._end(node), text

    def _text(self, node: ast.AST) -> str:
        return self._source[self._start(node) : self._end(node)].decode()

    def _between(self, left: ast.AST, right: ast.AST, word: str, other: str) -> Iterator[Edit]:
        """A sign between two values, wherever their brackets stand."""
        start, end = self._end(left), self._start(right)
        at = self._source.find(word.encode(), start, end)
        if at >= 0:
            yield at, at + len(word), other

    def _edits(self, node: ast.AST, loading: bool) -> Iterator[Edit]:
        match node:
            case ast.If() | ast.IfExp():
                yield from (self._whole(node.test, value) for value in ("True", "False"))
            case ast.While():
                yield self._whole(node.test, "False")
            case ast.comprehension():
                yield from (self._whole(test, "True") for test in node.ifs)
            case ast.match_case(guard=ast.expr() as guard):
                yield self._whole(guard, "True")
            case ast.stmt():
                yield from self._statement(node)
            case ast.Dict() | ast.List() | ast.Tuple() | ast.Set() if loading:
                yield from self._rows(node)
            case ast.expr():
                yield from self._expression(node, loading)

    def _expression(self, node: ast.expr, loading: bool) -> Iterator[Edit]:
        match node:
            case ast.Compare():
                yield from self._compared(node)
            case ast.BoolOp():
                neutral = "True" if isinstance(node.op, ast.And) else "False"
                yield from (self._whole(value, neutral) for value in node.values)
            case ast.UnaryOp(op=ast.Not()):
                yield self._start(node), self._start(node) + len("not "), ""
            case ast.BinOp() if type(node.op) in COMPUTED and not (loading and _is_union(node)):
                yield from self._between(node.left, node.right, *COMPUTED[type(node.op)])
            case ast.Constant():
                yield from self._constant(node, loading)
            case ast.Call():
                yield from self._call(node)

    def _compared(self, node: ast.Compare) -> Iterator[Edit]:
        values = [node.left, *node.comparators]
        for left, sign, right in zip(values, node.ops, node.comparators, strict=False):
            yield from self._between(left, right, *COMPARED[type(sign)])

    def _constant(self, node: ast.Constant, loading: bool) -> Iterator[Edit]:
        if isinstance(node.value, bool):
            yield self._whole(node, str(not node.value))
        elif (
            isinstance(node.value, int | float) and not loading
        ):  # there it is a limit or a pace, and any near it would do
            yield self._whole(node, repr(node.value + 1))

    def _call(self, node: ast.Call) -> Iterator[Edit]:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in TURNED and isinstance(node.func, ast.Name):
            yield self._whole(node.func, TURNED[name])
        if name in WRAPPING and node.args:
            yield self._whole(node, f"({self._text(node.args[0])})")
        if name in TRIMMING and isinstance(node.func, ast.Attribute):
            yield self._whole(node, self._text(node.func.value))
        yield from self._without(node, [each for each in node.keywords if each.arg is not None])

    def _without(self, call: ast.Call, named: list[ast.keyword]) -> Iterator[Edit]:
        """A call without one of its named values: what is left unsaid has a default, or is no call at all."""
        parts = sorted([*call.args, *call.keywords], key=self._start)
        for each in named:
            at = parts.index(each)
            if at:
                yield self._end(parts[at - 1]), self._end(each), ""
            else:
                yield self._start(each), self._start(parts[1]) if len(parts) > 1 else self._end(each), ""

    def _rows(self, node: ast.Dict | ast.List | ast.Tuple | ast.Set) -> Iterator[Edit]:
        """A table without one of its rows."""
        values = node.values if isinstance(node, ast.Dict) else node.elts
        firsts = (
            [key or value for key, value in zip(node.keys, values, strict=True)]
            if isinstance(node, ast.Dict)
            else values
        )
        if len(values) < (3 if isinstance(node, ast.Tuple) else 2):
            return  # a pair is no table
        for at, (first, value) in enumerate(zip(firsts, values, strict=True)):
            if at:
                yield self._end(values[at - 1]), self._end(value), ""
            else:
                yield self._start(first), self._start(firsts[1]), ""

    def _statement(self, node: ast.stmt) -> Iterator[Edit]:
        match node:
            case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
                yield self._whole(value, "None")
            case ast.Expr(value=value) if not _is_quiet(value):
                yield self._whole(node, "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Delete() | ast.Raise():
                yield self._whole(node, "pass")
            case ast.Continue() | ast.Break():
                yield self._whole(node, "pass")
            case ast.AugAssign() if type(node.op) in COMPUTED:
                yield self._whole(node, "pass")
                yield from self._between(node.target, node.value, *COMPUTED[type(node.op)])


def _visited(tree: ast.Module) -> Iterator[tuple[ast.stmt, ast.AST, bool]]:
    """Every place for an edit, with its statement, and whether it acts while the module is loaded."""
    waiting: list[tuple[ast.stmt | None, ast.AST, bool]] = [(None, tree, True)]
    while waiting:
        statement, node, loading = waiting.pop()
        if statement is not None:
            yield statement, node, loading
        # What a parameter is by default shows in the function, whoever loads it.
        inside = loading and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        children = reversed(list(_children(node)))
        waiting += [(each if isinstance(each, ast.stmt) else statement, each, inside) for each in children]


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if _is_left_alone(node):
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def _is_left_alone(node: ast.AST) -> bool:
    """Strings with values in them (their parts have no places of their own), log lines, and what only types need, such as
    `dict[str, int]`.
    """
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        return True
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
        return True
    return isinstance(node, ast.Expr) and _is_quiet(node.value)


def _is_quiet(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return True
    call = value.func if isinstance(value, ast.Call) else None
    holder = call.value if isinstance(call, ast.Attribute) else None
    name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
    return name in SILENT


def _is_union(node: ast.BinOp) -> bool:
    """`A | B` of types, at the top of a module."""
    return isinstance(node.op, ast.BitOr)


def _is_nothing(value: ast.expr) -> bool:
    """Whether no caller could tell None from it by its truth alone."""
    if isinstance(value, ast.Constant):
        return not value.value
    return isinstance(value, ast.Tuple | ast.List | ast.Dict) and not ast.dump(value).count("Constant")


def _reached(statement: ast.stmt) -> tuple[int, ...]:
    """The lines of a statement, without those of the statements inside of it; of a function all of them."""
    bodies = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
    last = min((each.lineno - 1 for each in bodies), default=statement.end_lineno or statement.lineno)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        last = statement.end_lineno or last
    return tuple(range(statement.lineno, max(last, statement.lineno) + 1))
