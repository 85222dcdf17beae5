"""The application: every route in one place, the hot ones first."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from quanyu import __version__
from quanyu.web import (
    alerts,
    allocations,
    assets,
    auth,
    catalogue_feed,
    ckan,
    coverages,
    dcat,
    differences,
    downloads,
    dsp,
    dsp_kit,
    dsp_processes,
    dsp_push,
    edit_form,
    edits,
    edr,
    features,
    following,
    geovolumes,
    health,
    intersections,
    log,
    map_tiles,
    maps,
    market,
    observation_files,
    openapi,
    place,
    portal,
    problems,
    process_jobs,
    processes,
    records,
    resource_health,
    rules,
    scene_files,
    secure_sums,
    sensorthings,
    sitemap,
    sql_console,
    stac,
    statistics,
    stream_statistics,
    terrain,
    tiles,
    transactions,
    undoing,
    witness,
    work_orders,
    zone_statistics,
)
from quanyu.web.middleware import Edge
from quanyu.web.node import Node
from quanyu.web.pages import static_files
from quanyu.web.tracing import tracer_provider


def create_app(node: Node) -> FastAPI:
    """The ASGI application over a node.

    Traces are made when a collector is named; else nothing is measured for them.
    """
    traces = tracer_provider(node.settings)
    app = FastAPI(
        title=node.settings.title_en,
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Edge, upload_bytes=node.settings.max_upload_bytes)],
        telemetry={
            "tracer_provider": traces,
            "tracing": traces is not None,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
        },
    )
    app.state.node = node
    problems.speak_of(app)
    standards = (
        sensorthings,
        features,
        tiles,
        map_tiles,
        edits,
        transactions,
        undoing,
        differences,
        edit_form,
        place,
        geovolumes,
        terrain,
        health,
        resource_health,
        records,
        maps,
        coverages,
        zone_statistics,
        witness,
        log,
        processes,
        process_jobs,
        intersections,
        secure_sums,
        scene_files,
        downloads,
        catalogue_feed,
        dcat,
        ckan,
        stac,
        edr,
        statistics,
        stream_statistics,
        sql_console,
        following,
        observation_files,
        dsp,
        dsp_processes,
        dsp_push,
        dsp_kit,
        sitemap,
        market,
        work_orders,
        rules,
        alerts,
        allocations,
        assets,
        openapi,
        problems,
    )
    for standard in standards:
        for route in standard.routes():
            app.router.routes.append(route)
    app.include_router(auth.router)
    app.mount("/static", static_files(), name="static")
    app.include_router(portal.routes())
    return app
