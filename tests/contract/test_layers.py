"""Imports go downwards only, no file imports itself by a detour, and what must be light is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlleak_core.threat import discover

ROOT = Path(__file__).parents[2]
LAYERS = (
    ("installed",),
    ("language",),
    ("contract",),
    ("figures", "seeds", "disk", "measure", "door"),
    ("data", "glossary"),
    ("defences",),
    ("target",),
    ("threat",),
    ("threats",),
    ("server", "calibrate", "classroom", "sweeps"),
    ("report", "rehearsal"),
    ("elsewhere", "handouts"),
    ("commands",),
    ("__main__",),
    ("pages",),
    ("app",),
)
"""Rooms from the ground floor up; those of one floor do not know each other."""
FLOOR = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
LIGHT = (
    "mlleak_core.threat",
    "mlleak_core.server.desk",
    "mlleak_core.server.jobs",
    "mlleak_core.figures.look",
    "mlleak_core.figures.scenes",
    "mlleak_core.figures.sheets",
    "mlleak_core.data.source",
    "mlleak_core.defences.on_output",
    "mlleak_core.sweeps",
    "mlleak_core.report.evidence",
    "mlleak_core.report.contents",
    "mlleak_core.report.page",
    "mlleak_core.report.picture",
    "mlleak_core.__main__",
    "mlleak_core.classroom.phones",
    "mlleak_core.handouts.lessons",
)


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    files = [*ROOT.glob("mlleak_core/**/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "app.py"]
    named = {".".join(f.relative_to(ROOT).with_suffix("").parts): f for f in files}
    return {name.removesuffix(".__init__"): file for name, file in named.items()}


MODULES = modules()


def imports(file: Path) -> Iterator[str]:
    """Modules of the product that a file imports, at its top or later."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(module: str) -> str:
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "mlleak_core" else first


GRAPH = {name: sorted({m for m in imports(file) if m in MODULES}) for name, file in MODULES.items()}


def arrows() -> Iterator[tuple[str, str]]:
    for name, used in GRAPH.items():
        yield from (
            (name, other) for other in used if room(name) and room(other) and room(name) != room(other)
        )


def test_imports_go_downwards_only():
    unknown = {room(n) for n in MODULES} - set(FLOOR) - {""}
    assert not unknown, f"rooms without a floor: {unknown}"
    up = [(a, b) for a, b in arrows() if FLOOR[room(b)] >= FLOOR[room(a)]]
    assert not up, f"imports that run up or across: {up}"


def test_no_file_imports_itself_by_a_detour():
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join((*way[way.index(name) :], name))}"
        if name not in done:
            for other in GRAPH[name]:
                if other != name:
                    visit(other, (*way, name))
            done.add(name)

    for name in GRAPH:
        visit(name, ())


def test_rooms_of_threats_do_not_know_each_other():
    def own(module: str) -> str:
        parts = module.split(".")
        shared = len(parts) < 4 or parts[1] != "threats"
        return "" if shared else parts[2]

    across = [(a, b) for a in GRAPH for b in GRAPH[a] if own(a) and own(b) and own(a) != own(b)]
    assert not across


def test_outside_its_room_a_threat_is_known_by_its_card_alone():
    """Pages may know the card of their own threat and what is light of it."""
    inside = [(a, b) for a, b in arrows() if room(b) == "threats" and room(a) not in {"pages"}]
    assert not inside, f"who knows a threat's inside: {inside}"


def test_the_house_names_no_threat():
    slugs = [found.card.slug for found in discover()]
    commands = ROOT.glob("mlleak_core/commands/*.py")
    named = ("mlleak_core/__main__.py", "mlleak_core/threat/__init__.py", "app.py", "pages/_kit/frame.py")
    for file in (*(ROOT / name for name in named), *commands):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        assert not words & set(slugs), file
    for file in (ROOT / "mlleak_core" / "server").glob("*.py"):
        assert not any(f"threats.{slug}" in file.read_text() for slug in slugs), file


@pytest.mark.parametrize("module", [*LIGHT, *(f"mlleak_core.threats.{t.card.slug}.card" for t in discover())])
def test_what_must_be_light_is_light(module):
    heavy = "('torch', 'umap', 'numba', 'sklearn', 'scipy', 'streamlit')"
    code = f"import sys, {module}; found = [m for m in {heavy} if m in sys.modules]; assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)


def test_discovery_reads_cards_alone():
    code = "import sys; from mlleak_core.threat import discover; assert len(discover()) > 3; "
    code += "bad = [m for m in sys.modules if m.startswith('mlleak_core.threats.') and m.count('.') == 3 "
    code += "and not m.endswith('.card')]; assert not bad, bad; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)


def test_the_core_never_imports_streamlit_and_pages_never_import_torch():
    for name, file in MODULES.items():
        top = set(ast.walk(ast.parse(file.read_text())))
        names = {a.name.partition(".")[0] for n in top if isinstance(n, ast.Import) for a in n.names}
        names |= {(n.module or "").partition(".")[0] for n in top if isinstance(n, ast.ImportFrom)}
        if name.startswith("mlleak_core"):
            assert "streamlit" not in names, name
        if name.startswith(("pages", "mlleak_core.figures", "app")):
            assert "torch" not in names, name
        assert "pickle" not in names, name
