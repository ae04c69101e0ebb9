"""Texts: all that is said on the pages is translated; the compiled files are true."""

import ast
import re
from gettext import GNUTranslations
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[3] / "cpms" / "web"
LANGUAGES = ("de", "zh_Hans")
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
CONTEXT = "\x04"
HOLES = re.compile(r"%\(\w+\)|\{n\}")


def folder(language):
    return WEB / "locale" / language / "LC_MESSAGES"


def entries(language):
    """Messages and their translations as the .po file has them."""
    found = {}
    for block in (folder(language) / "django.po").read_text().split("\n\n")[1:]:
        values = {}
        for line in block.splitlines():
            if line.startswith("#"):
                assert "fuzzy" not in line, block
                continue
            word = re.match(r"msg\w+", line)
            key = word[0] if word else key  # noqa: F821 - of the line before
            values[key] = values.get(key, "") + ast.literal_eval(
                line[line.index('"') :]
            )
        context = values.get("msgctxt")
        message = values["msgid"]
        name = f"{context}{CONTEXT}{message}" if context else message
        found[name] = values["msgstr"]
    return found


def said_in_code():
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
            if node.func.id in CALLS and texts:
                yield texts[0]
            elif node.func.id == "pgettext" and len(texts) == 2:
                yield CONTEXT.join(texts)


def said_in_templates():
    for path in WEB.rglob("*.html"):
        text = path.read_text()
        for match in re.finditer(r"""{% translate (["'])(.*?)\1""", text):
            yield match[2]
        for match in re.finditer(
            r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate", text
        ):
            words = match[1].replace("%", "%%")
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_said_is_in_the_catalogue_and_translated(language):
    known = entries(language)
    said = {*said_in_code(), *said_in_templates()}
    assert len(said) > 200
    assert said - set(known) == set()
    assert [message for message, text in known.items() if not text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_of_values(language):
    for message, text in entries(language).items():
        assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(message)), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_edited_one(language):
    with (folder(language) / "django.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    known = dict(compiled._catalog)
    known.pop("")
    assert known == entries(language)
