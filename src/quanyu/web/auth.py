"""Sign-in, sign-out and API tokens as JSON; the pages' forms use the same functions."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from quanyu.kernel import AgreementId, TokenId, iso
from quanyu.parties import (
    Caller,
    Member,
    Scope,
    Token,
    csrf_token,
    issue_token,
    revoke_token,
    tokens,
)
from quanyu.parties import sign_in as sign_member_in
from quanyu.parties import sign_out as end_session
from quanyu.web.node import node_of
from quanyu.web.who import (
    address_of,
    caller_of,
    check_csrf_of,
    csrf_token_of,
    drop_session,
    put_session,
    session_of,
    signed_in,
)

router = APIRouter(prefix="/auth", tags=["auth"])


class SignIn(BaseModel):
    """Who wants to sign in."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class TokenWish(BaseModel):
    """The token that is wanted; ``agreement`` is the only one it shall work under."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_at: datetime
    agreement: str | None = None


async def sign_in(request: Request, login: str, password: str) -> tuple[Member, str]:
    """The member and the secret of its new session; raises as :func:`quanyu.parties.sign_in`."""
    node = node_of(request)
    return await run_in_threadpool(
        sign_member_in,
        node.control,
        login,
        password,
        address_of(request),
        agent=request.headers.get("user-agent", ""),
        hours=node.settings.session_hours,
    )


async def sign_out(request: Request) -> None:
    """End the session that came with the request, if one did."""
    secret = session_of(request)
    if secret is None:
        return
    node = node_of(request)

    def end() -> None:
        with node.control.begin() as session:
            end_session(session, secret)

    await run_in_threadpool(end)


async def list_tokens(request: Request, caller: Caller) -> list[Token]:
    """The caller's tokens, newest first."""
    node = node_of(request)

    def find() -> list[Token]:
        with node.control.read() as session:
            return tokens(session, caller)

    return await run_in_threadpool(find)


async def new_token(
    request: Request,
    caller: Caller,
    *,
    name: str,
    scopes: frozenset[Scope],
    expires_at: datetime,
    agreement: AgreementId | None = None,
) -> tuple[Token, str]:
    """A token and its secret, which is told this once."""
    node = node_of(request)

    def issue() -> tuple[Token, str]:
        with node.control.begin() as session:
            return issue_token(
                session,
                caller,
                name=name,
                scopes=scopes,
                expires_at=expires_at,
                agreement=agreement,
            )

    return await run_in_threadpool(issue)


async def end_token(request: Request, caller: Caller, token_id: TokenId) -> None:
    """Revoke a token; it works nowhere a second later."""
    node = node_of(request)

    def revoke() -> None:
        with node.control.begin() as session:
            revoke_token(session, caller, token_id)

    await run_in_threadpool(revoke)


@router.post("/sign-in", summary="Start a session")
async def post_sign_in(request: Request, response: Response, wish: SignIn) -> dict[str, Any]:
    """Set the session cookie; ``csrf_token`` goes into ``X-CSRF-Token`` of unsafe requests."""
    member, secret = await sign_in(request, wish.login, wish.password)
    put_session(response, request, secret)
    response.headers["cache-control"] = "no-store"
    return {
        "member": member.id,
        "party": member.party,
        "name": member.name,
        "roles": sorted(member.roles),
        "csrf_token": csrf_token(secret),
    }


@router.post("/sign-out", status_code=204, summary="End the session")
async def post_sign_out(request: Request) -> Response:
    """End the session and forget its cookie."""
    await check_csrf_of(request)
    await sign_out(request)
    response = Response(status_code=204)
    drop_session(response, request)
    return response


@router.get("/whoami", summary="Who is asking")
async def whoami(request: Request, response: Response) -> dict[str, Any]:
    """The caller as this node sees it, anonymous or not."""
    caller = await caller_of(request)
    response.headers["cache-control"] = "no-store"
    return {
        "anonymous": caller.anonymous,
        "party": caller.party,
        "member": caller.member,
        "kind": caller.kind,
        "name": caller.name,
        "roles": sorted(caller.roles),
        "scopes": sorted(caller.scopes),
        "token": caller.token,
        "agreement": caller.agreement,
        "csrf_token": csrf_token_of(request) or None,
    }


@router.get("/tokens", summary="My tokens")
async def get_tokens(request: Request, response: Response) -> dict[str, Any]:
    """The caller's tokens without their secrets, newest first."""
    caller = await signed_in(request)
    response.headers["cache-control"] = "no-store"
    return {"tokens": [_shown(token) for token in await list_tokens(request, caller)]}


@router.post("/tokens", status_code=201, summary="Issue a token")
async def post_token(
    request: Request, response: Response, wish: Annotated[TokenWish, Body()]
) -> dict[str, Any]:
    """A new token; its ``secret`` is told this once."""
    await check_csrf_of(request)
    caller = await signed_in(request)
    token, secret = await new_token(
        request,
        caller,
        name=wish.name,
        scopes=frozenset(wish.scopes),
        expires_at=wish.expires_at,
        agreement=AgreementId(wish.agreement) if wish.agreement else None,
    )
    response.headers["cache-control"] = "no-store"
    return {**_shown(token), "secret": secret}


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token")
async def delete_token(request: Request, token_id: str) -> Response:
    """Revoke a token; it works nowhere a second later."""
    await check_csrf_of(request)
    caller = await signed_in(request)
    await end_token(request, caller, TokenId(token_id))
    return Response(status_code=204)


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "agreement": token.agreement,
        "revoked_at": iso(token.revoked_at) if token.revoked_at else None,
        "last_used_at": iso(token.last_used_at) if token.last_used_at else None,
    }
