//! Bytes that nobody would send, as the request of every method: no handler panics, none answers INTERNAL.
//!
//! Inputs are mutations of valid requests, in their bytes and in their fields. One whose answer is new, by its reason, is
//! mutated further, so the search goes where the handlers branch; page tokens that were handed out are mutated too. A run
//! is as long as `PLAZA_TEST_FUZZ_SECONDS` says, from the seed `PLAZA_TEST_FUZZ_SEED`; what is found is printed with its bytes.

mod mutate;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use plaza_core::{Code, Error};
use plaza_proto::posts::v1::CreatePostRequest;
use plaza_rpc::{Auth, Method};
use plaza_testkit::{Person, Sandbox, Shape};
use prost::Message as _;
use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

use crate::bad_input::fields::encode;
use crate::bad_input::valid::valid;
use crate::bad_input::wire::RawCodec;
use mutate::Mutator;

/// How long a call may take; for streams, until the first message.
const LIMIT: Duration = Duration::from_secs(2);
/// The most inputs that are kept of a method, and the most page tokens of all.
const KEPT: usize = 64;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn arbitrary_requests_find_no_panic() {
    let time = Duration::from_secs(number("PLAZA_TEST_FUZZ_SECONDS", 10));
    let seed = number("PLAZA_TEST_FUZZ_SEED", 1);
    let settings = [
        ("PLAZA_SERVICE_TOKENS", "false"),
        ("PLAZA_RATE_LIMIT__PER_MINUTE", "0"),
        ("PLAZA_SESSIONS__ADDRESS_GUESSES", "100000"),
    ];
    let mut sandbox = Sandbox::start_with(Shape::OneProcess, &settings).await;
    let mut fuzz = Fuzz::new(&sandbox, seed).await;
    let end = Instant::now() + time;
    while Instant::now() < end {
        fuzz.once(&sandbox).await;
    }
    sandbox.assert_alive();
    eprintln!("{} calls, {} kinds of answers", fuzz.calls, fuzz.answers.len());
    assert!(fuzz.calls > 100, "only {} calls", fuzz.calls);
    // An answer of each method at least: so every handler's way in was taken.
    for method in &fuzz.methods {
        assert!(fuzz.answers.iter().any(|(name, _)| *name == method.name), "{} was not called", method.name);
    }
    sandbox.stop().await;
}

struct Fuzz {
    mutator: Mutator,
    channel: Channel,
    methods: Vec<&'static Method>,
    /// By method.
    corpus: BTreeMap<&'static str, Vec<Vec<u8>>>,
    answers: HashSet<(&'static str, String)>,
    page_tokens: Vec<String>,
    me: Person,
    other: Person,
    post: i64,
    calls: u64,
    people: usize,
}

impl Fuzz {
    async fn new(sandbox: &Sandbox, seed: u64) -> Self {
        let endpoint = Endpoint::from_shared(sandbox.address()).expect("an address");
        let guest = sandbox.guest();
        let (me, other) = (guest.join("fuzz_me").await, guest.join("fuzz_other").await);
        let (post, _) = other.post("to read").await.expect("a post");
        let mut fuzz = Self {
            mutator: Mutator::new(seed),
            channel: endpoint.connect().await.expect("a connection"),
            methods: plaza_proto::methods().collect(),
            corpus: BTreeMap::new(),
            answers: HashSet::new(),
            page_tokens: Vec::new(),
            me,
            other,
            post: post.post_id,
            calls: 0,
            people: 0,
        };
        fuzz.plant();
        fuzz
    }

    /// Begins with the valid request of each method that people call, and with nothing for the others.
    fn plant(&mut self) {
        for (n, method) in self.methods.clone().into_iter().enumerate() {
            let people = matches!(method.auth, Auth::Public | Auth::User | Auth::Owner);
            let first = match people {
                true => {
                    let request = valid(method.name, &self.me, &self.other, self.post, n);
                    encode(&input(method), &request).encode_to_vec()
                }
                false => Vec::new(),
            };
            self.corpus.insert(method.name, vec![first]);
        }
    }

    /// One call: each method in turn.
    async fn once(&mut self, sandbox: &Sandbox) {
        let turn = usize::try_from(self.calls).unwrap_or_default() % self.methods.len();
        let method = self.methods[turn];
        self.calls += 1;
        let body = self.body(method);
        let answer = self.call(method, &body).await;
        let kind = match &answer {
            Ok(_) => "ok".to_owned(),
            Err(error) => self.judge(method, &body, error),
        };
        if let Ok(answer) = &answer {
            self.harvest(method, answer);
        }
        if answer.is_err_and(|error| error.code() == Code::Unauthenticated) {
            self.replace_me(sandbox).await;
        }
        let kept = self.corpus.entry(method.name).or_default();
        if self.answers.insert((method.name, kind)) && kept.len() < KEPT {
            kept.push(body);
        }
    }

