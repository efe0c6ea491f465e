"""Links in pages lead below the path that the server stands below (DIGITS_URL_PREFIX)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "digits_core" / "ui").glob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]
BESIDE = ("/api", "/v2", "/store", "/name", "/index", "/datasets", "/models", "/job")


def bare(tree: ast.AST) -> Iterator[str]:
    """Addresses of this server in a file's texts that no call of ``here`` surrounds."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("here", "session.here", "session.address"):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (
                node.value.startswith(BESIDE) or any(f"]({start}" in node.value for start in BESIDE)):
            yield node.value
        yield from bare(node)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_no_page_has_an_address_without_the_prefix(file: Path) -> None:
    assert not list(bare(ast.parse(file.read_text())))


def test_the_rule_sees_what_it_forbids() -> None:
    wrong = ast.parse('st.link_button("a", f"/api/jobs/{x}")\nst.markdown(f"**{t}** [x](/api/jobs)")\n'
                      'st.link_button("b", here("/api/docs"))')
    assert list(bare(wrong)) == ["/api/jobs/", "** [x](/api/jobs)"]


def linked() -> None:
    import streamlit as st

    from digits_core.ui import session

    st.text(session.here("/api/docs"))
    st.text(session.address())


@pytest.mark.parametrize("prefix", ["", "/lab/digits"])
def test_links_and_lines_for_a_shell_have_the_prefix(
        prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITS_JOBS_DIR", str(tmp_path))
    monkeypatch.setenv("DIGITS_URL_PREFIX", prefix)
    st.cache_resource.clear()
    app = AppTest.from_function(linked, default_timeout=30).run()
    st.cache_resource.clear()
    assert [line.value for line in app.text] == [f"{prefix}/api/docs", f"http://localhost:8501{prefix}"]
