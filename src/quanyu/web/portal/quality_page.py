"""The quality of one resource: its description scored, its values looked at, its age."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import freshness_of, guarded_fields, quality_of
from quanyu.kernel import QuanyuError, now
from quanyu.spacetime import Profile, View
from quanyu.web.portal.entry_visit import EntryVisit, entry_frame, entry_visit
from quanyu.web.portal.quality_words import freshness_words, measures, score_words
from quanyu.web.portal.visit import TheNode, Visitor, problem_of, reading, show
from quanyu.web.serve_use import Answer, serve_use

router = APIRouter(include_in_schema=False)


@router.get("/resources/{name}/quality")
async def quality_page(request: Request, node: TheNode, caller: Visitor, name: str) -> Response:
    """Every indicator with its reason and its mend; the profile of what the caller may see."""
    moment = now()
    key = request.query_params.get("as")

    def read(session: Session) -> tuple[EntryVisit, Any, Any]:
        visit = entry_visit(session, caller, name, key)
        return visit, quality_of(session, visit.of), freshness_of(session, visit.of, moment)

    visit, quality, fresh = await reading(node, read)
    profile, use, refusal = None, None, None
    if visit.holds_data:
        try:
            profile, use = await profile_of(request, visit)
        except QuanyuError as error:
            refusal = problem_of(request, error)
    measured = measures(request, profile, fresh, quality)
    context = entry_frame(request, visit, "quality") | {
        "quality": score_words(request, quality),
        "fresh": freshness_words(request, fresh),
        "measures": measured,
        "profile": profile,
        "use": use,
        "refusal": refusal,
        "now": moment,
    }
    twin = {
        "metadata": {
            "score": quality.score,
            "of": quality.of,
            "rating": quality.rating,
            "dimensions": {one.value: n for one, n in quality.dimensions.items()},
            "indicators": [
                {
                    "key": finding.indicator.key,
                    "dimension": finding.indicator.dimension,
                    "points": finding.points,
                    "of": finding.indicator.points,
                    "met": finding.met,
                }
                for finding in quality.findings
            ],
        },
        "freshness": fresh,
        "measures": {one.key: one.share for one in measured},
        "profile": profile,
        "refusal": refusal,
    }
    return show(request, "resource_quality.html", context, twin=twin)


async def profile_of(request: Request, visit: EntryVisit) -> tuple[Profile, str | None]:
    """The profile of what the caller may see: a use like any other, gated and in evidence."""
    seen: list[Profile] = []

    def work(view: View) -> Answer:
        seen.append(view.profile(guarded_fields(visit.of)))
        return Answer(media_type="application/json")

    given = visit.parameters
    answer = await serve_use(
        request, visit.of.slug, work, face="features", given=given, form="profile"
    )
    return seen[0], answer.headers.get("quanyu-use")
