# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages name is there: variables, playbooks, plugins; their inventory lines are YAML; a dead link is found."""

import ast
import functools
import re

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from tools import links, roles

from ansible_collections.usegalaxy_eu.celery.plugins.action.check_variables import NARROW_PREFIXES

PAGES = [str(path) for path in roles.files("README.md", "CONTRIBUTING.md", "docs/*.md", "roles/*/README.md")]
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
# A name with a role's prefix that belongs to somebody else: Celery's, Galaxy's, Flower's metrics, names on a host.
OTHERS = re.compile(
    r"celery_(conf|delayed_\w+|taskmeta)|galaxy_(config|rotation|systemd\w*|additional_venv_packages|mutable_data_dir)"
    r"|flower_(events_total|worker_\w+|task_(runtime|prefetch)\w*)|rabbitmq_(management|prometheus)|postgresql_pg_hba|rabbitmq_password_galaxy"
    # Of dj-wasabi.telegraf.
    r"|telegraf_(agent_(interval|output|package|package_method|version)|global_tags|plugins_(default|extra)|processors)"
)
# What people read. The page of the style shows what not to write.
TEXTS = [
    path
    for path in roles.files(
        "README.md", "CONTRIBUTING.md", "docs/*.md", "roles/*/README.md", "roles/*/meta/*.yml",
        "roles/*/defaults/*.yml", "roles/*/vars/*.yml", "roles/*/handlers/*.yml", "roles/*/tasks/**/*.yml",
        "playbooks/**/*.yml", "tests/testbed/README.md", "inventories/**/*.yml", "inventories/**/*.example",
    )
    if path.name != "style.md"
]  # fmt: skip
# What ansible-doc shows.
DOCUMENTED = roles.files("plugins/modules/*.py", "plugins/filter/*.py", "plugins/doc_fragments/*.py")
# Turns of phrase that a reader whose first language is not English stumbles over.
OPAQUE = re.compile(
    r"\b(?:made good|has on top|on top of|what stands"
    r"|stands? (?:in|beside|below|at|outside|among|on|there|here|as|behind)"
    r"|anew|(?:should|must) know|look than read|could not be had|is no login|verbs?|judged|judges"
    r"|what follows when|holds? \w+ against|held against|for good|for ever|passed over|earns?|without a word|of use"
    r"|turned away|likewise|mend(?:s|ed)?|(?:its|the) begin|stand-ins?|lives on|hangs? from|comes? up is|taken back"
    r"|take the place of|takes the place of|however wide|that time|of their time|is to have|are to have"
    r"|(?:we|let)s? (?:it|them|others|everybody|that) in|goes its way|wants? to be (?:refused|proved)|makes? of it)\b",
    re.IGNORECASE,
)
PREFIXES = tuple(prefix for role in roles.names() for prefix in NARROW_PREFIXES.get(role, (role + "_",)))


@functools.cache
def known():
    """Every name with a role's prefix that somebody may use: variables, also the older roles', plugins, playbooks."""
    points = [(role, point) for role in roles.names() for point in roles.entry_points(role)]
    found = {name for role, point in points for name in roles.options(role, point)}
    for path in roles.files("roles/*/meta/old_variables.yml"):
        found |= set(roles.load(roles.ROOT / path)["variables"])
    return found | {path.stem for path in roles.files("plugins/*/*.py", "playbooks/*.yml")} | set(roles.names())


def tokens(page):
    """The blocks of a page, and what stands in their lines."""
    for token in MARKDOWN.parse((roles.ROOT / page).read_text(encoding="utf-8")):
        yield token
        yield from token.children or []


def variables(content, top=True):
    """The names that an inventory or a play sets: keys at the top, and those below any `vars`."""
    if isinstance(content, dict):
        for key, value in content.items():
            if top:
                yield str(key)
            yield from variables(value, top=key == "vars")
    elif isinstance(content, list):
        for item in content:
            yield from variables(item, top=False)


def unknown(text):
    """The names in a block of YAML that begin with a role's prefix, and that nothing knows."""
    reader = YAML(typ="safe")
    # Before and after, as the page of the migration has them, are two inventories.
    parts = re.split(r"^# (?:before|after)$", text, flags=re.MULTILINE)
    names = {name for part in parts for document in reader.load_all(part) for name in variables(document)}
    return sorted(name for name in names - known() if name.startswith(PREFIXES) and not OTHERS.fullmatch(name))


@pytest.mark.parametrize("page", PAGES)
def test_inventory_lines_can_be_read_and_name_what_there_is(page):
    blocks = [token.content for token in tokens(page) if token.type == "fence" and token.info.strip() == "yaml"]
    assert [name for block in blocks for name in unknown(block)] == []


