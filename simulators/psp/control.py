"""Control endpoints under `/_sim`: what a test or an operator may turn.

They are guarded by the platform's key and speak JSON.
"""

from collections.abc import Callable
from typing import Final

from simulators.psp import accounts, cards, customers, disputes, intents, money, setups
from simulators.psp.api import Api
from simulators.psp.call import Call
from simulators.psp.errors import Json, invalid, no_such
from simulators.psp.faults import KINDS, read_rule
from simulators.psp.form import Params
from simulators.psp.keys import Keys
from simulators.psp.limits import PLATFORM
from simulators.psp.store import public
from simulators.psp.web import Request, Response, json_response

Action = Callable[["Control", Json, str], object]

_ADVANCE_S_MAX: Final = 400 * 86_400
_ANSWERS: Final = {"succeed": True, "fail": False}


def owner_of(api: Api, kind: str, reference: str) -> tuple[str, Json]:
    """Return the account that holds an object, and the object.

    Raises:
        ApiError: 404 when no account has it.
    """
    for account, thing in api.world.store.every(kind):
        if thing["id"] == reference:
            return account, thing
    raise no_such(kind, reference, param="id")


class Control:
    """The `/_sim` paths of one simulator."""

    def __init__(self, api: Api) -> None:
        """Control this interface's world."""
        self.api = api
        self.world = api.world

    def handle(self, request: Request) -> Response:
        """Answer one control request."""
        parts = request.path.removeprefix("/_sim/").strip("/").split("/")
        name, reference = parts[0], "/".join(parts[1:])
        if name == "health":
            return json_response(200, {"ok": True})
        if self.api.keys.owner(request.headers) != PLATFORM:
            raise invalid("Only the platform's key controls.", status=403)
        action = _ACTIONS.get((request.method, name))
        if action is None:
            known = ", ".join(f"{method} {path}" for method, path in _ACTIONS)
            raise invalid(f"Unknown control path. Known: {known}", status=404)
        if request.method == "GET":
            values = {**Params({}).values, **_query(request)}
        else:
            values = request.json()
        return json_response(200, action(self, values, reference))

    def call(self, account: str) -> Call:
        """Begin a call on an account, outside the public interface."""
        return Call(self.world, self.world.unit(), account, Params({}))

    def finish(self, call: Call, answer: Json) -> Json:
        """Make a call's changes true."""
        self.api.commit(call.unit)
        return public(answer)


def _query(request: Request) -> Json:
    pairs = (pair.partition("=") for pair in request.query.split("&") if pair)
    return {name: value for name, _, value in pairs}


def _books(control: Control, _values: Json, _reference: str) -> Json:
    control.api.sweep()
    return control.world.store.books.report(PLATFORM, control.world.clock.now())


def _calls(control: Control, values: Json, _reference: str) -> Json:
    path = str(values.get("path", ""))
    found = [call for call in control.api.calls if path in call["path"]]
    return {"total": control.api.calls_total, "calls": found}


def _clear_calls(control: Control, _values: Json, _reference: str) -> Json:
    control.api.calls.clear()
    control.api.calls_total = 0
    return {"total": 0}


def _settings(control: Control, _values: Json, _reference: str) -> Json:
    return control.world.rules.as_json()


def _change_settings(control: Control, values: Json, _reference: str) -> Json:
    control.world.rules.change(values)
    return control.world.rules.as_json()


def _faults(control: Control, _values: Json, _reference: str) -> Json:
    rules = [rule.as_json() for rule in control.api.faults.rules]
    return {"rules": rules, "kinds": KINDS}


def _add_fault(control: Control, values: Json, _reference: str) -> Json:
    return control.api.faults.add(read_rule(values)).as_json()


def _clear_faults(control: Control, _values: Json, _reference: str) -> Json:
    control.api.faults.clear()
    return {"rules": []}


def _account(control: Control, values: Json, reference: str) -> Json:
    call = control.call(PLATFORM)
    account = accounts.find(call.unit, reference)
    if values.pop("onboarded", False):
        account = accounts.enable(call.unit, account)
    if values:
        account = accounts.change_state(call.unit, account, values)
    return control.finish(call, account)


