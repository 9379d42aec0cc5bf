"""InvalidIdentifier > InvalidLength, InvalidFormat, InvalidChecksum."""


class InvalidIdentifier(ValueError):
    """The value is not such a number."""


class InvalidLength(InvalidIdentifier):
    """It has too few or too many characters."""


class InvalidFormat(InvalidIdentifier):
    """A character stands where it may not."""


class InvalidChecksum(InvalidIdentifier):
    """The check digit does not fit the others: a typing error."""
