"""Entries whose data this node does not hold: harvested, or registered where they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from quanyu.catalogue import resource
from quanyu.kernel import ControlStore, NotFound


class HeldElsewhere(NotFound):
    """The entry is here and its data are not; ``mend`` says where they are to be had."""


@contextmanager
def or_elsewhere(control: ControlStore, slug: str) -> Iterator[None]:
    """Turn “there is no such dataset” into where the data of the entry are."""
    try:
        yield
    except NotFound as error:
        with control.read() as session:
            try:
                known = resource(session, slug)
            except NotFound:
                raise error from None
        if not known.distributions:
            raise
        raise HeldElsewhere(
            "the data of this resource are held elsewhere",
            field="collection",
            mend="get them there: {url}",
            url=known.distributions[0].url,
        ) from error
