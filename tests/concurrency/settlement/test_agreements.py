"""Split agreements that are made at once: each is checked against the other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cpms.accounts.models import Operator
from settlement.models import SplitAgreement
from settlement.services import split_terms, splits
from tests.concurrency.settlement.in_line import in_line
from tests.integration.settlement.world import make_operator

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("platform_first", [True, False])
def test_the_platforms_part_changes_while_the_operator_agrees_with_a_host(
    transactional_db, platform_first
):
    """Whoever comes second is told: nothing keeps the old part unseen."""
    operator = make_operator("one")
    now = timezone.now()
    change = now + timedelta(days=30)

    def agreement(basis_points, valid_from, site_id=None):
        return splits.Agreement(
            operator_id=operator.pk,
            site_id=site_id,
            name="agreed",
            parties=(
                splits.Party("operator", "O", "operator"),
                splits.Party("platform", "P", "platform", basis_points),
            ),
            valid_from=valid_from,
        )

    splits.agree(agreement(500, now - timedelta(days=1)), by="platform", at=now)

    def platform():
        return splits.agree(agreement(800, change), by="platform", at=now)

    def owner():
        wanted = agreement(500, now, site_id=7)
        return split_terms.agree_as_operator(wanted, by="owner", at=now)

    deeds = [platform, owner] if platform_first else [owner, platform]
    first, second = in_line(Operator.objects.filter(pk=operator.pk), *deeds)
    assert isinstance(first, SplitAgreement), first
    assert isinstance(second, splits.UnableToAgreeSplit), second
    assert second.code == "platform_part_outlived"
