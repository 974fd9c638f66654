"""The addresses of ``/api/v1``: who is asking, and what they are answered; nothing is worked out here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator, BaseModel
from starlette.exceptions import HTTPException

from churnml.errors import ChurnmlError
from churnml.pages.cockpit.api import api_html
from churnml.web.api import acting, problems, reading, shapes
from churnml.web.api.acting import UNDO, Act
from churnml.web.api.answering import answer
from churnml.web.api.callers import AccountReader, AnyCaller, Caller, WorkReader, WorkWriter
from churnml.web.api.limits import RateLimit, ShortBodies
from churnml.web.api.problems import ApiProblem
from churnml.web.cockpit import Cockpit
from churnml.web.guard import PLACE
from churnml.web.people import People

DESCRIPTION = """What the pages of the cockpit show and do, for programs. Every request shows a token
(`Authorization: Bearer …`), which `churnml web token new` makes; it is answered what a person of its role would see.
Every answer names the scoring it was written by and has an ETag; every error is an `application/problem+json`."""

WorkId = Annotated[
    str,
    Path(max_length=shapes.LONGEST_NAME, description="The work item's id."),
    AfterValidator(shapes.storable),
]
IdempotencyKey = Annotated[
    str, Header(description="Your own name for this change: the same call twice changes something once.")
]
IfMatch = Annotated[str, Header(description="The ETag of the work item as you saw it.")]

# Any: FastAPI types what it documents so
Documented = dict[int | str, dict[str, Any]]


def api_application(cockpit: Cockpit, people: People) -> FastAPI:
    """The API as an application of its own, to be put below :data:`churnml.web.guard.PLACE`.

    Args:
        cockpit: what requests work with.
        people: tells whether a request comes from where people sign in.
    """
    app = FastAPI(
        title=f"churnml: {cockpit.project.name}",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": PLACE}],
        root_path_in_servers=False,
        redirect_slashes=False,
    )
    app.state.cockpit, app.state.people = cockpit, people
    app.state.limit = RateLimit(cockpit.project.spec.web.api_requests_per_minute)
    app.add_middleware(ShortBodies)
    app.get("/", include_in_schema=False)(_page)
    for path, name, address, shape in READ:
        app.get(path, operation_id=name, responses=_documented(shape, 401, 403, 404, 422, 429, 503))(address)
    app.get("/accounts", operation_id="list_accounts", responses=_documented(shapes.AccountPage, *LISTED, 410))(
        _accounts
    )
    for path, name, address in ACT:
        documented = _documented(shapes.WorkShown, 400, 401, 403, 404, 409, 412, 413, 422, 428, 429, 503)
        app.post(f"/work/{{work_id:path}}/{path}", operation_id=name, responses=documented)(address)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]  # as FastAPI means it to be extended
    app.add_exception_handler(ChurnmlError, problems.refused)
    app.add_exception_handler(RequestValidationError, problems.not_valid)
    app.add_exception_handler(HTTPException, problems.not_here)
    app.add_exception_handler(Exception, problems.failed)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The API's description; problems are no answer of an address, so their shape is added."""
    described = FastAPI.openapi(app)
    shape = ApiProblem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = shape.pop("$defs", {})
    described["components"]["schemas"] |= {"Problem": shape, **parts}
    return described


LISTED = (401, 403, 404, 422, 429, 503)


