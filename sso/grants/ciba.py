"""An auth_req_id for tokens (CIBA Core 10.1, poll and ping)."""

from typing import ClassVar

from sso.grants.approved import ApprovedGrant


class CibaGrant(ApprovedGrant):
    """Redeems what was approved at `/account/approvals` or by a code that was read back to the clerk."""

    GRANT_TYPE: ClassVar = "urn:openid:params:grant-type:ciba"
    KIND: ClassVar = "ciba"
    PARAMETER: ClassVar = "auth_req_id"
