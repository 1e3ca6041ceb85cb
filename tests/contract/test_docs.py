"""What the documentation says is there: pages as generated, links, commands, files, examples.

Each check is a function from a text to what is wrong in it, and is shown to find a planted fault.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import typer
from markdown.extensions.toc import slugify

from herken.reference.__main__ import FOLDER, main
from herken.reference.pages import choices, command
from herken.reference.text import NOTICE, ROOT, sources
from sandbox.scenario_file import ScenarioError, load

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
FOLDERS = (
    *("schemas", "pipeline", "brokers", "providers", "registry", "dienstverlener", "checker"),
    *("sandbox", "loadtest", "herken", "docs", "tests", "scenarios", "benchmarks", "requirements"),
)
READERS_OWN = frozenset({"conftest.py", "add_key.py", "publish_key.py"})
"""Files that a page lets its reader make."""
NOT_A_SHELL = frozenset({"python", "toml", "yaml", "sql", "json"})
USAGE_ERROR = typer.BadParameter.__mro__[1]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)((?: {4}\S.*\n)+)")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(r"(?<![\w/.:{}$>~*-])[\w.-]+(?:/[\w-][\w.-]*)+/?")
_PREFIX = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?=herken )")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=relative)


# --- links


def without_code(text: str) -> str:
    return _SPAN.sub("", _FENCE.sub("", text))


@cache
def anchors(path: Path) -> set[str]:
    text = _FENCE.sub("", path.read_text())
    titles = (re.sub(r"\]\([^)]*\)|[`\[]", "", title) for title in _HEADING.findall(text))
    return {slugify(title, "-") for title in titles}


def broken_links(text: str, page: Path) -> list[str]:
    """Links to a file or heading that is not there."""
    links = [link for link in _LINK.findall(without_code(text)) if "://" not in link]
    return [link for link in links if not is_there(link, page)]


def is_there(link: str, page: Path) -> bool:
    name, _, anchor = link.partition("#")
    path = (page.parent / name).resolve() if name else page
    return path.exists() and (not anchor or anchor in anchors(path))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page.read_text(), page) == []


# --- commands


def command_lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each `herken ...`, and whether it is whole, so that it could be run as it stands."""
    blocks = [body for language, body in _FENCE.findall(text) if language not in NOT_A_SHELL]
    prose = _FENCE.sub("", text)
    for line in "".join([*blocks, *_INDENTED.findall(prose)]).splitlines():
        found = _PREFIX.match(line.strip())
        if found:
            yield line.strip()[found.end() :], True
    for span in _SPAN.findall(prose):
        if span.startswith("herken "):
            yield span, False


def wrong_commands(text: str) -> list[str]:
    """Command lines that `herken` would not take."""
    found = []
    for line, whole in command_lines(text):
        words = [re.split(r"\\?\|", word) for word in shlex.split(line, comments=True)[1:]]
        found += [line for chosen in product(*words) if not is_taken([*chosen], whole=whole)]
    return found


def is_taken(words: list[str], *, whole: bool) -> bool:
    one, rest = command(), [*words]
    while rest and rest[0] in getattr(one, "commands", {}):
        one = one.commands[rest.pop(0)]
    if hasattr(one, "commands") and (rest[:1] == ["--help"] or not one.invoke_without_command):
        return rest == ["--help"] or (not rest and not whole)
    if hasattr(one, "commands") and rest and rest[0].isalpha() and rest[0].islower():
        return False
    return takes(one, rest, whole=whole)


def takes(one: typer.core.TyperCommand, words: list[str], *, whole: bool) -> bool:
    if not whole:
        known = {"--help", *(option for parameter in one.params for option in parameter.opts)}
        return all(word in known for word in words if word.startswith("-"))
    try:
        one.make_context(one.name, [word for word in words if word != "--help"])
    except USAGE_ERROR:
        return False
    return True


@each_page
def test_every_command_line_is_one_that_herken_takes(page: Path) -> None:
    assert wrong_commands(page.read_text()) == []


