"""How this node stands among others, from its settings."""

from sqlalchemy.orm import Session

from quanyu.catalogue import Kind, State, resources
from quanyu.federation.model import Here
from quanyu.kernel import Invalid, Settings
from quanyu.parties import ANONYMOUS, node_secret


def here_of(settings: Settings) -> Here:
    """This node as its settings say."""
    return Here(
        participant=settings.node_name,
        root=settings.base_url,
        key=node_secret(settings.dir / "keys"),
        approvals=settings.negotiation_approvals,
        automatic=settings.negotiation == "automatic",
        scripted=settings.tck != "off",
        allow_private=settings.allow_private_urls,
        folder=settings.dir / "transfers",
    )


def check_kit(session: Session, settings: Settings) -> None:
    """Raise :class:`Invalid` where the compatibility kit is let in to a node that holds real
    entries, unless that was said: seeded names agree to whatever is asked."""
    if settings.tck != "on":
        return
    page = resources(
        session,
        visible_to=ANONYMOUS,
        kinds=frozenset(Kind),
        states=frozenset({State.PUBLISHED}),
        limit=1,
        after=None,
    )
    if page.hits:
        raise Invalid(
            "this node has published entries, and the compatibility kit may not run beside them",
            field="tck",
            mend="use an empty node, or set QUANYU_TCK=anyway",
        )
