"""Every statement of the page of 2024-11-15 is in the table, and what the table names is there."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

from cases import every

from rdbcodec.compat.rulebook import BY_ID, SAS_RULES
from rdbcodec.compat.statements import Statement, statements

TESTS = Path(__file__).parents[1]
RULES = BY_ID.keys() | {rule.id for rule in SAS_RULES}


def test_the_page_has_55_statements() -> None:
    assert [row.number for row in statements()] == list(range(1, 56))


@every("row", statements(), ids=lambda row: str(row.number))
def test_rules_and_tests_of_a_statement_are_there(row: Statement) -> None:
    assert [rule for rule in row.rules if rule not in RULES] == []
    assert [test for test in row.tests if not is_there(test)] == []


@every("row", statements(), ids=lambda row: str(row.number))
def test_a_statement_that_is_ok_is_carried_and_tested_and_one_that_is_not_says_what_it_lacks(
    row: Statement,
) -> None:
    if row.status == "OK":
        assert row.rules or row.step
        assert row.tests
        assert row.lacks is None
    else:
        assert row.lacks


@every("row", statements(), ids=lambda row: str(row.number))
def test_each_rule_of_a_statement_has_a_test_of_both_its_sides(row: Statement) -> None:
    tested = {test.partition("::")[2] for test in row.tests}
    assert {rule for rule in row.rules if rule in BY_ID} <= tested


def is_there(test: str) -> bool:
    """Whether a file has a function of that name, or SIDES of a rule of that name."""
    file, _, name = test.partition("::")
    if name in BY_ID:
        return any(sides.rule == name for sides in import_module(Path(file).stem).SIDES)
    tree = ast.parse((TESTS / file).read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree))
