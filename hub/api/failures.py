"""What an exception is to a caller: a problem with a code and a remedy, never a traceback."""

import logging

from psycopg import DataError, OperationalError
from psycopg_pool import PoolTimeout
from starlette.responses import JSONResponse, Response

from schemas.problems import PROBLEM_MEDIA_TYPE, Problem, ProblemError, problem

log = logging.getLogger(__name__)


def failure(error: Exception, place: str) -> Response:
    """The answer to a request that ended in ``error``; ``place`` names the request in the log: method and path."""
    if isinstance(error, ProblemError):
        return answer(error.problem, getattr(error, "retry_after_seconds", None), getattr(error, "challenge", None))
    if isinstance(error, DataError):
        # A text or number that PostgreSQL has no room for (a zero byte, say) cannot name anything that is stored.
        return answer(problem("query_invalid", "A value holds what no stored value can hold."))
    if isinstance(error, OperationalError | PoolTimeout):
        log.warning("the database does not answer: %s", type(error).__name__)
        return answer(problem("not_ready"))
    log.error("%s failed: %s", place, type(error).__name__, exc_info=error)
    return answer(problem("internal"))


def answer(body: Problem, retry_after_seconds: int | None = None, challenge: str | None = None) -> Response:
    """A problem as a response. 503 asks to come again after a second; ``challenge`` is what 401 asks for."""
    after = retry_after_seconds or (1 if body.status == 503 else None)
    headers = {"retry-after": str(after)} if after else {}
    if challenge:
        headers["www-authenticate"] = challenge
    return JSONResponse(body.model_dump(mode="json"), body.status, headers, media_type=PROBLEM_MEDIA_TYPE)
