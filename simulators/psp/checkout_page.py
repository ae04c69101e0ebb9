"""The checkout page itself: plain HTML that works without any script."""

from html import escape
from typing import Final

from simulators.psp import cards
from simulators.psp.errors import Json

# Published test numbers and the test payment methods that they stand for.
NUMBERS: Final = {
    "4242424242424242": "pm_card_visa",
    "4000056655665556": "pm_card_visa_debit",
    "5555555555554444": "pm_card_mastercard",
    "378282246310005": "pm_card_amex",
    "4000000000000002": "pm_card_chargeDeclined",
    "4000000000009995": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "4000000000009987": "pm_card_visa_chargeDeclinedLostCard",
    "4000000000009979": "pm_card_visa_chargeDeclinedStolenCard",
    "4000000000000069": "pm_card_chargeDeclinedExpiredCard",
    "4000000000000127": "pm_card_chargeDeclinedIncorrectCvc",
    "4000000000000119": "pm_card_chargeDeclinedProcessingError",
    "4000000000000341": "pm_card_chargeCustomerFail",
    "4000002760003184": "pm_card_authenticationRequired",
    "4000002500003155": "pm_card_authenticationRequiredOnSetup",
    "4000000000003220": "pm_card_threeDSecure2Required",
    "4000000000000259": "pm_card_createDispute",
}
_DIGITS: Final = {"JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}
_DIGITS_USUAL: Final = 2

_WORDS: Final = {
    "en": {
        "pay": "Pay",
        "save": "Save card",
        "number": "Card number",
        "expiry": "Expiry (MM / YY)",
        "code": "Security code",
        "cancel": "Cancel and go back",
        "closed": "This page is closed",
        "simulated": "Simulated payment provider: no real money.",
        "wrong": "This is not one of the test cards below.",
        "tests": "Test cards",
        "works": "works",
        "bank": "the bank asks first (3-D Secure)",
        "declined": "is declined",
        "poor": "has no funds",
    },
    "de": {
        "pay": "Bezahlen",
        "save": "Karte speichern",
        "number": "Kartennummer",
        "expiry": "Gültig bis (MM / JJ)",
        "code": "Prüfziffer",
        "cancel": "Abbrechen und zurück",
        "closed": "Diese Seite ist geschlossen",
        "simulated": "Simulierter Zahlungsdienst: kein echtes Geld.",
        "wrong": "Das ist keine der Testkarten unten.",
        "tests": "Testkarten",
        "works": "geht",
        "bank": "die Bank fragt nach (3-D Secure)",
        "declined": "wird abgelehnt",
        "poor": "ist nicht gedeckt",
    },
    "zh": {
        "pay": "付款",
        "save": "保存银行卡",
        "number": "卡号",
        "expiry": "有效期 (月 / 年)",
        "code": "安全码",
        "cancel": "取消并返回",
        "closed": "此页面已关闭",
        "simulated": "模拟支付服务: 不涉及真实资金。",
        "wrong": "这不是下面的测试卡。",
        "tests": "测试卡",
        "works": "可用",
        "bank": "银行会询问 (3-D Secure)",
        "declined": "被拒绝",
        "poor": "余额不足",
    },
}
_SHOWN: Final = (
    ("4242 4242 4242 4242", "works"),
    ("4000 0000 0000 3220", "bank"),
    ("4000 0000 0000 0002", "declined"),
    ("4000 0000 0000 9995", "poor"),
)
_STYLE: Final = (
    ":root{color-scheme:light dark;--a:#0a6b4f;--l:#8884}"
    "*{box-sizing:border-box}"
    "body{font:1.0625rem/1.5 system-ui,sans-serif;max-width:26rem;margin:0 auto;"
    "padding:1.5rem 1rem}"
    "h1{font-size:1rem;font-weight:500;margin:0}"
    ".amount{font-size:2.25rem;font-weight:650;margin:.1rem 0 1.25rem}"
    "label{display:block;font-size:.9rem;margin:.9rem 0 .25rem}"
    "input{font:inherit;width:100%;padding:.7rem;border:1px solid var(--l);"
    "border-radius:.5rem;font-variant-numeric:tabular-nums}"
    ".two{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}"
    "button{font:inherit;font-weight:600;width:100%;padding:.8rem;margin:1.25rem 0 "
    ".75rem;border:0;border-radius:.5rem;background:var(--a);color:#fff}"
    "input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid "
    "#2a9d74;outline-offset:2px}"
    "a{color:inherit}[role=alert]{padding:.7rem;border-radius:.5rem;margin:0;"
    "background:#b3261e;color:#fff}[role=alert]:empty{display:none}"
    "small,dl{opacity:.8;font-size:.85rem}dl{display:grid;gap:.2rem 1rem;"
    "grid-template-columns:auto 1fr}dd{margin:0}"
)


def card_of(fields: dict[str, str]) -> str | None:
    """The test payment method that a form names, by number or by name."""
    name = fields.get("payment_method", "")
    if name in cards.TEST_CARDS:
        return name
    digits = fields.get("card_number", "").replace(" ", "").replace("-", "")
    return NUMBERS.get(digits)


def words_of(session: Json) -> dict[str, str]:
    """The page's words in the session's language."""
    return _WORDS.get(str(session["locale"] or "en")[:2], _WORDS["en"])


def _amount(session: Json) -> str:
    currency = str(session["currency"]).upper()
    digits = _DIGITS.get(currency, _DIGITS_USUAL)
    whole = str(session["amount_total"]).rjust(digits + 1, "0")
    if digits:
        whole = f"{whole[:-digits]}.{whole[-digits:]}"
    return f"{whole} {currency}"


def _frame(session: Json, title: str, content: str) -> str:
    language = str(session["locale"] or "en")
    language = "en" if language == "auto" else language
    return (
        f'<!doctype html><html lang="{escape(language)}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><main>{content}</main>"
        "</html>"
    )


def closed(session: Json) -> str:
    """Nobody can pay here any more."""
    words = words_of(session)
    back = _back(session, words)
    return _frame(
        session,
        words["closed"],
        f"<h1>{words['closed']}</h1><p>({escape(session['status'])})</p>{back}",
    )


def _back(session: Json, words: dict[str, str]) -> str:
    url = session["cancel_url"]
    if not url:
        return ""
    return f'<p><a href="{escape(url, quote=True)}">{words["cancel"]}</a></p>'


def _field(name: str, label: str, complete: str, hint: str) -> str:
    return (
        f'<div><label for="{name}">{label}</label><input id="{name}" name="{name}" '
        f'inputmode="numeric" autocomplete="{complete}" placeholder="{hint}"></div>'
    )


def show(session: Json, message: str) -> str:
    """The form; `message` is what went wrong before."""
    if session["status"] != "open":
        return closed(session)
    words = words_of(session)
    pays = session["mode"] == "payment"
    verb = words["pay"] if pays else words["save"]
    title = session["_title"] if pays else words["save"]
    amount = _amount(session) if pays else ""
    tests = "".join(
        f"<dt>{number}</dt><dd>{words[what]}</dd>" for number, what in _SHOWN
    )
    content = (
        f"<h1>{escape(title)}</h1><p class='amount'>{amount}</p>"
        f"<p role='alert'>{escape(message)}</p><form method='post'>"
        + _field("card_number", words["number"], "cc-number", "1234 1234 1234 1234")
        + "<div class='two'>"
        + _field("expiry", words["expiry"], "cc-exp", "12 / 39")
        + _field("code", words["code"], "cc-csc", "123")
        + f"</div><button>{verb} {amount}</button></form>"
        + _back(session, words)
        + f"<small>{words['simulated']} {words['tests']}:</small><dl>{tests}</dl>"
    )
    return _frame(session, title, content)