@pytest.mark.parametrize("page", PAGES)
def test_names_in_the_text_are_there(page):
    names = {token.content for token in tokens(page) if token.type == "code_inline"}
    names = {name for name in names if re.fullmatch(r"[a-z][a-z0-9_]+", name) and name.startswith(PREFIXES)}
    assert sorted(name for name in names - known() if not OTHERS.fullmatch(name)) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_is_called_by_its_full_name_is_there(page):
    text = (roles.ROOT / page).read_text(encoding="utf-8")
    called = {name for name in re.findall(r"\busegalaxy_eu\.celery\.([a-z_]+)", text) if name != "git"}
    assert sorted(called - known()) == []


@pytest.mark.parametrize("page", PAGES)
def test_facts_about_one_thing_are_a_list(page):
    """`**When:** ...` on lines of one paragraph is one run-together paragraph in HTML."""
    lines = [token.content for token in tokens(page) if token.type == "inline"]
    assert [text for text in lines if len(re.findall(r"^\*\*[^*]+:\*\*", text, re.MULTILINE)) > 1] == []


def opaque(text):
    """The opaque phrases of a text."""
    return [match[0] for match in OPAQUE.finditer(text)]


def documentation(path):
    """DOCUMENTATION, EXAMPLES and RETURN of a plugin, as written."""
    tree = ast.parse((roles.ROOT / path).read_text(encoding="utf-8"))
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value
    )


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_the_words_are_plain(path):
    assert opaque((roles.ROOT / path).read_text(encoding="utf-8")) == [], "see docs/style.md"


@pytest.mark.parametrize("path", DOCUMENTED, ids=str)
def test_the_words_of_the_documentation_are_plain(path):
    assert opaque(documentation(path)) == [], "see docs/style.md"


def test_opaque_words_are_found():
    assert opaque("It is made anew. What follows when they are not enough") == ["anew", "What follows when"]
    assert opaque("a queue stands still; it withstands") == []


def test_every_playbook_has_its_place():
    playbooks = {path.stem for path in roles.files("playbooks/*.yml")}
    readme = (roles.ROOT / "README.md").read_text(encoding="utf-8")
    operations = (roles.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `usegalaxy_eu\.celery\.([a-z_]+)`", readme, re.MULTILINE)) == playbooks
    assert set(re.findall(r"^## ([a-z_]+)$", operations, re.MULTILINE)) == playbooks


def test_pictures_are_small():
    assert [path for path in roles.files("docs/images/*") if (roles.ROOT / path).stat().st_size > 150_000] == []


def test_an_unknown_name_is_found():
    assert unknown("celery_wrokers: []\ngalaxy_root: /srv") == ["celery_wrokers"]
    assert unknown("- hosts: all\n  vars: {flower_pasword: x}") == ["flower_pasword"]
    assert unknown("galaxyservers: {vars: {rabbitmq_imag: x}}\nrabbitmq_image: y") == ["rabbitmq_imag"]


def test_a_dead_link_of_markdown_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# One `two`, three\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "[a](docs/other.md#one-two-three) [b](docs/other.md#four) [c](gone.md) ![d](gone.png)\n"
        "[e](https://example.org) [f](../x)\n",
        encoding="utf-8",
    )
    assert links.of_markdown(tmp_path) == [
        "README.md: docs/other.md#four: there is no such heading",
        "README.md: gone.md: there is no such file",
        "README.md: gone.png: there is no such file",
        "README.md: ../x: there is no such file",
    ]


def test_a_dead_link_of_a_site_and_what_it_loads_from_elsewhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#x">1</a><a href="b.html#y">2</a><a href="https://example.org">3</a><img src="c.png">'
        '<script src="https://cdn.example.org/a.js"></script><link rel="stylesheet" href="//example.org/a.css">',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text(
        '<p id="x"></p><style>@import "https://example.org/b.css";</style>', encoding="utf-8"
    )
    (tmp_path / "c.css").write_text("a { background: url('http://example.org/p.png') }", encoding="utf-8")
    assert links.of_site(tmp_path) == [
        "a.html: b.html#y: there is no such heading",
        "a.html: c.png: there is no such file",
        "a.html: //example.org/a.css: is loaded from elsewhere",
        "a.html: https://cdn.example.org/a.js: is loaded from elsewhere",
        "b.html: https://example.org/b.css: is loaded from elsewhere",
        "c.css: http://example.org/p.png: is loaded from elsewhere",
    ]
