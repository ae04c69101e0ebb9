"""From the certificate to the receipt, against the provider simulator."""

from billing.models import Receipt
from tests.integration.billing.world import fresh, moves_of, payment_of


def test_a_charge_by_certificate_is_captured_on_the_operators_account(world):
    order = world.closed(energy_wh=10_000)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert (order.energy_wh, order.amount_minor) == (10_000, 595)
    payment = payment_of(order)
    assert payment.account_reference == world.account.reference
    assert (payment.captured_minor, payment.application_fee_minor) == (595, 30)
    assert moves_of(fresh(order)) == [
        "CREATED",
        "payment AUTHORIZING",
        "payment AUTHORIZED",
        "STARTING",
        "CHARGING",
        "FINISHED",
        "RATED",
        "payment CAPTURING",
        "payment CAPTURED",
        "CLOSED",
    ]
    assert Receipt.objects.get(order=order).number == 1
