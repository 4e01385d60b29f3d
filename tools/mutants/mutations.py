"""Find the places of a module that can be broken, and break one.

A mutation replaces one piece of the source by another: a comparison by its neighbour, ``and`` by ``or``, a number by
the next one, a call by nothing. Texts that people read are left alone, and so is what only a type checker reads.
"""

from __future__ import annotations

import ast
from collections import Counter
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Mutation", "Trial", "mutations_of"]

_OTHERS: dict[type[ast.AST], type[Any]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
}
_OTHER_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_HAVE_MUTATIONS_OF_THEIR_OWN = (ast.Compare, ast.UnaryOp, ast.BoolOp, ast.Constant)
# What runs when a module loads, and matters to people and type checkers.
_FOR_READERS = {"annotation", "returns", "decorator_list", "bases"}


class Mutation(NamedTuple):
    """One way to break a module.

    :ivar module: its path below the package
    :ivar name: the same as long as the code around it is: module, function, and what becomes what
    :ivar lines: first and last of the lines that a test must run to meet it
    :ivar source: the module's whole text, broken; each line of the rest keeps its number
    """

    module: str
    name: str
    lines: tuple[int, int]
    source: str


class Trial(NamedTuple):
    """A mutation, and the tests that try it.

    :ivar tests: those that run its lines, in the order to run them
    :ivar more: those that run its module, which may meet what it does while the module loads
    :ivar is_early: whether its lines run while a module loads, too
    :ivar seconds: CPU time of the tests, where it is known
    """

    mutation: Mutation
    tests: list[str]
    more: list[str]
    is_early: bool = False
    seconds: Mapping[str, float] = MappingProxyType({})

    def patience(self, test: str) -> float:
        """Return the seconds after which *test* counts as hanging."""
        return 30 + 20 * self.seconds.get(test, 1)


class _Piece(NamedTuple):
    scope: str
    first_line: int
    node: ast.expr | ast.stmt
    other: ast.AST


def mutations_of(text: str, module: str) -> list[Mutation]:
    """Return every mutation of *text*, in the order of its lines."""
    whole = text.encode()
    starts = [0, *accumulate(map(len, whole.splitlines(keepends=True)))]
    seen: Counter[str] = Counter()
    found = []
    for scope, first_line, node, other in _pieces(ast.parse(text), "", 1):
        last_line = node.end_lineno or node.lineno
        start = starts[node.lineno - 1] + node.col_offset
        stop = starts[last_line - 1] + (node.end_col_offset or 0)
        after = ast.unparse(other)
        name = f"{module}: {scope or 'module'}: {ast.unparse(node)} -> {after}"
        seen[name] += 1
        numbered = name if seen[name] == 1 else f"{name} #{seen[name]}"
        piece = after + "\n" * (last_line - node.lineno)
        broken = whole[:start] + (f"({piece})" if isinstance(node, ast.expr) else piece).encode() + whole[stop:]
        found.append(Mutation(module, numbered, (first_line, last_line), broken.decode()))
    return sorted(found, key=lambda mutation: mutation.lines)


def _pieces(node: ast.AST, scope: str, first_line: int) -> Iterator[_Piece]:
    for child in _children(node):
        line = child.lineno if isinstance(child, ast.stmt) else first_line
        inner = scope
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inner = f"{scope}.{child.name}".lstrip(".")
        yield from (_Piece(inner, line, child, other) for other in _others(child))  # type: ignore[arg-type]
        yield from (_Piece(inner, line, test, ast.UnaryOp(ast.Not(), test)) for test in _conditions(child))
        yield from _pieces(child, inner, line)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can be broken; texts of errors need not be right for a caller to be safe."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr)):
        return
    for name, value in ast.iter_fields(node):
        if name not in _FOR_READERS:
            children = value if isinstance(value, list) else [value]
            yield from (each for each in children if isinstance(each, ast.AST) and not _is_for_type_checkers(each))


def _is_for_type_checkers(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.keyword(arg="strict"):  # zip: what always holds
            return True
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "NewType")):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
    return False


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can take the place of *node*."""
    match node:
        case ast.Compare(left, operators, rights):
            for place, operator in enumerate(operators):
                yield ast.Compare(left, [*operators[:place], _other(operator), *operators[place + 1 :]], rights)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(_other(operator), values)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in _OTHERS:
            yield ast.BinOp(left, _other(operator), right)
        case ast.AugAssign(target, operator, value):
            yield ast.AugAssign(target, _other(operator), value)
            yield ast.Pass()
        case ast.Constant():
            yield from _other_constants(node.value)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _OTHER_CALLS:
            yield ast.Call(ast.Name(_OTHER_CALLS[name]), arguments, keywords)
        case ast.Break() | ast.Continue():
            yield _other(node)
        case _:
            yield from _other_statements(node)


def _other(operator: ast.AST) -> Any:  # noqa: ANN401 - an operator of the same kind
    return _OTHERS[type(operator)]()


def _other_constants(value: object) -> Iterator[ast.Constant]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int():
            yield ast.Constant(value + 1)
        case float():
            yield ast.Constant(value * 2 + 1)
        case bytes():
            yield ast.Constant(value + b"x")


def _other_statements(node: ast.AST) -> Iterator[ast.stmt]:
    match node:
        case ast.Return(ast.Constant(None | bool())):  # what is returned becomes the opposite
            return
        case ast.Return(ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call() | ast.Await()) | ast.Raise() | ast.Delete([ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Assign([ast.Attribute() | ast.Subscript()]) | ast.AnnAssign(ast.Attribute(), value=ast.expr()):
            yield ast.Pass()


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.If(test) | ast.While(test) | ast.IfExp(test):
            tests = [test]
        case ast.comprehension(ifs=tests):
            pass
        case _:
            return
    yield from (test for test in tests if not isinstance(test, _HAVE_MUTATIONS_OF_THEIR_OWN))