def _documented(shape: type[BaseModel], *statuses: int) -> Documented:
    """The answers of an address, for the API's description."""
    etag = {"ETag": {"description": "The fingerprint of the answer.", "schema": {"type": "string"}}}
    told: Documented = {200: {"model": shape, "headers": etag}}
    for status in statuses:
        told[status] = {
            "description": problems.NAMES[status].replace("-", " ").capitalize(),
            "content": {problems.PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return told


# ---------------------------------------------------------------- what is read


def _page(request: Request) -> Response:
    """The API's description as a page."""
    return HTMLResponse(api_html(request.app.openapi(), PLACE))


def _token(request: Request, caller: AnyCaller) -> Response:
    """Whose token it is, and what it may be used for."""
    token = caller.token
    shown = shapes.TokenShown(
        name=token.name,
        author=token.author,
        role=token.role,
        owners=None if token.owners is None else list(token.owners),
        scopes=list(token.scopes),
        expires_at=token.expires_at,
        project=caller.cockpit.project.name,
    )
    return answer(request, shown)


def _accounts(request: Request, caller: AccountReader, query: Annotated[shapes.AccountQuery, Query()]) -> Response:
    """A page of the accounts that are asked for, and the sums of all of them."""
    return answer(request, reading.account_page(caller, query))


def _account(request: Request, caller: AccountReader, query: Annotated[shapes.OneAccountQuery, Query()]) -> Response:
    """An account's newest score with its reasons, or that of a date."""
    return answer(request, reading.account_score(caller, query))


def _history(request: Request, caller: AccountReader, query: Annotated[shapes.HistoryQuery, Query()]) -> Response:
    """An account's scores, the newest first."""
    return answer(request, reading.account_history(caller, query))


def _account_work(request: Request, caller: WorkReader, query: Annotated[shapes.AccountWorkQuery, Query()]) -> Response:
    """All work of an account, ended work too."""
    return answer(request, reading.account_work(caller, query))


def _work_page(request: Request, caller: WorkReader, query: Annotated[shapes.WorkQuery, Query()]) -> Response:
    """A page of the work of those owners whose accounts may be seen, in the order it was opened."""
    return answer(request, reading.work_page(caller, query))


def _work_item(request: Request, caller: WorkReader, work_id: WorkId) -> Response:
    """A work item as it stands; its ETag is what a change of it has to name."""
    return answer(request, reading.work_shown(reading.work_item(caller, work_id)))


def _work_events(request: Request, caller: WorkReader, work_id: WorkId) -> Response:
    """Everything that happened to a work item."""
    return answer(request, reading.work_history(caller, work_id))


READ: tuple[tuple[str, str, Callable[..., Response], type[BaseModel]], ...] = (
    ("/token", "show_token", _token, shapes.TokenShown),
    ("/account", "show_account", _account, shapes.AccountScore),
    ("/account/history", "list_history", _history, shapes.AccountHistory),
    ("/account/work", "list_account_work", _account_work, shapes.AccountWorkItems),
    ("/work", "list_work", _work_page, shapes.WorkPage),
    # before the item itself, whose id may hold a slash
    ("/work/{work_id:path}/events", "list_work_events", _work_events, shapes.WorkHistory),
    ("/work/{work_id:path}", "show_work", _work_item, shapes.WorkShown),
)


# ---------------------------------------------------------------- what is done


def _done(
    request: Request,
    caller: WorkWriter,
    work_id: WorkId,
    asked: shapes.Why,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response:
    """It has been done."""
    return _acted(request, caller, Act(work_id, "done", asked, idempotency_key, if_match))


def _snooze(
    request: Request,
    caller: WorkWriter,
    work_id: WorkId,
    asked: shapes.WhyUntil,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response:
    """It is off the list until a date."""
    return _acted(request, caller, Act(work_id, "snooze", asked, idempotency_key, if_match))


def _dismiss(
    request: Request,
    caller: WorkWriter,
    work_id: WorkId,
    asked: shapes.Why,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response:
    """It will not be done."""
    return _acted(request, caller, Act(work_id, "dismiss", asked, idempotency_key, if_match))


def _hand_on(
    request: Request,
    caller: WorkWriter,
    work_id: WorkId,
    asked: shapes.WhyTo,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response:
    """Somebody else has it from now on."""
    return _acted(request, caller, Act(work_id, "hand-on", asked, idempotency_key, if_match))


def _undo(
    request: Request,
    caller: WorkWriter,
    work_id: WorkId,
    asked: shapes.Why,
    idempotency_key: IdempotencyKey = "",
    if_match: IfMatch = "",
) -> Response:
    """What the token did to it within the last two minutes is taken back."""
    return _acted(request, caller, Act(work_id, UNDO, asked, idempotency_key, if_match))


ACT: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("done", "do_work", _done),
    ("snooze", "snooze_work", _snooze),
    ("dismiss", "dismiss_work", _dismiss),
    ("hand-on", "hand_on_work", _hand_on),
    ("undo", "undo_work", _undo),
)


def _acted(request: Request, caller: Caller, wanted: Act) -> Response:
    outcome = acting.act(caller, wanted)
    headers = {"Idempotency-Replayed": "true"} if outcome.repeated else {}
    return answer(request, reading.work_shown(outcome.item), headers)
