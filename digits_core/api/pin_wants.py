"""Routes on pins of answers that are no labels: numbers that must be near enough, pictures that must be alike."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from digits_core.api.described import binary
from digits_core.api.forms import Upload, Uploads, pictures_of
from digits_core.api.request import Named, Space
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import pin_wants

Json = dict[str, Any]

router = APIRouter(tags=["store"])


class Value(BaseModel):
    """A number that is wanted, and how far it may be off, in its own units."""

    label: str = Field(max_length=200)
    value: float
    within: float


VALUES = TypeAdapter(list[Value])
ValuesText = Annotated[str, Form(max_length=100_000, description=(
    'JSON: [{"label": "x", "value": 12.0, "within": 0.5}], for some of the numbers that the model tells.'))]


@router.post("/published/{published_name}/values", status_code=201)
def pin_values(published_name: str, images: Uploads, values: ValuesText, space: Space, user: Named) -> Json:
    """Pin uploaded pictures of which every new version must tell these numbers."""
    try:
        rows = VALUES.validate_json(values)
    except ValidationError as error:
        raise InvalidOptions([Problem("values", f"This is no list of numbers: {error.errors()[0]['msg']}.")]) from None
    return {"pictures": pin_wants.pin_values(space, user, published_name, pictures_of(images),
                                             [row.model_dump() for row in rows])}


@router.post("/published/{published_name}/targets", status_code=201)
def pin_target(published_name: str, image: Upload, space: Space, user: Named, target: Upload | None = None,
               psnr: Annotated[float, Form(description="dB")] = pin_wants.LIKE) -> Json:
    """Pin an uploaded picture of which every new version must make ``target``; left out: what is made of it now."""
    [given] = pictures_of([image])
    wanted = pictures_of([target])[0] if target is not None else None
    return pin_wants.pin_target(space, user, published_name, given, wanted, psnr)


@router.get("/published/{published_name}/pins/{pin_id}/target", response_class=Response,
            responses=binary("image/png"))
def wanted_picture(published_name: str, pin_id: str, space: Space) -> Response:
    """The picture that a pin wants, as PNG."""
    return Response(pin_wants.wanted_picture(space, published_name, pin_id), media_type="image/png")


@router.get("/publications/{job_id}/made/{pin_id}", response_class=Response, responses=binary("image/png"))
def made_picture(job_id: str, pin_id: str, space: Space) -> Response:
    """The picture that came where a pin wanted another one, as PNG."""
    return Response(pin_wants.made_picture(space, job_id, pin_id), media_type="image/png")
