"""A signed meter value as the codec hands it over."""

from typing import Protocol


class SignedValueLike(Protocol):
    """A meter value with its signature, as sent."""

    @property
    def data(self) -> str:
        """The signed data, often OCMF; kept unchanged."""

    @property
    def signing_method(self) -> str:
        """Empty where nobody said; the same for the others."""

    @property
    def encoding_method(self) -> str:
        """How the data are written."""

    @property
    def public_key(self) -> str:
        """Of the meter."""

    @property
    def context(self) -> str:
        """The reading context of the value."""
