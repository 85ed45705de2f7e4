"""Every rule, on both sides of its condition: the tables SIDES of all `test_rules_*.py` of this folder."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

from cases import every
from judging import Sides, findings_of

from rdbcodec.compat.rulebook import BY_ID

ROOT = Path(__file__).parents[2]
FILES = sorted(path.stem for path in Path(__file__).parent.glob("test_rules_*.py"))
SIDES: list[Sides] = [sides for name in FILES for sides in import_module(name).SIDES]


@every("sides", SIDES, ids=lambda sides: sides.id)
def test_rule_speaks_on_one_side_of_its_condition_only(sides: Sides) -> None:
    severity = sides.severity or BY_ID[sides.rule].severity
    found = [(finding.severity, finding.says) for finding in findings_of(sides.fires, sides.rule)]
    assert found == [(severity, sides.says)], sides.section
    assert findings_of(sides.silent, sides.rule) == [], sides.section


def test_every_rule_has_a_test_of_both_sides() -> None:
    # AZ-SAS-GIVEN only asks: test_sas_that_was_not_shown_is_asked_for.
    assert {sides.rule for sides in SIDES} == set(BY_ID) - {"AZ-SAS-GIVEN"}


def test_nothing_needs_azure_but_its_wing_the_rulebook_its_report_and_the_command_line() -> None:
    package = ROOT / "rdbcodec"
    needing = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rdbcodec.compat.azure")
    }
    outside = {name for name in needing if not name.startswith(("compat/azure/", "cli/"))}
    assert outside == {f"reports/{name}.py" for name in ("azure", "azure_run", "azure_script")} | {
        "compat/rulebook.py"
    }
