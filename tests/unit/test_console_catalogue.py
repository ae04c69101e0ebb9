"""Everything that a page says is said in three languages.

Read from the sources: what code and templates mark for translation, what templates say
without marking it, and the names that models and forms give to their columns.
"""

import ast
import re
from gettext import GNUTranslations
from pathlib import Path

import django
import pytest
from django import forms
from django.contrib import admin
from django.forms.utils import pretty_name
from django.template.loader import get_template
from django.utils.translation import override

from cpms.accounts.admin import PlatformAdmin
from cpms.accounts.admin_pages import TONES, PageAdmin
from cpms.accounts.model_words import ROOMS
from cpms.accounts.templatetags.cpms_admin import state_word

ROOT = Path(__file__).resolve().parents[2]
OURS = ("accounts", "notifications", "web")
OTHERS = (
    Path(django.__file__).parent / "conf",
    *(Path(django.__file__).parent / "contrib" / name for name in ("admin", "auth")),
)
LANGUAGES = ("de", "zh_Hans")
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "gettext_noop"}
SPOKEN = {"description", "label", "help_text", "empty_label"}
HOLES = re.compile(r"%\(\w+\)s|%s")
# Names that are the same in every language.
NAMES = {"Api", "Authorization", "CPMS", "EVSE", "Key", "OCPI", "OCPP", "kW", "kWh"}
# Fields whose choices are names: of places, and of languages in themselves.
SAME = {"default_language", "language", "locale", "time_zone"}
CODE = [
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if not {"migrations", "management"} & set(path.parts)
]
CONSOLE = [
    path
    for path in CODE
    if "admin" in path.parts or path.parent == ROOT / "cpms" / "accounts"
]
PAGES = [path for room in ROOMS for path in (ROOT / room).rglob("templates/**/*.html")]


def name_of(call):
    return ast.unparse(call.func).rpartition(".")[2]


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(letter.isalpha() for letter in node.value)
    )


def said_by_code():
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and name_of(node) in CALLS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def said_by_pages():
    for path in PAGES:
        text = path.read_text()
        for match in re.finditer(r"""{% translate (["'])(.*?)\1""", text):
            yield match[2]
        for match in re.finditer(r"""[:=]_\((["'])(.*?)\1\)""", text):
            yield match[2]
        for match in re.finditer(
            r"{% blocktranslate((?:[^%]|%(?!}))*)%}(.*?){% (?:end|plural)",
            text,
            re.DOTALL,
        ):
            words = match[2].replace("%", "%%")
            if " trimmed" in match[1]:
                words = " ".join(line.strip() for line in words.strip().splitlines())
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", words)


def columns_of(model, page):
    """Columns that a member may see: of the list, and of the form if there is one."""
    heads = {name for name in page.list_display if isinstance(name, str)}
    heads |= {name if isinstance(name, str) else name[0] for name in page.list_filter
              if isinstance(name, str | tuple)}  # fmt: skip
    for field in model._meta.local_fields:
        in_form = not isinstance(page, PageAdmin) and field.name != "id"
        if field.name in heads or (in_form and field.name not in (page.exclude or ())):
            yield field


def said_by_models():
    for model, page in admin.site._registry.items():
        if model.__module__.partition(".")[0] not in ROOMS:
            continue
        yield from (model._meta.verbose_name, model._meta.verbose_name_plural)
        if isinstance(page, PlatformAdmin):
            continue
        for field in columns_of(model, page):
            yield field.verbose_name
            if field.help_text and not getattr(page, "read_only", True):
                yield field.help_text
            for value, label in field.flatchoices:
                if str(value) != str(label):  # else the standard's own word
                    yield label
                    yield (
                        str(value).lower().replace("_", " ")
                        if ("state" in field.name or field.name == "registration")
                        else label
                    )


