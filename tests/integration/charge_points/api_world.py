"""An operator's own system that asks the REST interface, under the web's role."""

from dataclasses import dataclass
from typing import Any

from django.test import Client

from cpms.accounts.models import Operator, User
from cpms.accounts.services import operators
from tests.integration.charge_points.world import NOON

STATIONS = "/api/v1/operator/charge-points"
TRANSACTIONS = "/api/v1/operator/transactions"
PROBLEM = "application/problem+json"


@dataclass
class Caller:
    """Somebody who calls; ``as_role`` makes it the web's database role."""

    client: Client
    as_role: Any

    def get(self, path, **query):
        with self.as_role("app"):
            return self.client.get(path, query_params=query)

    def delete(self, path):
        with self.as_role("app"):
            return self.client.delete(path)

    def post(self, path, body=None, *, key=None):
        headers = {} if key is None else {"Idempotency-Key": key}
        with self.as_role("app"):
            return self.client.post(
                path,
                body if isinstance(body, str) else body or {},
                content_type="application/json",
                headers=headers,
            )

    def rows(self, path, **query):
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()["results"]

    def pages(self, path, **query):
        """All rows of a list, page by page, by the address that each page names."""
        found, url = [], path
        answer = self.get(url, **query)
        while True:
            body = answer.json()
            found.append(body["results"])
            if body["next"] is None:
                return found
            answer = self.get(body["next"].removeprefix("http://testserver"))


def system_of(as_role, code="one", *scopes) -> Caller:
    """An operator's own system; all scopes when none is named."""
    made = operators.create_api_key(
        operator_code=code,
        scopes=list(scopes or operators.SCOPES),
        name="test",
        by="test",
        at=NOON,
    )
    header = {"Authorization": f"Api-Key {made.key}"}
    return Caller(Client(headers=header), as_role)


def staff_of(as_role, roles: dict[str, str]) -> Caller:
    """A logged-in member of staff; operator code -> role."""
    user = User.objects.create_user(
        f"{'-'.join(roles)}@example.org", "x", is_staff=True
    )
    for code, role in roles.items():
        user.membership_set.create(operator=Operator.objects.get(code=code), role=role)
    client = Client()
    client.force_login(user)
    return Caller(client, as_role)


def problem_of(answer) -> tuple[int, str]:
    """Status and code of a problem; all of its members are there."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert body["type"] == f"urn:cpms:problem:{body['code']}"
    return answer.status_code, body["code"]
