"""Routes on searches: trainings whose values are chosen one after the other, from what the earlier ones reached."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from digits_core.api.models import NewModel
from digits_core.api.once import reserved
from digits_core.api.request import Body, Key, Named, Space
from digits_core.search.options import SearchOptions
from digits_core.services import search

Json = dict[str, Any]

router = APIRouter(tags=["models"])


class NewSearch(NewModel):
    """A training with lists of values or ranges (``"0.001..0.1 log"``) of some options, and how to search them."""

    search: SearchOptions = Field(default_factory=SearchOptions)


@router.post("/searches", status_code=201)
def create_search(body: NewSearch, space: Space, user: Named, key: Key = "") -> Json:
    """Begin a search; its trials become ordinary trainings in one group, made while the server runs."""
    how = body.search.model_dump(mode="json")
    with reserved(space, user, key, ["search", body.model_dump()]) as place:
        return search.create_search(place, user, body.name, body.dataset, body.options, how, body.group)


@router.get("/searches")
def searches(space: Space) -> Json:
    """All searches, newest first: what was asked, state, counts of trials, the best."""
    return {"searches": search.searches(space)}


@router.get("/searches/{search_id}")
def show_search(search_id: str, space: Space) -> Json:
    """One search with its trials, the best value over the trials, and the importance of each option."""
    return search.describe(space, search_id)


class Stop(Body):
    """What becomes of the trials that wait or run."""

    running: Literal["stop", "stay"] = "stop"


@router.post("/searches/{search_id}/stop")
def stop_search(search_id: str, space: Space, user: Named, body: Stop | None = None) -> Json:
    """Begin no more trials; those that wait or run are stopped (each saves first), or stay and end by themselves."""
    return search.stop_search(space, user, search_id, (body or Stop()).running)


class Resume(Body):
    """How many trials there are to be in all; null: as many as before."""

    trials: Annotated[int | None, Field(ge=1)] = None


@router.post("/searches/{search_id}/resume")
def resume_search(search_id: str, space: Space, user: Named, body: Resume | None = None) -> Json:
    """Go on: trials that were stopped with the search are resumed; ``trials`` lets a search that is done go on."""
    return search.resume_search(space, user, search_id, (body or Resume()).trials)


@router.delete("/searches/{search_id}")
def delete_search(search_id: str, space: Space, user: Named) -> Json:
    """Forget a search that is stopped or done; its trainings stay."""
    search.delete_search(space, user, search_id)
    return {"deleted": search_id}
