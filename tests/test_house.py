"""Rules of the house that no reviewer should have to remember (docs/architecture.md)."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.database import ROOT

WRITES = {
    "acreate", "asave", "adelete", "aupdate", "bulk_create", "bulk_update", "create", "create_user", "delete",
    "get_or_create", "save", "update", "update_or_create",
}  # fmt: skip
# Verbs that share a name with a write but touch no row: the session is a dictionary, a form's `save` is its action.
NOT_ROWS = {"session", "data", "context", "headers", "params", "kwargs", "initial", "cookies", "attrs"}

VIEWS = sorted(path for path in ROOT.glob("cercle/**/*.py") if path.name == "views.py" or path.parent.name == "views")


def _writes(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES):
            continue
        owner = node.func.value
        name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
        if name in NOT_ROWS or name.endswith("actions"):
            continue
        if (
            node.func.attr == "update"
            and name
            and not isinstance(owner, ast.Call)
            and "objects" not in ast.unparse(owner)
        ):
            continue  # dict.update(…)
        found.append(f"line {node.lineno}: {ast.unparse(node)[:100]}")
    return found


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_view_writes_to_the_database(path):
    assert _writes(ast.parse(path.read_text())) == []


def test_imports_go_down_only():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_html_is_marked_safe_in_two_files_only():
    """The tags of screens, and the fields of forms (their texts come from files: test_texts_are_never_markup)."""
    marked = [p for p in ROOT.glob("cercle/**/*.py") if re.search(r"\bmark_safe\(|SafeString\(", p.read_text())]
    known = ["cercle/base/web/templatetags/web.py", "cercle/care/questionnaires/rendering.py"]
    assert sorted(str(p.relative_to(ROOT)) for p in marked) == known


def test_no_template_turns_escaping_off():
    found = [
        str(p.relative_to(ROOT))
        for p in ROOT.glob("cercle/**/templates/**/*.html")
        if re.search(r"\|\s*safe\b|\{%\s*autoescape\s+off", p.read_text())
    ]
    assert found == []


def test_screens_use_only_signs_that_the_font_has():
    """U+202F and arrows fall back to another font; icons are for that."""
    wrong = re.compile("[\u202f\u2011\u2190-\u21ff\u2264\u2265]")
    found = [
        str(p.relative_to(ROOT)) for p in ROOT.glob("cercle/**/templates/**/*.html") if wrong.search(p.read_text())
    ]
    assert found == []
