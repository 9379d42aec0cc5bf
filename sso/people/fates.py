"""What becomes of everything that is known of an identity when it is joined to another one: a table to read.

*sleeps*: stays as it is and opens nothing, because the identity is disabled; it wakes when the joining is undone.
*ends*: for good; undoing does not bring it back. *moves*: goes with the person, and back when the joining is undone.
"""

from collections.abc import Sequence

FATES: tuple[tuple[str, str, Sequence[str]], ...] = (
    # table, what becomes of the absorbed identity's rows, the statements that do it
    ("identity", "sleeps", ()),  # `joining.join`
    (  # `logout.end_all_sessions` has told the clients of those that were live; this ends the others
        "session",
        "ends",
        (
            """UPDATE sso.session SET ended_at = %(now)s, end_reason = 'accounts_joined'
               WHERE identity_id = %(absorbed)s AND ended_at IS NULL""",
        ),
    ),
    (
        "token_grant",
        "ends",
        (
            """UPDATE sso.token_grant SET revoked_at = %(now)s, revoke_reason = 'accounts_joined'
               WHERE identity_id = %(absorbed)s AND revoked_at IS NULL""",
        ),
    ),
    (
        "code",
        "ends",
        ("UPDATE sso.code SET consumed_at = %(now)s WHERE identity_id = %(absorbed)s AND consumed_at IS NULL",),
    ),
    (
        "approval",
        "ends",
        (
            """UPDATE sso.approval SET state = 'refused', decided_at = %(now)s
               WHERE identity_id = %(absorbed)s AND state = 'waiting'""",
            """UPDATE sso.approval SET consumed_at = %(now)s
               WHERE identity_id = %(absorbed)s AND consumed_at IS NULL""",
        ),
    ),
    (
        "phone_challenge",
        "ends",
        (
            """UPDATE sso.phone_challenge SET consumed_at = %(now)s, expires_at = %(now)s
               WHERE consumed_at IS NULL AND (identity_id = %(absorbed)s OR phone_blind =
                   (SELECT phone_blind FROM sso.identity WHERE identity_id = %(absorbed)s))""",
        ),
    ),
    ("passkey", "sleeps", ()),
    ("passkey_challenge", "ends", ("DELETE FROM sso.passkey_challenge WHERE identity_id = %(absorbed)s",)),
    ("totp", "ends", ("DELETE FROM sso.totp WHERE identity_id = %(absorbed)s AND confirmed_at IS NULL",)),
    ("recovery_code", "sleeps", ()),
    (
        "recovery",
        "ends",
        ("UPDATE sso.recovery SET consumed_at = %(now)s WHERE identity_id = %(absorbed)s AND consumed_at IS NULL",),
    ),
    (
        "consent",
        "ends",
        (
            """UPDATE sso.consent SET ended_at = %(now)s, end_reason = 'accounts_joined'
               WHERE identity_id = %(absorbed)s AND ended_at IS NULL""",
        ),
    ),
    ("clerk", "sleeps", ()),  # somebody's employment is not joined; staff accounts are refused before
    ("real_name", "moves", ()),  # `joining.move_real_name`
    (
        "linked_account",
        "moves",
        (
            """UPDATE sso.linked_account SET identity_id = %(kept)s, joining_id = %(joining)s, next_attempt_at = %(now)s
               WHERE identity_id = %(absorbed)s AND ended_at IS NULL""",
        ),
    ),
    ("link_proof", "ends", ("DELETE FROM sso.link_proof WHERE %(absorbed)s IN (identity_id, absorbed_identity_id)",)),
    ("window_request", "ends", ("DELETE FROM sso.window_request WHERE identity_id = %(absorbed)s",)),
    ("companion", "moves", ()),  # `companions.move`
    ("companion_consent", "ends", ("DELETE FROM sso.companion_consent WHERE identity_id = %(absorbed)s",)),
    ("logout", "sleeps", ()),
    ("logout_delivery", "sleeps", ()),  # clients are still told of logouts that happened
    ("notice", "sleeps", ()),
    ("audit", "sleeps", ()),
)
"""What becomes of everything that is known of the absorbed identity. A test names a table that has no row here."""
