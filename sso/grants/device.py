"""A window's or a kiosk's device code for tokens (RFC 8628 section 3.4)."""

from typing import ClassVar

from sso.grants.approved import ApprovedGrant


class DeviceGrant(ApprovedGrant):
    """Redeems what was approved at `/device`."""

    GRANT_TYPE: ClassVar = "urn:ietf:params:oauth:grant-type:device_code"
    KIND: ClassVar = "device"
    PARAMETER: ClassVar = "device_code"
