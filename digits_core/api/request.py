"""What handlers take from a request: the workspace, who asks, and a key that makes a create safe to repeat."""

from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ConfigDict, Field

from digits_core.errors import DigitsError
from digits_core.services.access import check_user_name
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


class NoName(DigitsError):
    """A change was asked for by nobody; answered with 401."""


def _workspace(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


def _user(
    x_digits_user: Annotated[str, Header(description="Name you act as (local mode).")] = "",
    username: Annotated[str, Query(description="The same as the header X-Digits-User, as in DIGITS.")] = "",
) -> str:
    """Name of the caller, or nothing. Never from a cookie: a browser sends those for other sites' pages too."""
    name = x_digits_user or username
    return check_user_name(name) if name else ""


_NAME = APIKeyHeader(name="X-Digits-User", scheme_name="Name", auto_error=False,
                     description="The name you act as; jobs belong to somebody.")


def _named_user(user: Annotated[str, Depends(_user)], _: Annotated[str | None, Depends(_NAME)]) -> str:
    if not user:
        raise NoName("Say who you are: send the header 'X-Digits-User: name' (or ?username=name). "
                     "Jobs belong to somebody.")
    return user


Space = Annotated[Workspace, Depends(_workspace)]
User = Annotated[str, Depends(_user)]
Named = Annotated[str, Depends(_named_user)]
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200,
                            description="Repeat a create with the same key and get the same job, not a second one.")]
Offset = Annotated[int, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=1000)]


class Body(BaseModel):
    """Base of JSON bodies: unknown names are refused, as everywhere."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Options = Annotated[Json, Field(description="Options by name; GET /api/tasks describes them.")]
