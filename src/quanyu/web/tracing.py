"""Traces, when ``otlp_endpoint`` names a collector; without it nothing is imported or measured."""

from typing import Any

from quanyu.kernel import Invalid, Settings


def tracer_provider(settings: Settings) -> Any:
    """The provider that FastAPI's own instrumentation writes to; ``None`` when traces are off.

    Raises :class:`Invalid` when they are wanted and the extra ``otel`` is not installed.
    """
    if settings.otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Invalid(
            "traces need the OpenTelemetry SDK",
            field="otlp_endpoint",
            mend="install it: pip install 'quanyu[otel]'",
        ) from error
    resource = Resource.create(
        {"service.name": "quanyu", "service.instance.id": settings.node_name}
    )
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
