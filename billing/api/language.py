"""In which language a REST answer is worded."""

from typing import Final

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from billing.pricing import LANGUAGES, language_of

LANGUAGE_CHARS_MAX: Final = 35
"""The longest language tag of RFC 5646 that needs no private use."""

LANGUAGE_PARAMETERS: Final = (
    OpenApiParameter(
        "lang",
        str,
        description=f"of the words ({', '.join(LANGUAGES)}); else Accept-Language",
    ),
)


def language_asked(request: Request) -> str:
    """``lang`` (or ``language``) of the query, else what Accept-Language prefers."""
    query = request.query_params
    asked = query.get("lang") or query.get("language") or get_language()
    return language_of((asked or "")[:LANGUAGE_CHARS_MAX])
