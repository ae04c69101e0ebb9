"""The simulator against the provider's published description, where present."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from simulators.psp import routes
from simulators.psp.limits import API_VERSION
from tests.unit.simulators.psp.harness import Provider

CONTRACT = (
    Path(__file__).resolve().parents[5]
    / "shared"
    / "contracts"
    / "stripe-subset.openapi.json"
)
pytestmark = pytest.mark.skipif(
    not CONTRACT.exists(), reason="the published description is not here"
)


@pytest.fixture(scope="module")
def contract():
    return json.loads(CONTRACT.read_text())


def as_json_schema(node, known):
    """Return OpenAPI 3.0 as JSON Schema; references left open allow anything."""
    if isinstance(node, list):
        return [as_json_schema(one, known) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        inner = {"$ref": f"#/$defs/{name}"} if name in known else {}
    else:
        inner = {
            key: as_json_schema(value, known)
            for key, value in node.items()
            if key != "nullable"
        }
    if node.get("nullable") is True:
        return {"anyOf": [inner, {"type": "null"}]}
    return inner


@pytest.fixture(scope="module")
def definitions(contract):
    schemas = contract["components"]["schemas"]
    return {name: as_json_schema(one, schemas) for name, one in schemas.items()}


@pytest.fixture(scope="module")
def validator(definitions):
    made = {}

    def validate(name, value):
        if name not in made:
            schema = {"$ref": f"#/$defs/{name}", "$defs": definitions}
            made[name] = jsonschema_rs.validator_for(schema)
        errors = [
            f"{name}{list(error.instance_path)}: {error.message[:300]}"
            for error in made[name].iter_errors(value)
        ]
        assert errors == []

    return validate


class Recorder(Provider):
    """Keeps every answer with the route that gave it."""

    def __init__(self):
        super().__init__()
        self.answers = []

    def request(self, method, path, *args, **how):
        answer = super().request(method, path, *args, **how)
        found = routes.find(method, path)
        self.answers.append((found[0] if found else None, answer))
        return answer


def use_accounts(provider, account):
    provider.get("/v1/accounts")
    provider.post(f"/v1/accounts/{account}", {"email": "a@example.org"})
    provider.get(f"/v1/accounts/{account}")
    provider.post(
        "/v1/account_links",
        {
            "account": account,
            "type": "account_onboarding",
            "refresh_url": "https://a.example",
            "return_url": "https://a.example",
        },
    )
    gone = provider.account(
        capabilities={"card_payments": {"requested": True}}, email="b@example.org"
    )
    provider.control(
        f"accounts/{gone}",
        {"charges_enabled": False, "disabled_reason": "rejected.fraud"},
    )
    provider.get(f"/v1/accounts/{gone}")
    provider.request("DELETE", f"/v1/accounts/{gone}")


def use_customers(provider, account):
    customer, method = provider.saved_card()
    provider.post(
        "/v1/payment_methods",
        {"customer": customer, "payment_method": method},
        account=account,
    )
    provider.get("/v1/payment_methods", {"customer": customer})
    provider.get(f"/v1/payment_methods/{method}")
    provider.post(f"/v1/payment_methods/{method}", {"metadata": {"a": "1"}})
    provider.get("/v1/customers")
    provider.get(f"/v1/customers/{customer}")
    provider.post(f"/v1/customers/{customer}", {"name": "A"})
    setup = provider.post("/v1/setup_intents", {"customer": customer})["id"]
    provider.post(
        f"/v1/setup_intents/{setup}",
        {"payment_method": "pm_card_authenticationRequired"},
    )
    provider.post(
        f"/v1/setup_intents/{setup}/confirm", {"return_url": "https://a.example"}
    )
    provider.get(f"/v1/setup_intents/{setup}")
    provider.control(f"setup_intents/{setup}/authenticate", {"outcome": "fail"})
    provider.get("/v1/setup_intents")
    provider.request("DELETE", f"/v1/customers/{customer}")


def use_payments(provider, account):
    how = {"account": account}
    options = {"card": {"request_incremental_authorization": "if_available"}}
    held = provider.hold(
        account, 1000, payment_method_options=options, expand=["latest_charge"]
    )
    path = f"/v1/payment_intents/{held['id']}"
    provider.post(f"{path}/increment_authorization", {"amount": 1200}, **how)
    provider.post(path, {"metadata": {"a": "1"}}, **how)
    provider.capture(account, held["id"], 1000, fee=100)
    provider.get(
        path,
        {"expand": ["latest_charge.balance_transaction", "payment_method"]},
        **how,
    )
    asked = provider.hold(
        account, card="pm_card_authenticationRequired", return_url="https://a.example"
    )
    provider.post(f"/v1/payment_intents/{asked['id']}/cancel", {}, **how)
    made = provider.post(
        "/v1/payment_intents",
        {"amount": 100, "currency": "eur", "payment_method": "pm_card_chargeDeclined"},
        **how,
    )
    provider.refused("POST", f"/v1/payment_intents/{made['id']}/confirm", **how)
    provider.get(f"/v1/payment_intents/{made['id']}", **how)
    provider.post(
        f"/v1/payment_intents/{made['id']}/confirm",
        {"payment_method": "pm_card_visa"},
        **how,
    )
    provider.get("/v1/payment_intents", **how)
    charge = provider.get(path, **how)["latest_charge"]
    provider.get(f"/v1/charges/{charge}", **how)
    provider.post(f"/v1/charges/{charge}", {"metadata": {"a": "1"}}, **how)
    return held, charge


def use_refunds(provider, account, held, charge):
    how = {"account": account}
    values = {
        "payment_intent": held["id"],
        "amount": 400,
        "refund_application_fee": True,
    }
    refund = provider.post("/v1/refunds", values, **how)["id"]
    provider.get(f"/v1/refunds/{refund}", **how)
    provider.post(f"/v1/refunds/{refund}", {"metadata": {"a": "1"}}, **how)
    provider.get("/v1/refunds", **how)
    fee = provider.get("/v1/application_fees")["data"][-1]["id"]
    provider.post(f"/v1/application_fees/{fee}/refunds", {"amount": 5})
    provider.get(f"/v1/application_fees/{fee}")
    provider.get(f"/v1/application_fees/{fee}/refunds")
    opened = provider.control("disputes", {"charge": charge})["id"]
    path = f"/v1/disputes/{opened}"
    provider.get(path, **how)
    provider.get("/v1/disputes", **how)
    values = {"evidence": {"customer_name": "A"}, "submit": False}
    provider.post(path, values, **how)
    provider.post(f"{path}/close", **how)


def use_money(provider, account):
    how = {"account": account}
    provider.paid(account, 9000)
    provider.get("/v1/balance", **how)
    provider.control("clock", {"advance_s": 2 * 86_400})
    provider.get("/v1/balance", **how)
    lines = provider.get("/v1/balance_transactions", {"limit": 100}, **how)["data"]
    for line in lines:
        provider.get(f"/v1/balance_transactions/{line['id']}", **how)
    values = {"amount": 50, "currency": "eur"}
    payout = provider.post("/v1/payouts", values, **how)["id"]
    provider.get(f"/v1/payouts/{payout}", **how)
    provider.post(f"/v1/payouts/{payout}", {"metadata": {"a": "1"}}, **how)
    provider.get("/v1/payouts", **how)
    provider.get("/v1/balance_transactions", {"limit": 100})


def use_checkout_and_events(provider, account):
    how = {"account": account}
    item = {
        "price_data": {
            "currency": "eur",
            "unit_amount": 100,
            "product_data": {"name": "x"},
        }
    }
    values = {"mode": "payment", "line_items": [item], "metadata": {"a": "1"}}
    session = provider.post("/v1/checkout/sessions", values, **how)
    path = f"/v1/checkout/sessions/{session['id']}"
    provider.post(path, {"metadata": {"b": "1"}}, **how)
    provider.get("/v1/checkout/sessions", **how)
    provider.post(f"{path}/expire", **how)
    paid = provider.post("/v1/checkout/sessions", values, **how)
    provider.page("POST", paid["url"], {"payment_method": "pm_card_visa"})
    provider.get(f"/v1/checkout/sessions/{paid['id']}", **how)
    values = {"url": "https://a.example/h", "enabled_events": ["*"]}
    endpoint = provider.post("/v1/webhook_endpoints", values)["id"]
    path = f"/v1/webhook_endpoints/{endpoint}"
    provider.get(path)
    provider.get("/v1/webhook_endpoints")
    provider.post(path, {"disabled": True})
    provider.request("DELETE", path)
    events = provider.get("/v1/events", {"limit": 100}, **how)["data"]
    provider.get(f"/v1/events/{events[0]['id']}", **how)
    provider.get("/v1/events")


@pytest.fixture(scope="module")
def recorded():
    provider = Recorder()
    account = provider.account()
    use_accounts(provider, account)
    use_customers(provider, account)
    held, charge = use_payments(provider, account)
    use_refunds(provider, account, held, charge)
    use_money(provider, account)
    use_checkout_and_events(provider, account)
    provider.refused("GET", "/v1/balance", account="acct_x")
    provider.refused("GET", "/v1/balance", {"colour": "red"})
    provider.refused("GET", "/v1/transfers")
    provider.control("faults", {"kind": "error_before"})
    provider.refused("GET", "/v1/balance")
    return provider.answers


def test_the_pinned_version_is_the_contracts(contract):
    assert contract["info"]["version"] == API_VERSION


def test_every_route_was_used_and_exists_in_the_contract(contract, recorded):
    used = {route for route, answer in recorded if answer.status == 200}
    assert [r for r in routes.ROUTES if r not in used] == []
    for route in routes.ROUTES:
        assert route.method.lower() in contract["paths"][route.path]


def test_the_validator_can_say_no(validator):
    with pytest.raises(AssertionError, match="payment_intent"):
        validator("payment_intent", {"object": "payment_intent", "amount": "1"})


def test_answers_validate(recorded, validator):
    for route, answer in recorded:
        if answer.status != 200:
            validator("error", answer.json)
        elif route.answers.startswith("list:"):
            assert answer.json["object"] == "list"
            for item in answer.json["data"]:
                validator(route.answers.removeprefix("list:"), item)
        else:
            validator(route.answers, answer.json)


def test_answers_have_no_members_beyond_the_contract(recorded, contract):
    schemas = contract["components"]["schemas"]
    for route, answer in recorded:
        if answer.status != 200:
            continue
        kind = route.answers.removeprefix("list:")
        things = answer.json["data"] if kind != route.answers else [answer.json]
        for thing in things:
            assert set(thing) <= set(schemas[kind]["properties"])


def names(schema, prefix=""):
    """Yield the dotted parameter names of a request schema."""
    for choice in schema.get("anyOf", ()):
        yield from names(choice, prefix)
    if "items" in schema:
        yield from names(schema["items"], prefix)
    for name, inner in schema.get("properties", {}).items():
        whole = f"{prefix}.{name}" if prefix else name
        yield whole
        yield from names(inner, whole)


def test_accepted_parameters_are_the_contracts(contract):
    for route in routes.ROUTES:
        operation = contract["paths"][route.path][route.method.lower()]
        known = set()
        if route.method == "POST":
            content = operation["requestBody"]["content"]
            known |= set(names(content["application/x-www-form-urlencoded"]["schema"]))
        for parameter in operation.get("parameters", ()):
            known.add(parameter["name"])
            known |= set(names(parameter["schema"], parameter["name"]))
        assert sorted(route.accepts - known) == [], f"{route.method} {route.path}"


def test_required_parameters_are_required(contract):
    provider = Provider()
    account = provider.account()
    for route in routes.ROUTES:
        if route.method != "POST" or "{" in route.path:
            continue
        operation = contract["paths"][route.path]["post"]
        content = operation["requestBody"]["content"]
        schema = content["application/x-www-form-urlencoded"]["schema"]
        if schema.get("required"):
            acting = account if route.path == "/v1/payment_intents" else None
            answer = provider.refused("POST", route.path, account=acting)
            assert answer.error["code"] == "parameter_missing"
