#![doc = include_str!("../README.md")]

use plaza_core::TraceContext;
use tracing::Span;

/// So many links a span gets at most.
pub const MAX_LINKS: usize = 64;

/// Makes `span` a child of `parent`, and gives its own context if it is exported.
#[cfg(feature = "otlp")]
#[must_use]
pub fn join(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if let Some(parent) = parent {
        span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote(parent))).ok()?;
    }
    context_of(span)
}

/// Makes `span` a child of `parent`, and gives its own context if it is exported.
#[cfg(not(feature = "otlp"))]
#[must_use]
pub fn join(_: &Span, _: Option<TraceContext>) -> Option<TraceContext> {
    None
}

/// Lets `span` point at where its work comes from; [`MAX_LINKS`] of them at most.
#[cfg(feature = "otlp")]
pub fn link(span: &Span, to: impl IntoIterator<Item = TraceContext>) {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if !span.is_disabled() {
        to.into_iter().take(MAX_LINKS).for_each(|to| span.add_link(remote(to)));
    }
}

/// Lets `span` point at where its work comes from; [`MAX_LINKS`] of them at most.
#[cfg(not(feature = "otlp"))]
pub fn link(_: &Span, _: impl IntoIterator<Item = TraceContext>) {}

/// The span's own context, if it is exported.
#[cfg(feature = "otlp")]
#[must_use]
pub fn context_of(span: &Span) -> Option<TraceContext> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = span.context();
    let own = context.span().span_context().clone();
    own.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(own.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(own.span_id().to_bytes()),
        sampled: own.is_sampled(),
    })
}

/// The span's own context, if it is exported.
#[cfg(not(feature = "otlp"))]
#[must_use]
pub fn context_of(_: &Span) -> Option<TraceContext> {
    None
}

#[cfg(feature = "otlp")]
fn remote(context: TraceContext) -> opentelemetry::trace::SpanContext {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    let (trace, id) = (TraceId::from(context.trace_id), SpanId::from(context.span_id));
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    SpanContext::new(trace, id, flags, true, TraceState::default())
}

#[cfg(all(test, feature = "otlp"))]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_span_has_its_parent_and_its_links() {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let on = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let context = |span_id| TraceContext { trace_id: 7, span_id, sampled: true };
        let span = tracing::info_span!("project");
        let own = join(&span, Some(context(1)));
        link(&span, (2..200).map(context));
        assert_eq!(own, context_of(&span));
        assert_eq!(own.map(|own| own.trace_id), Some(7));
        drop((span, on));
        let spans = exporter.get_finished_spans().unwrap_or_default();
        assert_eq!(u64::from_be_bytes(spans[0].parent_span_id.to_bytes()), 1);
        assert_eq!(spans[0].links.links.len(), MAX_LINKS);
    }

    #[test]
    fn a_span_that_nobody_records_has_no_context() {
        let span = tracing::info_span!("project");
        assert_eq!(join(&span, Some(TraceContext { trace_id: 7, span_id: 1, sampled: true })), None);
        link(&span, [TraceContext { trace_id: 7, span_id: 1, sampled: true }]);
    }
}
