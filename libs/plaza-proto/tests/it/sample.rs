//! The sample service's handler.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use plaza_core::{Error, Result, SessionId, reason};
use plaza_rpc::{Cx, Stream};
use tokio::sync::Notify;

#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/sample/mod.rs"));
    include!(concat!(env!("OUT_DIR"), "/sample/services.rs"));
}
pub(crate) use generated::METHODS;
pub(crate) use generated::plaza::sample::v1::*;

/// The descriptors of the sample service.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/sample/descriptors.bin"));

/// Answers what the tests want to see.
#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) next: Option<SampleServiceClient>,
    /// Told when a handler has begun to wait.
    pub(crate) waiting: Arc<Notify>,
    /// Ends a wait.
    pub(crate) go: Arc<Notify>,
}

impl Sample {
    async fn wait(&self) {
        self.waiting.notify_one();
        self.go.notified().await;
    }
}

#[async_trait::async_trait]
impl SampleService for Sample {
    async fn echo(&self, _: &Cx, req: EchoRequest) -> Result<EchoResponse> {
        Ok(EchoResponse { texts: vec![req.text; usize::try_from(req.times).unwrap_or_default()] })
    }

    async fn whoami(&self, cx: &Cx, _: WhoamiRequest) -> Result<WhoamiResponse> {
        cx.wrote("sample", 7);
        let caller = cx.caller();
        Ok(WhoamiResponse {
            account_id: cx.account()?.get(),
            session_id: caller.session.map_or(0, SessionId::get),
            service: caller.service.unwrap_or_default().to_owned(),
        })
    }

    async fn get_secret(&self, _: &Cx, _: GetSecretRequest) -> Result<GetSecretResponse> {
        Ok(GetSecretResponse {})
    }

    async fn list_all(&self, _: &Cx, _: ListAllRequest) -> Result<ListAllResponse> {
        Ok(ListAllResponse {})
    }

    async fn reset(&self, _: &Cx, _: ResetRequest) -> Result<ResetResponse> {
        Ok(ResetResponse {})
    }

    async fn create_thing(&self, cx: &Cx, req: CreateThingRequest) -> Result<CreateThingResponse> {
        if req.name == "wait" {
            self.wait().await;
        }
        let key = cx.request().ok_or_else(|| Error::internal("no request key"))?;
        assert_eq!(key.request_id.to_string(), req.request_id);
        cx.wrote("sample", 3);
        Ok(CreateThingResponse {
            caller: key.caller,
            digest: key.digest.to_vec(),
            method: key.method.to_owned(),
            trace: cx.trace().map(|trace| trace.to_string()).unwrap_or_default(),
        })
    }

    async fn relay(&self, cx: &Cx, req: RelayRequest) -> Result<RelayResponse> {
        cx.wrote("sample", i64::from(req.hops) + 1);
        let left = i64::try_from(cx.remaining().as_millis()).unwrap_or(i64::MAX);
        let mut answer = match &self.next {
            Some(next) if req.hops > 0 => next.relay(cx, RelayRequest { hops: req.hops - 1, ..req }).await?,
            _ => {
                if req.wait {
                    std::future::pending::<()>().await;
                }
                RelayResponse { trace: cx.trace().map(|t| t.to_string()).unwrap_or_default(), ..Default::default() }
            }
        };
        answer.remaining_ms.push(left);
        Ok(answer)
    }

    async fn fail(&self, cx: &Cx, req: FailRequest) -> Result<FailResponse> {
        match req.how {
            Some(fail_request::How::Panic(_)) => panic!("told to panic"),
            Some(fail_request::How::Failure(failure)) => Err(failure_of(failure)),
            Some(fail_request::How::Wait(_)) => {
                self.wait().await;
                Ok(FailResponse {})
            }
            Some(fail_request::How::Degrade(_)) => {
                cx.degraded("sample-cache");
                cx.wrote("sample", 9);
                Ok(FailResponse {})
            }
            None => {
                cx.degraded("sample-cache");
                Err(Error::internal("the wires are crossed").with("kept", "yes"))
            }
        }
    }

    async fn check_all(&self, _: &Cx, _: CheckAllRequest) -> Result<CheckAllResponse> {
        Ok(CheckAllResponse {})
    }

    async fn count(&self, cx: &Cx, req: CountRequest) -> Result<Stream<CountResponse>> {
        cx.wrote("sample", 5);
        let end = req.end();
        let numbers = futures::stream::iter((1..=req.to).map(|number| Ok(CountResponse { number })));
        let (waiting, go) = (self.waiting.clone(), self.go.clone());
        let last = futures::stream::once(async move {
            match end {
                End::Well => None,
                End::Panic => panic!("told to panic"),
                End::Fail => Some(Err(Error::new(reason::POST_NOT_FOUND))),
                End::Unspecified => {
                    waiting.notify_one();
                    go.notified().await;
                    Some(Ok(CountResponse { number: -1 }))
                }
            }
        });
        Ok(Box::pin(numbers.chain(last.filter_map(std::future::ready))))
    }
}

fn failure_of(failure: Failure) -> Error {
    let reason = reason::ALL.iter().find(|reason| reason.name == failure.reason);
    let mut error = Error::new(*reason.expect("a reason of the catalogue"));
    if !failure.field.is_empty() {
        error = error.on_field(failure.field);
    }
    if failure.retry_ms > 0 {
        error = error.retry_after(Duration::from_millis(failure.retry_ms.unsigned_abs()));
    }
    if !failure.fact.is_empty() {
        error = error.with("fact", failure.fact);
    }
    error
}