def unknown_targets(text: str) -> list[str]:
    """`make` targets that the Makefile does not have."""
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)(?=$|`)", text, re.MULTILINE)
    return [target for target in named if target not in there]


@each_page
def test_every_make_target_is_there(page: Path) -> None:
    assert unknown_targets(page.read_text()) == []


# --- files and variables


@cache
def file_names() -> set[str]:
    return {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}


def missing_files(text: str) -> list[str]:
    """Paths of the project that are not there, and Python files that it does not have."""
    text = _LINK.sub("]", text)
    paths = [path for path in _PATH.findall(text) if path.split("/")[0] in FOLDERS]
    strange = [path for path in _PATH.findall(text) if path.endswith(".py") and path not in paths]
    alone = [span for span in _SPAN.findall(text) if re.fullmatch(r"\w+\.py", span)]
    return [
        *(path for path in paths if not (ROOT / path).exists()),
        *strange,
        *(name for name in alone if name not in file_names() | READERS_OWN),
    ]


@each_page
def test_every_file_that_is_named_is_there(page: Path) -> None:
    assert missing_files(page.read_text()) == []


@cache
def variables() -> frozenset[str]:
    return frozenset(re.findall(r"HERKEN_[A-Z_]*[A-Z]", (FOLDER / "settings.md").read_text()))


def unknown_variables(text: str) -> list[str]:
    return [name for name in re.findall(r"HERKEN_[A-Z_]*[A-Z]", text) if name not in variables()]


@each_page
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    assert unknown_variables(page.read_text()) == []


def test_every_variable_of_the_code_is_in_the_settings() -> None:
    assert unknown_variables("\n".join(text for _, text in sources())) == []


# --- examples


def python_faults(text: str) -> list[str]:
    """Python blocks that do not parse, and what they import from the project that is not there."""
    found = []
    for block in [body for language, body in _FENCE.findall(text) if language == "python"]:
        try:
            tree = compile(block, "a page", "exec", ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            found.append(str(error))
            continue
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        found += [name for node in imports for name in missing_names(node)]
    return found


def missing_names(node: ast.ImportFrom) -> list[str]:
    module = node.module or ""
    if module.split(".")[0] not in FOLDERS:
        return []
    try:
        there = importlib.import_module(module)
    except ImportError:
        return [module]
    return [f"{module}.{alias.name}" for alias in node.names if not hasattr(there, alias.name)]


@each_page
def test_every_python_example_parses_and_imports_what_is_there(page: Path) -> None:
    assert python_faults(page.read_text()) == []


def scenario_faults(text: str, folder: Path) -> list[str]:
    """What is wrong in the scenarios of a page."""
    found = []
    for block in [body for language, body in _FENCE.findall(text) if language == "yaml"]:
        file = folder / "scenario.yaml"
        file.write_text(block)
        try:
            load(file)
        except ScenarioError as error:
            found.append(str(error))
    return found


def test_the_scenario_that_is_shown_is_right(tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/write-a-scenario.md").read_text()
    assert "```yaml\nherken: 1\n" in text
    assert scenario_faults(text, tmp_path) == []


def test_a_wrong_scenario_is_found(tmp_path: Path) -> None:
    assert scenario_faults("```yaml\nherken: 1\nprovider: []\n```\n", tmp_path) != []


# --- dead letters


def reasons(text: str) -> set[str]:
    """The reasons of dead letters in a module of the code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="Untrusted" | "JoseFault" | "Unreadable" | "_json")):
                found |= texts(node)
            case ast.FunctionDef(name="is_awaited" | "time_fault" | "_reason"):
                found |= {text for part in ast.walk(node) for text in texts(part)}
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="refused"), attr="append"),
                args=[ast.Tuple(elts=[_, ast.Constant(value=str(reason))])],
            ):
                found.add(reason)
            case ast.keyword(arg="reject", value=ast.Constant(value=str(reason))):
                found.add(reason)
    return {reason for reason in found if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|expired", reason)}


def texts(node: ast.AST) -> set[str]:
    parts = [*getattr(node, "args", [])] if isinstance(node, ast.Call) else [node]
    return {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}


CLIENT = ("dienstverlener/verify.py", "dienstverlener/evidence.py", "dienstverlener/offered.py")
"""What refuses an assertion, and buries nothing."""


def told_reasons() -> set[str]:
    text = (ROOT / "docs/how-to/handle-dead-letters.md").read_text()
    rows = re.findall(r"^\| (`[a-z].*?) \|", text, re.MULTILINE)
    return {reason for row in rows for reason in _SPAN.findall(row)}


def test_every_reason_of_a_dead_letter_is_told_and_no_other() -> None:
    modules = [(file, text) for file, text in sources() if not file.startswith("herken/")]
    given = {file: reasons(text) for file, text in modules}
    client = set().union(*(given.pop(file) for file in CLIENT))
    wanted = set().union(*given.values()) - {"message_not_handled"}
    assert wanted - told_reasons() == set()
    assert told_reasons() - wanted - client == {"malformed"}


def test_a_new_reason_is_found_in_the_code() -> None:
    assert reasons('raise Untrusted("never_heard_of")') == {"never_heard_of"}
    assert reasons('Step(reject="never_heard_of")') == {"never_heard_of"}
    assert reasons('refused.append((record, "never_heard_of"))') == {"never_heard_of"}


# --- planted faults


@pytest.mark.parametrize(
    ("check", "planted", "found"),
    [
        (lambda t: broken_links(t, PAGES[0]), "[a](nowhere.md) [b](https://x.nl)", ["nowhere.md"]),
        (lambda t: broken_links(t, ROOT / "README.md"), "[a](README.md#no)", ["README.md#no"]),
        (wrong_commands, "```\nherken lgin x --as y\n```\n", ["herken lgin x --as y"]),
        (wrong_commands, "```\nA=1 .venv/bin/herken login x\n```\n", ["herken login x"]),
        (wrong_commands, "```\nherken run broker polder\n```\n", ["herken run broker polder"]),
        (wrong_commands, "```\nherken demo --josn\n```\n", ["herken demo --josn"]),
        (wrong_commands, "```\nherken demo # plays\n```\n", []),
        (wrong_commands, "\n\n    herken dlq lst\n", ["herken dlq lst"]),
        (wrong_commands, "say `herken login --with x`", ["herken login --with x"]),
        (wrong_commands, r"`herken setup files\|tpics`", [r"herken setup files\|tpics"]),
        (wrong_commands, r"`herken setup files\|topics`", []),
        (unknown_targets, "`make coffee` and `make test`", ["coffee"]),
        (missing_files, "see `brokers/no.py`", ["brokers/no.py"]),
        (missing_files, "see `broker/rules.py`", ["broker/rules.py"]),
        (missing_files, "see `rulez.py`, `rules.py`", ["rulez.py"]),
        (missing_files, "```\nscenarios/second-login.yaml\n```\n", ["scenarios/second-login.yaml"]),
        (unknown_variables, "`HERKEN_KAFAK`", ["HERKEN_KAFAK"]),
        (python_faults, "```python\nimport schemas\nx = = 1\n```\n", None),
        (
            python_faults,
            "```python\nfrom dienstverlener import Asertion\n```\n",
            ["dienstverlener.Asertion"],
        ),
    ],
)
def test_a_planted_fault_is_found(
    check: Callable[[str], list[str]], planted: str, found: list[str] | None
) -> None:
    assert check(planted) == found if found is not None else len(check(planted)) == 1


# --- the reference


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "reference"))


def test_generated_pages_are_what_the_code_says() -> None:
    assert main(["--check"]) == 0


def _remove(folder: Path) -> None:
    (folder / "topics.md").unlink()


def _alter(folder: Path) -> None:
    page = folder / "refusals.md"
    page.write_text(page.read_text().replace("no_mandate", "no_mandat"))


def _add(folder: Path) -> None:
    (folder / "events.md").write_text(f"# Events\n\n{NOTICE}\n")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_remove, "topics.md: missing"),
        (_alter, "refusals.md: differs"),
        (_add, "events.md: the code does not generate it"),
    ],
)
def test_check_fails_and_names_the_page_when_one_differs(
    copy: Path, change: Callable[[Path], None], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], copy) == 0
    change(copy)
    assert main(["--check"], copy) == 1
    assert capsys.readouterr().out == f"not as the code generates it: {line}\n"


def test_writing_mends_a_page(copy: Path) -> None:
    _remove(copy)
    _alter(copy)
    assert main([], copy) == 0
    assert main(["--check"], copy) == 0


def test_every_choice_of_the_code_is_on_the_page() -> None:
    marks = sum(len(re.findall(r"\bCHOICE\b", text)) for _, text in sources())
    assert marks == sum(len(re.findall(r"\bCHOICE\b", text)) for _, _, text in choices())


# --- the site


def built(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)


def fetched(site: Path) -> list[str]:
    """What a page of the site would fetch from elsewhere."""
    pages = [page.read_text() for page in site.rglob("*.html")]
    tags = [tag for text in pages for tag in re.findall(r"<(?:link|script|img)[^>]*>", text)]
    return [tag for tag in tags if re.search(r'(?:src|href)="(?:https?:)?//', tag)]


def test_site_builds_strictly_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = built(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert fetched(tmp_path / "site") == []


def test_site_does_not_build_when_a_page_is_in_no_menu(tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs" / "stray.md").write_text("# Stray\n")
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "stray.md" in done.stderr


def test_a_script_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<a href="https://x.nl"> <script src="//x.nl/y.js">')
    assert fetched(tmp_path) == ['<script src="//x.nl/y.js">']
