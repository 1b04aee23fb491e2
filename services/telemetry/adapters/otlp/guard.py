"""Who may send: anybody where only this machine's processes can reach the port, else a service's token."""

from __future__ import annotations

from chassis.auth import TokenVerifier
from chassis.refusals import PermissionDenied

ROLES = ("service", "operator")


class Guard:
    """Checks the `authorization` of an export; `verifier` None lets everybody in."""

    def __init__(self, verifier: TokenVerifier | None) -> None:
        self._verifier = verifier

    def check(self, authorization: str | None) -> None:
        """Return when the sender may send.

        Raises:
            Unauthenticated: no token, or one that is not valid.
            PermissionDenied: a token of another role.
        """
        if self._verifier is not None and not self._verifier.verify(authorization).has_role(*ROLES):
            raise PermissionDenied(f"an export needs a token with role {' or '.join(ROLES)}")
