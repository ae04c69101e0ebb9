import pytest
from ocpp import exceptions

from charge_points.ocpp.errors import CODES, VALID_CODES, Fault, code_for
from charge_points.ocpp.versions import V16, V201, VERSION_BY_SUBPROTOCOL, VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_every_fault_has_a_code_of_the_version(version):
    assert set(CODES[version]) == set(Fault)
    assert set(CODES[version].values()) <= VALID_CODES[version]


def test_1_6_keeps_the_misspelled_codes_of_its_specification():
    assert code_for(V16, Fault.MALFORMED) == "FormationViolation"
    assert code_for(V16, Fault.OCCURRENCE) == "OccurenceConstraintViolation"


def test_2_0_1_spells_them_right_and_has_two_codes_more():
    assert code_for(V201, Fault.MALFORMED) == "FormatViolation"
    assert code_for(V201, Fault.OCCURRENCE) == "OccurrenceConstraintViolation"
    assert code_for(V201, Fault.MESSAGE_TYPE) == "MessageTypeNotSupported"
    assert code_for(V201, Fault.FRAME) == "RpcFrameworkError"
    assert len(VALID_CODES[V16]) == 10
    assert len(VALID_CODES[V201]) == 12


def test_the_package_knows_our_codes_but_for_the_two_of_the_rpc_framework():
    known = {
        error.code
        for error in vars(exceptions).values()
        if isinstance(error, type) and hasattr(error, "code")
    }
    assert VALID_CODES[V16] <= known
    assert VALID_CODES[V201] - known == {"RpcFrameworkError", "MessageTypeNotSupported"}


def test_each_version_has_its_subprotocol():
    assert VERSION_BY_SUBPROTOCOL == {"ocpp2.0.1": V201, "ocpp1.6": V16}
