"""What each role sees and may do in the console, said by the pages themselves."""

from collections.abc import Iterator
from typing import Any, Final

from django.contrib import admin

from cpms.accounts.admin import OperatorScopedAdmin
from cpms.accounts.models import Membership
from cpms.accounts.services.second_factor import NEEDING_ROLES
from cpms.accounts.services.staff import ROLE_SCOPES

ROLES: Final = tuple(Membership.Role)
_HEAD: Final = """# Roles of staff

A member has one role at each operator; a role at one operator says nothing about
another. *looks*: sees the operator's own rows; *acts*: may also change them, or do what
the page offers where it offers anything. Exports need no more than looking. Platform
staff sees every operator and acts on all pages, but cannot move an operator's money by
hand: services are the only writers. This page is compared with the code by a test.

"""


def acting_roles(page: Any) -> frozenset[str]:  # noqa: ANN401 - a page of any model
    """The roles that may do more than look at a page's rows."""
    owner = {Membership.Role.OWNER}
    acting: frozenset[str] = getattr(page, "action_roles", frozenset())
    changing = frozenset() if page.read_only else page.change_roles | owner
    return frozenset((acting | owner if acting else frozenset()) | changing)


def looking_roles(page: Any) -> frozenset[str]:  # noqa: ANN401 - a page of any model
    """The roles that may look at a page's rows."""
    if page.view_roles is None:
        return frozenset(str(role) for role in ROLES)
    return frozenset(page.view_roles | {Membership.Role.OWNER})


def _pages() -> Iterator[tuple[str, Any]]:
    for page in admin.site._registry.values():  # noqa: SLF001
        if isinstance(page, OperatorScopedAdmin):
            yield str(page.opts.verbose_name_plural), page


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def reference() -> str:
    """docs/reference/roles.md."""
    names = [str(role.value) for role in ROLES]
    rule = "|---" * (len(names) + 1) + "|\n"
    parts = [_HEAD, "## Pages of the console\n\n", _row(["page", *names]), rule]
    for title, page in sorted(_pages(), key=lambda entry: entry[0].lower()):
        acting = acting_roles(page)
        looking = looking_roles(page)
        cells = [
            "acts" if role in acting else "looks" if role in looking else "—"
            for role in ROLES
        ]
        parts.append(_row([title.lower(), *cells]))
    parts += ["\n## Over REST\n\n", _row(["scope", *names]), rule]
    for scope in sorted(set().union(*ROLE_SCOPES.values())):
        cells = ["yes" if scope in ROLE_SCOPES[role] else "—" for role in ROLES]
        parts.append(_row([f"`{scope}`", *cells]))
    parts += ["\n## Log-in\n\n", _row(["", *names]), rule]
    asked = ["required" if role in NEEDING_ROLES else "offered" for role in ROLES]
    parts.append(_row(["second factor (in production)", *asked]))
    return "".join(parts)
