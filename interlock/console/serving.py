"""What every answer of the console needs: who asks, from which page a form came, and how cookies are set."""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.api import Principal
from hub.api.access import StepUpNeeded
from hub.api.failures import answer
from interlock.console.asking import Form
from interlock.console.login import READ, Login, Staff
from interlock.console.pages import HEADERS, Pages, Reader
from interlock.console.words import say
from interlock.signing_in import LOGIN_SECONDS
from schemas.problems import problem


class Door:
    """Who may come in, and what those are told who may not."""

    def __init__(self, login: Login, pages: Pages, verify: Callable[[str], Principal]) -> None:
        self.login, self.pages = login, pages
        self._verify = verify

    def staff(self, request: Request) -> Staff | None:
        """From the session cookie, or for programs from a bearer token (which can read, and has no forms)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            principal = self._verify(token.strip())
            return Staff(principal.subject, principal.subject, principal.scopes, "", "", principal)
        return self.at_a_browser(request)

    def at_a_browser(self, request: Request) -> Staff | None:
        """From the session cookie alone: what a form needs."""
        return self.login.staff(request.cookies.get(self.login.session_cookie))

    def watcher(self, request: Request) -> Staff | None:
        """Who may look, at a browser."""
        staff = self.at_a_browser(request)
        return staff if staff is not None and staff.may(READ) else None

    def is_ours(self, request: Request, staff: Staff, form: Form) -> bool:
        """Whether a page of ours in this very session sent the form (CSRF)."""
        return self.login.is_ours(request, staff.form_token, form.text("form_token") or "")

    def to_login(self, request: Request, wants_json: bool) -> Response:
        """A browser is sent to the provider and comes back to this page; a program is told."""
        if wants_json:
            return answer(problem("unauthenticated", "Log in at /console, or send a staff member's bearer token."))
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self.begin(where)

    def step_up(self, request: Request, needed: StepUpNeeded) -> Response:
        """To prove more, and back to the page with the form, which is sent again: nothing was done."""
        page = urlsplit(request.headers.get("referer", ""))
        return self.begin(page.path + (f"?{page.query}" if page.query else ""), **needed.asked.asked)

    def begin(self, back_to: str, **asked: str) -> Response:
        """To the provider, and afterwards to ``back_to``. ``asked``: how surely the login is to be (RFC 9470)."""
        address, cookie = self.login.begin(back_to, **asked)
        response = RedirectResponse(address, 303, HEADERS)
        self.login.set_cookie(response, self.login.login_cookie, cookie, LOGIN_SECONDS)
        return response

    def no_role(self, reader: Reader, wants_json: bool) -> Response:
        """Logged in, and not for this page."""
        found = problem("forbidden", say("no_role", "en"))
        if wants_json:
            return answer(found)
        data = {"sentence": say("no_role", reader.language), "remedy": say("no_role_remedy", reader.language)}
        return self.pages.page("problem", reader, data | {"problem": found.model_dump()}, 403)

    def refusal(self, reader: Reader, word: str, status: int) -> Response:
        """A page with one of the console's own sentences, ``word``."""
        body = problem("forbidden" if status == 403 else "unauthenticated", say(word, "en"))
        data = {"sentence": say(word, reader.language), "remedy": "", "problem": body.model_dump() | {"code": word}}
        return self.pages.page("problem", reader, data, status)

    # --- around the door (``entering.Frontage``) ----------------------------------------------------------------

    def refused(self, request: Request, word: str, status: int) -> Response:
        """A login that did not come to its end, or a form that is not ours."""
        return self.refusal(Reader.of(request, None), word, status)

    def away(self, request: Request) -> Response:
        """The database does not answer."""
        return self.pages.problem(Reader.of(request, None), problem("not_ready"), False)

    def left(self, request: Request) -> Response:
        """Whoever has logged out."""
        return self.pages.page("signed_out", Reader.of(request, None), {})
