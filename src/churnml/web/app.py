"""The application: addresses, who is asking, and what they are answered; nothing is worked out here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from churnml.errors import ChurnmlError
from churnml.pages.cockpit.frame import Notice
from churnml.pages.cockpit.rendering import PageView, notice_html, page_html
from churnml.web import acting, keeping, reading, steering
from churnml.web.api.application import api_application
from churnml.web.cockpit import STATIC, Asked, Cockpit
from churnml.web.forms import SentForm, day_of, filter_of, local_address, page_of, sent_form
from churnml.web.guard import PLACE, Guard
from churnml.web.people import NotAllowedError, People, hosts_of
from churnml.web.refusals import remedy_of, status_of
from churnml.web.sessions import COOKIE, LIFETIME

log = logging.getLogger("churnml.web")

TITLES = {
    403: "Not allowed",
    404: "Not here",
    409: "Not done",
    422: "Not understood",
    500: "Something is wrong",
    503: "Not now",
}


def application(cockpit: Cockpit, people: People) -> ASGIApp:
    """The cockpit as an ASGI application.

    Args:
        cockpit: what requests work with.
        people: tells who is asking.
    """
    app = FastAPI(title="churnml", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.cockpit, app.state.people = cockpit, people
    app.mount(PLACE, api_application(cockpit, people))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for path, page in PAGES.items():
        app.get(path)(page)
    app.get("/accounts.csv")(_accounts_file)
    app.post("/work/many")(_many)
    app.post("/work/undo")(_undo)
    app.post("/work/{action}")(_work)
    app.post("/deliveries/revive")(_revive)
    app.post("/views/keep")(_keep_view)
    app.post("/views/remove")(_remove_view)
    app.post("/notes/add")(_write_note)
    app.add_exception_handler(ChurnmlError, _refused)
    app.add_exception_handler(HTTPException, _no_such_page)
    app.add_exception_handler(Exception, _failed)
    # outermost, so that what it promises holds of every answer
    return Guard(app, hosts_of(cockpit.project.spec.web))


# ---------------------------------------------------------------- who is asking


def asked_by(request: Request) -> Asked:
    """The request with its visitor; raises NotAllowedError."""
    cockpit: Cockpit = request.app.state.cockpit
    people: People = request.app.state.people
    visitor = people.visitor(request.client.host if request.client else None, request.headers)
    session = request.cookies.get(COOKIE, "")
    if not cockpit.sessions.is_live(session, cockpit.clock.now()):
        session = cockpit.sessions.begin(cockpit.clock.now())
    here = local_address(_address(request))
    asked = Asked(cockpit, visitor, session, here)
    request.state.asked = asked
    cockpit.check_store()
    return asked


def _address(request: Request) -> str:
    """The address of a page with what it asks for, but not with where to go on."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "focus"]
    return f"{request.url.path}?{urlencode(asked)}" if asked else request.url.path


KnownVisitor = Annotated[Asked, Depends(asked_by)]


async def form_of_session(request: Request, asked: KnownVisitor) -> SentForm:
    """A form that a page of this session sent; raises AskedError and NotAllowedError."""
    form = await sent_form(request)
    session = request.cookies.get(COOKIE, "")
    known = asked.cockpit.sessions.token_fits(form.one("token"), session, asked.visitor.name)
    if not known or session != asked.session:
        raise NotAllowedError(
            "Nothing was written: the page it was sent from is too old, or not one of ours.",
            remedy="Open the page again, and do it once more.",
        )
    return form


KnownForm = Annotated[SentForm, Depends(form_of_session)]


# ---------------------------------------------------------------- pages


def _start(asked: KnownVisitor) -> Response:
    return RedirectResponse("/day" if asked.visitor.may_act else "/accounts", 303)


def _day(asked: KnownVisitor, owner: str | None = None, focus: str = "") -> Response:
    return _page(asked, reading.my_day(asked, owner, focus))


def _account(
    asked: KnownVisitor,
    account_id: Annotated[str, Query(alias="id")] = "",
    as_of: str = "",
    since: str = "",
) -> Response:
    days = [day_of(text, what) if text else None for text, what in ((as_of, "as_of"), (since, "since"))]
    return _page(asked, reading.account_page(asked, account_id, *days))


