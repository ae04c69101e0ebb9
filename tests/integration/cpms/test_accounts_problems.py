import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.test import RequestFactory

from cpms.accounts.api import problems
from cpms.accounts.models import User
from tests.integration.cpms.api_asking import (
    asking,  # noqa: F401 - a fixture
    header_of_a_key,  # noqa: F401 - a fixture
)

pytestmark = pytest.mark.django_db


def is_problem(answer, status, code):
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert body["code"] == code
    assert body["type"] == f"urn:cpms:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


@pytest.fixture
def user(db):
    return User.objects.create_user("s@example.org", is_staff=True)


def test_a_refusal_of_the_domain_keeps_its_code_and_details(ask):
    body = is_problem(ask("get", "/raising/refused"), 409, "no_such_deed")

    assert body["detail"] == "It does not go."
    assert body["title"] == "Not possible in this state"
    assert body["left"] == 3
    gone = is_problem(ask("get", "/raising/gone"), 410, "gone")
    assert "http_status" not in gone


def test_wrong_fields_are_named(ask):
    body = is_problem(ask("get", "/raising/fields"), 400, "validation_failed")

    assert body["errors"] == {"name": ["It is missing."]}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nowhere", 404, "not_found"),
        ("not_found", 404, "not_found"),
        ("denied", 403, "permission_denied"),
        ("large", 413, "request_too_large"),
    ],
)
def test_other_errors_have_codes_of_their_own(ask, name, status, code):
    is_problem(ask("get", f"/raising/{name}"), status, code)


@pytest.mark.parametrize("name", ["no_database", "no_connection"])
def test_a_lost_database_is_temporary(ask, name):
    answer = ask("get", f"/raising/{name}")

    body = is_problem(answer, 503, "temporarily_unavailable")
    assert answer["Retry-After"] == "2"
    assert "gone away" not in body["detail"]


def test_a_defect_shows_nothing_of_itself(ask):
    answer = ask("get", "/raising/crash")

    assert answer.status_code == 500
    assert b"defect" not in answer.content


def test_another_method_is_told_the_right_ones(ask, user):
    answer = ask("delete", "/echo", user=user)

    is_problem(answer, 405, "method_not_allowed")
    assert set(answer["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_another_kind_of_body_is_refused(ask, key_header):
    answer = ask(
        "post", "/echo", "a=b", format=None, content_type="text/plain", **key_header
    )

    is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("body", ["{", "nope", "\x00", '{"a": 1'])
def test_what_is_no_json_is_refused(ask, key_header, body):
    answer = ask(
        "post",
        "/echo",
        body,
        format=None,
        content_type="application/json",
        **key_header,
    )

    is_problem(answer, 400, "parse_error")


def test_a_body_that_is_too_large_is_refused(ask, key_header, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert ask("post", "/echo", {"a": "x" * 900}, **key_header).status_code == 200
    answer = ask("post", "/echo", {"a": "x" * 1000}, **key_header)
    is_problem(answer, 413, "request_too_large")


def test_another_kind_of_answer_is_not_acceptable(ask, user):
    answer = ask("get", "/echo", user=user, HTTP_ACCEPT="text/csv")

    is_problem(answer, 406, "not_acceptable")


# Outside of REST framework's views


def to_json(response):
    response.json = lambda: __import__("json").loads(response.content)
    return response


MACHINES = ["/api/v1/x", "/webhooks/x", "/.well-known/x"]


@pytest.mark.parametrize("path", MACHINES)
def test_programs_get_problems_from_everywhere(path):
    request = RequestFactory().post(path)

    for response, status, code in (
        (problems.bad_request(request, ValueError()), 400, "bad_request"),
        (problems.forbidden(request, PermissionDenied()), 403, "permission_denied"),
        (problems.not_found(request, ValueError()), 404, "not_found"),
        (problems.server_error(request), 500, "internal_error"),
    ):
        body = is_problem(to_json(response), status, code)
        assert body["detail"].startswith(f"POST {path}: ")


def test_people_get_pages():
    request = RequestFactory().get("/admin/x")

    for response, status in (
        (problems.bad_request(request, ValueError()), 400),
        (problems.forbidden(request, PermissionDenied()), 403),
        (problems.not_found(request, ValueError()), 404),
        (problems.server_error(request), 500),
    ):
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html")


def test_a_large_body_is_told_so_everywhere():
    response = problems.bad_request(
        RequestFactory().post("/admin/x"), RequestDataTooBig()
    )

    is_problem(to_json(response), 413, "request_too_large")


def test_an_unknown_address_of_programs_is_a_problem(client, db):
    is_problem(client.get("/api/v1/nowhere"), 404, "not_found")
    assert client.get("/nowhere")["Content-Type"].startswith("text/html")
