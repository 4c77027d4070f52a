//! One trace from a call to the feeds that its post reaches, through store, outbox, log and consumer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use plaza_core::{Caller, Cx, TraceContext};
use plaza_proto::posts::v1::{CreatePostRequest, CreatePostResponse};
use plaza_rpc::Rpc;
use plaza_testkit::person::request_id;
use plaza_testkit::{Sandbox, wait};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_stream::wrappers::TcpListenerStream;

/// Keeps the spans that processes export.
#[derive(Clone, Default)]
pub(crate) struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let spans = request.into_inner().resource_spans.into_iter().flat_map(|r| r.scope_spans);
        self.0.lock().extend(spans.flat_map(|scope| scope.spans));
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens on a port of its own; gives its address.
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// The spans of a trace by their names.
    fn of(&self, trace: u128) -> HashMap<String, Vec<Span>> {
        let mut named: HashMap<String, Vec<Span>> = HashMap::new();
        for span in self.0.lock().iter().filter(|span| span.trace_id == trace.to_be_bytes()) {
            named.entry(span.name.clone()).or_default().push(span.clone());
        }
        named
    }

    /// Spans of that name, of whatever trace, that have a link to `to`.
    fn linked(&self, name: &str, to: &[u8]) -> usize {
        self.0.lock().iter().filter(|s| s.name == name && s.links.iter().any(|link| link.span_id == to)).count()
    }
}

const COMPOSE: &str = "plaza.posts.v1.PostsService/CreatePost";

pub(crate) async fn a_post_is_one_trace_down_to_the_feeds(collector: Collector, sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let followed = ben.follow(&ada).await.expect("follow");
    ben.home(&followed, 10).await.expect("a held feed");

    let client = TraceContext { trace_id: 0x7ace_0000_0000_0000_0000_0000_0000_0001, span_id: 0xc11e, sampled: true };
    let cx = Cx::new(Caller::default(), Instant::now() + Duration::from_secs(10)).with_trace(Some(client));
    let channel = ada.routes.to(CreatePostRequest::METHOD.service);
    let channel = channel.with_bearer(&ada.tokens.access_token).expect("an ASCII token");
    let request = CreatePostRequest { request_id: request_id(), text: "traced".to_owned(), ..Default::default() };
    let posted = channel.unary(&cx, None, CreatePostRequest::METHOD, request).await;
    let _: CreatePostResponse = posted.expect("a post");

    let whole = wait::until("the whole trace", || async {
        let spans = collector.of(client.trace_id);
        let (call, write) = (spans.get(COMPOSE)?.first()?.clone(), spans.get("store.write")?.clone());
        let (project, push) = (spans.get("project")?.clone(), spans.get("store.push")?.clone());
        let published = collector.linked("relay.publish", &call.span_id);
        (published > 0).then_some((call, write, project, push))
    });
    let (call, write, project, push) = whole.await;
    assert_eq!(call.parent_span_id, client.span_id.to_be_bytes(), "the call is the client's");
    assert!(write.iter().any(|s| s.parent_span_id == call.span_id), "the transaction is the call's: {write:?}");
    let fan_out: Vec<&Span> = project.iter().filter(|s| s.parent_span_id == call.span_id).collect();
    assert!(!fan_out.is_empty(), "fan-out is caused by the call: {project:?}");
    assert!(fan_out.iter().all(|s| s.links.iter().any(|link| link.span_id == call.span_id)), "and links to it");
    assert!(push.iter().any(|s| fan_out.iter().any(|f| f.span_id == s.parent_span_id)), "entries are fan-out's");
    sandbox.stop().await;
}