def _accounts(request: Request, asked: KnownVisitor) -> Response:
    wanted = filter_of(request.query_params)
    return _page(asked, reading.accounts_page(asked, wanted, page_of(request.query_params)))


def _accounts_file(request: Request, asked: KnownVisitor) -> Response:
    as_of, lines = reading.accounts_file(asked, filter_of(request.query_params))
    name = {"Content-Disposition": f'attachment; filename="accounts-{as_of}.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=name)


def _playbooks(asked: KnownVisitor) -> Response:
    return _page(asked, steering.playbooks_page(asked))


def _models(asked: KnownVisitor) -> Response:
    return _page(asked, steering.models_page(asked))


PAGES: Mapping[str, Callable[..., Response]] = {
    "/": _start,
    "/day": _day,
    "/account": _account,
    "/accounts": _accounts,
    "/playbooks": _playbooks,
    "/models": _models,
}


def _page(asked: Asked, view: PageView) -> Response:
    return _with_session(asked, HTMLResponse(page_html(view, asked.frame())))


def _with_session(asked: Asked, response: Response) -> Response:
    sign_in = asked.cockpit.project.spec.web.sign_in
    response.set_cookie(
        COOKIE,
        asked.session,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=sign_in is not None and sign_in.https,
    )
    return response


# ---------------------------------------------------------------- what is done


def _work(asked: KnownVisitor, form: KnownForm, action: str) -> Response:
    if action not in acting.ACTIONS:
        raise HTTPException(404)
    acting.act(asked, form, action)
    return _on(form)


def _many(asked: KnownVisitor, form: KnownForm) -> Response:
    notices = acting.act_on_many(asked, form)
    if notices:
        return HTMLResponse(notice_html("Not all of it was done", notices, form.back, asked.frame()), 409)
    return _on(form)


def _undo(asked: KnownVisitor, form: KnownForm) -> Response:
    acting.undo(asked, form)
    return _on(form)


def _revive(asked: KnownVisitor, form: KnownForm) -> Response:
    steering.revive(asked, form)
    return _on(form)


def _keep_view(asked: KnownVisitor, form: KnownForm) -> Response:
    keeping.keep_view(asked, form)
    return _on(form)


def _remove_view(asked: KnownVisitor, form: KnownForm) -> Response:
    keeping.remove_view(asked, form)
    return _on(form)


def _write_note(asked: KnownVisitor, form: KnownForm) -> Response:
    keeping.write_note(asked, form)
    return _on(form)


def _on(form: SentForm) -> Response:
    """Back to the page, where the next item has the focus."""
    parts, focus = urlsplit(form.back), form.one("focus")
    asked = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if focus and parts.path == "/day":
        asked["focus"] = focus
    return RedirectResponse(f"{parts.path}?{urlencode(asked)}" if asked else parts.path, 303)


# ---------------------------------------------------------------- what is not


async def _refused(request: Request, problem: Exception) -> Response:
    """A mistake of somebody's, or an outage, in words; never where a file lies or what else there is."""
    code = status_of(problem, request.method)
    answer = _told(request, code, getattr(problem, "what", ""), remedy_of(problem))
    if code == 503:
        answer.headers["Retry-After"] = "5"
    return answer


async def _no_such_page(request: Request, problem: Exception) -> Response:
    code = problem.status_code if isinstance(problem, HTTPException) else 500
    return _told(request, code, "There is no such page." if code == 404 else "That cannot be asked for.", "")


async def _failed(request: Request, problem: Exception) -> Response:
    """A bug of ours: told in the log by its class and place, and to nobody else."""
    log.error("a bug of churnml: %(kind)s", {"kind": type(problem).__name__})  # the server logs where
    return _told(
        request, 500, "This is a bug of churnml. Nothing was half-written.", "Whoever runs it finds more in its log."
    )


def _told(request: Request, code: int, what: str, remedy: str) -> Response:
    asked: Asked | None = getattr(request.state, "asked", None)
    title = TITLES.get(code, "Not here")
    if asked is None:
        # nobody who is known is asking: what there is, is not their business
        return Response(f"{what} {remedy}".strip() + "\n", code, media_type="text/plain; charset=utf-8")
    back = local_address(urlsplit(request.headers.get("referer", ""))._replace(scheme="", netloc="").geturl())
    return HTMLResponse(notice_html(title, [Notice("refused", what, remedy)], back, asked.bare_frame()), code)
