"""Pictures of orders: drawn anew as JPEG, so that nothing hidden in a file is kept.

What a telephone writes beside the picture (where, when, with what: Exif) goes; its turning is
applied first.
"""

import io
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from quanyu.kernel import Invalid, NotFound, TooLarge, UnsupportedMedia, new_id, sha256_hex
from quanyu.operations.work_orders.model import Photo
from quanyu.operations.work_orders.tables import PhotoRow

MOST_PHOTOS, MOST_BYTES, MOST_PIXELS = 12, 20 << 20, 64_000_000
EDGE = 1_920
"""Pixels of the longer side at most."""
_FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was made anew."""

    data: bytes
    width: int
    height: int


def redraw(data: bytes) -> Picture:
    """The picture in a JPEG, PNG or WebP file, at most :data:`EDGE` pixels wide and high.

    Raises :class:`TooLarge` for more than 20 MiB or 64 million pixels, :class:`UnsupportedMedia`
    for what is no such picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > MOST_BYTES:
        raise _too_large()
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as found:
            if found.width * found.height > MOST_PIXELS:
                raise _too_large()
            found.draft("RGB", (EDGE, EDGE))  # a large JPEG is read at half or a quarter
            drawn = ImageOps.exif_transpose(found)
            drawn.thumbnail((EDGE, EDGE))
            if "A" in drawn.getbands() or drawn.mode == "P":
                ground = Image.new("RGBA", drawn.size, "white")
                drawn = Image.alpha_composite(ground, drawn.convert("RGBA"))
            plain = Image.new("RGB", drawn.size)
            plain.paste(drawn.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UnsupportedMedia(
            "this is no picture that is read here",
            field="photo",
            mend="send a JPEG, PNG or WebP file",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Picture(out.getvalue(), plain.width, plain.height)


def photo_rows(session: Session, order: str, pictures: tuple[Picture, ...]) -> list[PhotoRow]:
    """Rows for pictures of an order; raises :class:`Invalid` for too many of them."""
    if not pictures:
        return []
    there = session.scalar(select(func.count()).where(PhotoRow.work_order == order)) or 0
    if there + len(pictures) > MOST_PHOTOS:
        raise Invalid(
            "an order has at most {most} photos", field="photo", mend="send fewer", most=MOST_PHOTOS
        )
    return [
        PhotoRow(
            id=new_id("photo"),
            work_order=order,
            step=0,
            width=one.width,
            height=one.height,
            size=len(one.data),
            sha256=sha256_hex(one.data),
            data=one.data,
        )
        for one in pictures
    ]


def photos_of(session: Session, order: str) -> list[Photo]:
    """The pictures of an order, without their bytes, in the order in which they came."""
    row = PhotoRow
    query = (
        select(row.id, row.step, row.width, row.height, row.size, row.sha256)
        .where(row.work_order == order)
        .order_by(row.id)
    )
    return [Photo(*found) for found in session.execute(query)]


def photo_bytes(session: Session, order: str, name: str) -> bytes:
    """A picture's JPEG bytes; :class:`NotFound` when the order has none of that id."""
    query = select(PhotoRow.data).where(PhotoRow.work_order == order, PhotoRow.id == name)
    found = session.scalar(query) if name.isprintable() else None
    if found is None:
        raise NotFound("there is no photo {id}", id=name[:80])
    return found


def _too_large() -> TooLarge:
    return TooLarge(
        "a photo has at most 20 MiB and 64 million pixels",
        field="photo",
        mend="send it smaller",
    )
