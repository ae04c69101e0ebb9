"""Small wrong changes to a module, one at a time.

Texts, annotations, decorators, assertions, ``zip(strict=…)`` and the HTTP status of
an error are left alone: their changes are found by reading, by types, elsewhere, or
never by a right program.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
CALCULATED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
NAMES_LEFT_ALONE = {"strict", "http_status"}
CALLED = {"min": "max", "max": "min", "all": "any", "any": "all"}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Args:
        line: of the changed expression.
        before, after: its source.
        place: its position among all nodes, and which change of it.
    """

    line: int
    before: str
    after: str
    place: tuple[int, int]

    def key(self, source: str) -> str:
        """Stable as long as the source line is: no line number."""
        line = source.splitlines()[self.line - 1].strip()
        return f"{line} | {self.before} -> {self.after}"


def mutants_of(source: str) -> list[Mutant]:
    """Every mutant of a module's source, in its order."""
    tree = ast.parse(source)
    found = []
    for number, node in _nodes(tree):
        for which, changed in enumerate(_changes(node)):
            found.append(
                Mutant(node.lineno, _text(node), _text(changed), (number, which))
            )
    return found


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """The module with the one change."""
    tree = ast.parse(source)
    wanted, which = mutant.place
    for number, node in _nodes(tree):
        if number == wanted:
            changed = list(_changes(node))[which]
            _replace(tree, node, ast.copy_location(changed, node))
            return ast.fix_missing_locations(tree)
    raise LookupError(mutant)


def _nodes(tree):
    """The nodes that may change, numbered in the order of the source."""
    return enumerate(_walk(tree))


def _walk(node) -> Iterator[ast.AST]:
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    if isinstance(node, ast.Assert | ast.Raise) or _named(node) in NAMES_LEFT_ALONE:
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for name, value in ast.iter_fields(node):
        if name in skipped:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _named(node) -> str | None:
    if isinstance(node, ast.keyword):
        return node.arg
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def _changes(node) -> Iterator[ast.AST]:
    name = f"_of_{type(node).__name__.lower()}"
    yield from globals().get(name, _of_nothing)(node)


def _of_nothing(_node):
    return ()


def _of_compare(node):
    for index, operator in enumerate(node.ops):
        changed = copy.deepcopy(node)
        changed.ops[index] = COMPARED[type(operator)]()
        yield changed


def _of_binop(node):
    known = CALCULATED.get(type(node.op))
    texts = (node.left, node.right)
    if known and not any(isinstance(each, ast.JoinedStr) for each in texts):
        yield ast.BinOp(node.left, known(), node.right)


def _of_augassign(node):
    known = CALCULATED.get(type(node.op))
    if known:
        yield ast.AugAssign(node.target, known(), node.value)


def _of_boolop(node):
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield ast.BoolOp(other, node.values)
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _of_unaryop(node):
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _of_constant(node):
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)


def _of_call(node):
    if isinstance(node.func, ast.Name) and node.func.id in CALLED:
        yield ast.Call(
            ast.Name(CALLED[node.func.id], ast.Load()), node.args, node.keywords
        )


def _of_ifexp(node):
    yield node.body
    yield node.orelse


def _of_break(_node):
    yield ast.Continue()


def _of_continue(_node):
    yield ast.Break()


def _of_expr(node):
    """A statement for its effect: left out."""
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


def _of_if(node):
    if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        changed = copy.copy(node)
        changed.test = ast.UnaryOp(ast.Not(), node.test)
        yield changed


def _text(node) -> str:
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))
    return text.splitlines()[0] if isinstance(node, ast.stmt) else text


def _replace(tree, old, new) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list):
                for index, item in enumerate(value):
                    if item is old:
                        value[index] = new
                        return
    raise LookupError(ast.dump(old))
