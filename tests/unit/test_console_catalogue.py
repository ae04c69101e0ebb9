"""The console's frame, first page, log-in and first steps speak three languages."""

import ast
import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "cpms" / "accounts" / "locale"
LANGUAGES = ("de", "zh_Hans")
CALLS = {"_", "gettext", "gettext_lazy"}
HOLES = re.compile(r"%\(\w+\)s|%s")
CODE = [
    *(ROOT / "cpms" / "accounts").glob("*.py"),
    *ROOT.glob("*/admin/panels.py"),
    *ROOT.glob("*/admin/onboarding.py"),
    ROOT / "charge_points" / "admin" / "places.py",
]
PAGES = [
    *(ROOT / "cpms" / "accounts" / "templates").rglob("*.html"),
    *(
        ROOT / "charge_points" / "templates" / "charge_points" / f"{name}.html"
        for name in (
            *("_commands", "_tabs", "_transactions", "certificate", "configuration"),
            *("connector", "import", "messages", "new_station", "send", "station"),
            *("station_password", "transaction", "variable"),
        )
    ),
]


def said():
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in CALLS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield node.args[0].value
    for path in PAGES:
        text = path.read_text()
        for match in re.finditer(r"""{% translate (["'])(.*?)\1""", text):
            yield match[2]
        for match in re.finditer(
            r"{% blocktranslate[^%]*%}(.*?){% (?:end|plural)", text
        ):
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", match[1])


def compiled(language):
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        known = dict(GNUTranslations(file)._catalog)
    known.pop("")
    return {key if isinstance(key, str) else key[0]: known[key] for key in known}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_said_is_translated(language):
    words = set(said())
    assert len(words) > 120
    assert words - set(compiled(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_of_values(language):
    for message, text in compiled(language).items():
        assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(message)), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_edited_one(language):
    source = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()
    texts = {
        ast.literal_eval(line.split(" ", 1)[1])
        for line in source.splitlines()
        if line.startswith("msgstr") and not line.endswith('""')
    }
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        known = dict(GNUTranslations(file)._catalog)
    known.pop("")
    assert texts == set(known.values())


@pytest.mark.parametrize(
    "path",
    list(ROOT.glob("*/templates/**/*.html"))
    + list(ROOT.glob("cpms/*/templates/**/*.html")),
    ids=lambda path: "/".join(path.parts[-2:]),
)
def test_every_page_compiles(path):
    name = path.as_posix().partition("/templates/")[2]
    assert get_template(name).template.name == name
