"""Every schema of OCPP 2.0.1, both directions, against generated payloads."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.unit.charge_points.ocpp.payloads import all_schemas
from tests.unit.charge_points.ocpp.round_trip import Contract

CONTRACTS = [Contract("2.0.1", *schema) for schema in all_schemas("2.0.1")]
RESULTS = [contract for contract in CONTRACTS if contract.is_result]

every_schema = pytest.mark.parametrize("contract", CONTRACTS, ids=str)
every_result = pytest.mark.parametrize("contract", RESULTS, ids=str)
few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@every_schema
@given(data=st.data())
@few
def test_a_valid_payload_survives_the_wire_unchanged(contract, data):
    contract.survives_the_wire(data)


@every_schema
@given(data=st.data())
@few
def test_our_fields_stand_in_schema_order_and_never_null(contract, data):
    contract.is_written_in_schema_order(data)


@every_schema
@given(data=st.data())
@few
def test_a_payload_without_a_required_field_is_refused(contract, data):
    contract.needs_its_required_fields(data)


@every_schema
@given(data=st.data())
@few
def test_an_unknown_field_is_refused_by_name(contract, data):
    contract.refuses_an_unknown_field(data)


@every_schema
@given(data=st.data())
@few
def test_the_slow_reference_validator_agrees(contract, data):
    contract.agrees_with_the_slow_validator(data)


@every_result
@given(data=st.data())
@few
def test_null_in_the_optional_fields_of_a_result_is_understood(contract, data):
    contract.understands_null_in_optional_fields(data)