    fn body(&mut self, method: &Method) -> Vec<u8> {
        let kept = &self.corpus[method.name];
        let base = kept[self.mutator.below(kept.len())].clone();
        if self.mutator.below(2) == 0 {
            let splice = &kept[self.mutator.below(kept.len())];
            return self.mutator.bytes(base, splice);
        }
        let Ok(mut message) = DynamicMessage::decode(input(method), base.as_slice()) else { return base };
        self.mutator.fields(&mut message, &self.page_tokens);
        message.encode_to_vec()
    }

    /// As a person mostly; as nobody, or as a service for one, where that is the way in.
    async fn call(&mut self, method: &'static Method, body: &[u8]) -> Result<Bytes, Error> {
        let mut request = tonic::Request::new(Bytes::copy_from_slice(body));
        request.set_timeout(LIMIT);
        let metadata = request.metadata_mut();
        if matches!(method.auth, Auth::Public | Auth::User | Auth::Owner) {
            if self.mutator.below(8) > 0 {
                let bearer = format!("Bearer {}", self.me.tokens.access_token);
                metadata.insert("authorization", bearer.parse().expect("metadata"));
            }
        } else {
            metadata.insert("plaza-service", plaza_rpc::auth::ADMIN.parse().expect("metadata"));
            metadata.insert("plaza-caller", self.me.id().to_string().parse().expect("metadata"));
        }
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.expect("a connection");
        let path = http::uri::PathAndQuery::from_static(method.path);
        let to_error = |status| plaza_rpc::status::from_status(&status, "plaza");
        let answer = grpc.server_streaming(request, path, RawCodec).await.map_err(to_error)?;
        let first = tokio::time::timeout(LIMIT, answer.into_inner().message()).await;
        // A live stream may have nothing to say.
        Ok(first.unwrap_or(Ok(None)).map_err(to_error)?.unwrap_or_default())
    }

    /// What kind of refusal it is; panics with what it takes to see it again if it is none that may be.
    fn judge(&self, method: &Method, body: &[u8], error: &Error) -> String {
        let known = plaza_core::reason::ALL.iter().any(|r| r.name == error.reason() && r.code == error.code());
        let never = matches!(error.code(), Code::Internal | Code::Unknown | Code::DataLoss | Code::Unimplemented);
        let hex = body.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        assert!(known && !never, "{} with {hex}: {:?} {error}", method.name, error.code());
        let fields = error.violations().iter().map(|violation| violation.field.as_str());
        fields.fold(error.reason().to_owned(), |kind, field| format!("{kind} {field}"))
    }

    /// Keeps a page token that an answer hands out.
    fn harvest(&mut self, method: &Method, answer: &Bytes) {
        let Ok(message) = DynamicMessage::decode(method_of(method).output(), answer.clone()) else { return };
        let Some(token) = message.get_field_by_name("next_page_token") else { return };
        let Some(token) = token.as_str().filter(|token| !token.is_empty()) else { return };
        if self.page_tokens.len() < KEPT {
            self.page_tokens.push(token.to_owned());
        }
    }

    /// Who signed out or deleted the account is somebody else from now on, with something to read.
    async fn replace_me(&mut self, sandbox: &Sandbox) {
        let request = plaza_proto::sessions::v1::ListSessionsRequest::default();
        if self.me.call(request).await.is_ok() {
            return;
        }
        self.people += 1;
        self.me = sandbox.guest().join(&format!("fuzz_me_{}", self.people)).await;
        let post = CreatePostRequest {
            request_id: plaza_testkit::person::request_id(),
            text: "more to read".to_owned(),
            ..CreatePostRequest::default()
        };
        self.post = self.me.call(post).await.expect("a post").message.post.expect("a post").post_id;
        let mine: Vec<(usize, &'static Method)> = self.methods.iter().copied().enumerate().collect();
        for (n, method) in mine.into_iter().filter(|(_, method)| method.auth == Auth::Owner) {
            let request = valid(method.name, &self.me, &self.other, self.post, n + self.people * 1_000);
            let kept = self.corpus.entry(method.name).or_default();
            kept.truncate(KEPT - 1);
            kept.push(encode(&input(method), &request).encode_to_vec());
        }
    }
}

fn method_of(method: &Method) -> prost_reflect::MethodDescriptor {
    let service = plaza_proto::pool().get_service_by_name(method.service).expect("a service");
    service.methods().find(|it| it.name() == method.name).expect("a method")
}

fn input(method: &Method) -> MessageDescriptor {
    method_of(method).input()
}
