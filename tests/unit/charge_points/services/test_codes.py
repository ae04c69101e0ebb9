from hypothesis import given, strategies as st

from charge_points.services.certificates import codes


def test_codes_are_short_and_differ():
    made = {codes.new_code() for _ in range(500)}
    assert len(made) == 500
    assert all(len(code) == codes.CODE_CHARS == 24 for code in made)
    assert all(codes.is_code(code) for code in made)


def test_they_carry_128_random_bits():
    assert len(codes.ALPHABET) ** codes.SECRET_CHARS >= 2**codes.SECRET_BITS


@given(st.integers(0, 23), st.sampled_from(codes.ALPHABET))
def test_a_typing_error_is_noticed(place, letter):
    code = codes.new_code()
    wrong = code[:place] + letter + code[place + 1 :]
    # Two digits of checksum miss one error in 3364; none in their own place.
    if wrong != code and place >= codes.SECRET_CHARS:
        assert not codes.is_code(wrong)


@given(st.text(max_size=40))
def test_anything_may_be_presented(text):
    found = codes.code_in(text)
    assert found is None or codes.is_code(found)


def test_the_code_is_found_in_its_address(settings):
    settings.PUBLIC_BASE_URL = "https://charge.example.org"
    code = codes.new_code()
    address = codes.uri_of(code)
    assert address == f"https://charge.example.org/c/{code}"
    assert len(address) <= codes.URI_CHARS_MAX
    for presented in (address, f"{address}/", f" {code}\n", f"HTTPS://X/c/{code}"):
        assert codes.code_in(presented) == code
