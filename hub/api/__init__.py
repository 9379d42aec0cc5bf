"""The hub over HTTP: messages in, orders and events out, channels run. All errors are RFC 9457 problems."""

from hub.api.access import Access, Principal
from hub.api.router import create_router, install_problems
from hub.api.services import Services

__all__ = ["Access", "Principal", "Services", "create_router", "install_problems"]