def kinds_of(base):
    for kind in base.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def said_by_forms():
    found = {
        kind
        for kind in kinds_of(forms.BaseForm)
        if kind.__module__.partition(".")[0] in ROOMS
    }
    assert len(found) > 20
    for form in found:
        for name, field in form.base_fields.items():
            if field.widget.is_hidden:
                continue
            yield field.label or pretty_name(name)
            yield field.help_text
            if name not in SAME and not isinstance(field, forms.ModelChoiceField):
                for value, label in getattr(field, "choices", ()):
                    if value and str(value) != str(label):
                        yield label


def read(folder, language):
    path = folder / "locale" / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        found = dict(GNUTranslations(file)._catalog)
    found.pop("", None)
    return {(key if isinstance(key, str) else key[0]): found[key] for key in found}


def known(language):
    words = set()
    for folder in (*(ROOT / "cpms" / name for name in OURS), *OTHERS):
        found = read(folder, language)
        words |= {key.rpartition("\4")[2] for key, text in found.items() if text}
    return words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("say", "least"),
    [
        (said_by_code, 400),
        (said_by_pages, 500),
        (said_by_models, 300),
        (said_by_forms, 60),
    ],
)
def test_everything_said_is_translated(say, least, language):
    with override("en"):
        words = {str(word) for word in say()} - {""}
    assert len(words) >= least
    assert sorted(words - known(language)) == []


@pytest.mark.parametrize("language", ["de", "zh-hans"])
def test_every_state_with_a_colour_has_a_word(language):
    with override(language):
        shown = {word: state_word(word) for word in TONES}
    told = {word for word, text in shown.items() if text == word.replace("_", " ")}
    assert told <= {"online", "offline"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_page_says_anything_in_one_language_only(path):
    text = re.sub(
        r"{% comment.*?endcomment %}|{% blocktranslate.*?{% endblocktranslate %}"
        r"|<(script|style|svg)\b.*?</\1>",
        "",
        path.read_text(),
        flags=re.DOTALL,
    )
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "|", text, flags=re.DOTALL)
    spoken = re.findall(r'\b(?:title|aria-label|placeholder|alt)="([^"]*)"', text)
    text = re.sub(r"<[^>]*>|&\w+;", "|", text, flags=re.DOTALL)
    words = re.findall(r"[A-Za-z]{2,}", " ".join([text, *spoken]))
    assert set(words) <= NAMES


@pytest.mark.parametrize("path", CONSOLE, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_heading_label_or_message_is_left_in_one_language(path):
    bare = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name.startswith("messages.") or name.endswith("message_user"):
            bare += [word for word in node.args[1:2] if isinstance(word, ast.Constant)]
            bare += [
                word
                for word in node.args[1:2]
                if isinstance(word, ast.JoinedStr)
                and any(c.isalpha() for part in word.values
                        if isinstance(part, ast.Constant) for c in str(part.value))
            ]  # fmt: skip
        elif name.endswith("ValidationError"):
            bare += [word for word in node.args[:1] if is_text(word)]
        elif name_of(node) in {"display", "action"} or name.endswith("Field"):
            bare += [
                word.value
                for word in node.keywords
                if word.arg in SPOKEN and is_text(word.value)
            ]
    assert [ast.unparse(word) for word in bare] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("room", OURS)
def test_translations_keep_the_places_of_values(room, language):
    for message, text in read(ROOT / "cpms" / room, language).items():
        assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(message)), message


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("room", OURS)
def test_the_compiled_catalogue_is_the_edited_one(room, language):
    folder = ROOT / "cpms" / room
    source = folder / "locale" / language / "LC_MESSAGES" / "django.po"
    assert "#, fuzzy" not in source.read_text()
    texts, inside = [], False
    for line in source.read_text().splitlines():
        if line.startswith("msgstr"):
            inside = True
            texts.append(ast.literal_eval(line.partition(" ")[2]))
        elif inside and line.startswith('"'):
            texts[-1] += ast.literal_eval(line)
        else:
            inside = False
    path = source.with_suffix(".mo")
    with path.open("rb") as file:
        compiled = dict(GNUTranslations(file)._catalog)
    compiled.pop("")
    assert set(texts[1:]) == set(compiled.values())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_page_compiles(path):
    name = path.as_posix().partition("/templates/")[2]
    assert get_template(name).template.name == name