def _dispute(control: Control, values: Json, reference: str) -> Json:
    if reference:
        account, dispute = owner_of(control.api, "dispute", reference)
        call = control.call(account)
        won = _choice(values, "outcome", {"won": True, "lost": False})
        return control.finish(call, disputes.resolve(call, dispute, won=won))
    charge_id = values.get("charge")
    if intent_id := values.get("payment_intent"):
        charge_id = owner_of(control.api, "payment_intent", str(intent_id))[1][
            "latest_charge"
        ]
    account, charge = owner_of(control.api, "charge", str(charge_id))
    call = control.call(account)
    reason = str(values.get("reason", "fraudulent"))
    amount = values.get("amount")
    if amount is not None and type(amount) is not int:
        raise invalid("amount must be an integer", param="amount")
    opened = disputes.open_for(call, charge, amount=amount, reason=reason)
    return control.finish(call, opened)


def _choice(values: Json, name: str, words: dict[str, bool]) -> bool:
    word = values.get(name)
    if word not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}", param=name)
    return words[word]


def _authenticate(control: Control, values: Json, reference: str) -> Json:
    reference = reference.removesuffix("/authenticate")
    passed = _choice(values, "outcome", _ANSWERS)
    account, intent = owner_of(control.api, "payment_intent", reference)
    call = control.call(account)
    answer = intents.answer_challenge(call, intent, passed=passed)
    return control.finish(call, answer)


def _authenticate_setup(control: Control, values: Json, reference: str) -> Json:
    reference = reference.removesuffix("/authenticate")
    passed = _choice(values, "outcome", _ANSWERS)
    account, setup = owner_of(control.api, "setup_intent", reference)
    call = control.call(account)
    answer = setups.answer_challenge(call, setup, passed=passed)
    return control.finish(call, answer)


def _card(control: Control, values: Json, reference: str) -> Json:
    """Change what happens with a saved card, clones included."""
    behaviour = values.get("behaviour")
    if behaviour not in cards.BEHAVIOURS:
        words = ", ".join(sorted(cards.BEHAVIOURS))
        raise invalid(f"behaviour must be one of {words}", param="behaviour")
    account, method = owner_of(control.api, "payment_method", reference)
    call = control.call(account)
    card = customers.card_of(call.unit, method)
    card["behaviour"] = behaviour
    return control.finish(call, customers.save_card(call.unit, card))


def _clock(control: Control, values: Json, _reference: str) -> Json:
    advance_s = values.get("advance_s", 0)
    if type(advance_s) is not int or not 0 <= advance_s <= _ADVANCE_S_MAX:
        raise invalid(f"advance_s must be 0 to {_ADVANCE_S_MAX}", param="advance_s")
    clock = control.world.clock
    clock.offset_s += advance_s
    call = control.call(PLATFORM)
    saved = {"id": "clock", "offset_s": clock.offset_s}
    call.unit.put(PLATFORM, "_state", saved)
    control.finish(call, saved)
    control.api.sweep()
    return {"now": clock.now(), "offset_s": clock.offset_s}


def _key(control: Control, values: Json, _reference: str) -> Json:
    call = control.call(PLATFORM)
    return control.finish(call, Keys.issue(call.unit, str(values.get("account"))))


def _payout(control: Control, values: Json, _reference: str) -> Json:
    account = str(values.get("account", PLATFORM))
    call = control.call(account)
    made = money.pay_out_everything(call)
    control.api.commit(call.unit)
    return {"payouts": [public(payout) for payout in made]}


def _webhooks(control: Control, _values: Json, _reference: str) -> Json:
    dispatcher = control.api.dispatcher
    return {**dispatcher.stats, "waiting": dispatcher.waiting}


_ACTIONS: Final[dict[tuple[str, str], Action]] = {
    ("GET", "books"): _books,
    ("GET", "calls"): _calls,
    ("DELETE", "calls"): _clear_calls,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "accounts"): _account,
    ("POST", "disputes"): _dispute,
    ("POST", "payment_intents"): _authenticate,
    ("POST", "setup_intents"): _authenticate_setup,
    ("POST", "payment_methods"): _card,
    ("POST", "clock"): _clock,
    ("POST", "keys"): _key,
    ("POST", "payouts"): _payout,
    ("GET", "webhooks"): _webhooks,
}
