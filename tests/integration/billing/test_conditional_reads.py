"""Who knows an answer already gets 304; nobody in between keeps one."""

import pytest

from tests.factories import accounts

pytestmark = pytest.mark.integration
GROUPS = "/api/v1/operator/driver-groups"


@pytest.fixture
def headers(db):
    return accounts.api_key(accounts.operator("one"))


def test_a_list_that_did_not_change_is_not_sent_again(client, headers):
    first = client.get(GROUPS, headers=headers)
    assert first["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first["Vary"]
    known = headers | {"If-None-Match": first["ETag"]}
    again = client.get(GROUPS, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    json = "application/json"
    client.post(GROUPS, {"code": "staff"}, json, headers=headers)
    changed = client.get(GROUPS, headers=known)
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_what_is_known_opens_nothing_to_strangers(client, headers):
    tag = client.get(GROUPS, headers=headers)["ETag"]
    assert client.get(GROUPS, headers={"If-None-Match": tag}).status_code in {401, 403}


def test_refusals_and_writes_have_no_tag(client, headers):
    answer = client.post(GROUPS, {}, "application/json", headers=headers)
    assert (answer.status_code, "ETag" in answer) == (400, False)
