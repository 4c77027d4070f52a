//! Writes the Rust side of one service: trait, entry, server, client, method table.

use std::fmt::Write as _;

use crate::model::{Method, Service};
use crate::names;

/// One method with the Rust types of its request and response.
struct Rpc<'a> {
    method: &'a Method,
    index: usize,
    name: String,
    input: &'a str,
    output: &'a str,
    docs: String,
}

impl Rpc<'_> {
    fn result(&self) -> String {
        if self.method.server_streaming {
            format!("::plaza_rpc::Result<::plaza_rpc::Stream<{}>>", self.output)
        } else {
            format!("::plaza_rpc::Result<{}>", self.output)
        }
    }

    fn signature(&self) -> String {
        let (name, input, result) = (&self.name, self.input, self.result());
        format!("async fn {name}(&self, cx: &::plaza_rpc::Cx, req: {input}) -> {result}")
    }

    /// The runtime function that serves this kind of method.
    fn kind(&self) -> &'static str {
        if self.method.server_streaming { "streaming" } else { "unary" }
    }
}

/// Writes everything for `service`; `source` is prost-build's view of it.
pub(crate) fn emit(service: &Service, source: &prost_build::Service, buf: &mut String) {
    let rpcs: Vec<Rpc<'_>> = service
        .methods
        .iter()
        .enumerate()
        .filter_map(|(index, method)| {
            let from = source.methods.iter().find(|m| m.proto_name == method.name)?;
            let mut docs = String::new();
            from.comments.append_with_indent(0, &mut docs);
            let (name, input, output) = (from.name.clone(), &*from.input_type, &*from.output_type);
            Some(Rpc { method, index, name, input, output, docs })
        })
        .collect();
    let mut docs = String::new();
    source.comments.append_with_indent(0, &mut docs);
    let parts = Parts { service, name: &source.name, rpcs };
    parts.service_trait(&docs, buf);
    parts.methods(buf);
    parts.entry(buf);
    parts.server(buf);
    parts.client(buf);
}

struct Parts<'a> {
    service: &'a Service,
    name: &'a str,
    rpcs: Vec<Rpc<'a>>,
}

impl Parts<'_> {
    fn table(&self) -> String {
        format!("{}_METHODS", names::upper(self.name))
    }

    fn service_trait(&self, docs: &str, buf: &mut String) {
        let name = self.name;
        let mut body = String::new();
        for rpc in &self.rpcs {
            // A stand-in for a peer in a test says only what it is asked for.
            let _ = writeln!(
                body,
                "{}{} {{ let _ = (cx, req); ::plaza_rpc::codegen::not_served() }}",
                rpc.docs,
                rpc.signature()
            );
        }
        let _ = writeln!(
            buf,
            "{docs}#[::plaza_rpc::codegen::async_trait]
            pub trait {name}: Send + Sync + 'static {{ {body} }}"
        );
    }

    fn methods(&self, buf: &mut String) {
        let (table, full, count) = (self.table(), &self.service.full_name, self.rpcs.len());
        let mut rows = String::new();
        for rpc in &self.rpcs {
            let Method { name, auth, owner_field, mutation, server_streaming, cost, strict_limit, app_scope } =
                rpc.method;
            let app_scope = app_scope.map_or("None".to_owned(), |scope| format!("Some(::plaza_rpc::Scope::{scope})"));
            let owner = owner_field.as_ref().map_or("None".to_owned(), |f| format!("Some({})", names::literal(f)));
            let _ = writeln!(
                rows,
                "::plaza_rpc::Method {{ path: \"/{full}/{name}\", name: \"{name}\", service: \"{full}\", \
                 auth: ::plaza_rpc::Auth::{auth}, owner_field: {owner}, mutation: {mutation}, \
                 server_streaming: {server_streaming}, cost: {cost}, strict_limit: {strict_limit}, \
                 app_scope: {app_scope} }},"
            );
        }
        let _ = writeln!(buf, "static {table}: [::plaza_rpc::Method; {count}] = [{rows}];");
        for Rpc { index, input, output, .. } in &self.rpcs {
            let _ = writeln!(
                buf,
                "impl ::plaza_rpc::Rpc for {input} {{
                    type Response = {output};
                    const METHOD: &'static ::plaza_rpc::Method = &{table}[{index}];
                }}"
            );
        }
    }

    fn entry(&self, buf: &mut String) {
        let (name, table) = (self.name, self.table());
        let mut body = String::new();
        for rpc in &self.rpcs {
            let (signature, kind, index, fun, input) = (rpc.signature(), rpc.kind(), rpc.index, &rpc.name, rpc.input);
            let owner = rpc.method.owner_field.as_ref();
            let owner = owner.map_or("None".to_owned(), |f| format!("Some(|r: &{input}| r.{f})"));
            let request_id = if rpc.method.mutation {
                format!("Some(|r: &{input}| r.request_id.as_str())")
            } else {
                "None".to_owned()
            };
            let _ = writeln!(
                body,
                "{signature} {{
                    let step = ::plaza_rpc::Step {{ index: {index}, owner: {owner}, request_id: {request_id} }};
                    self.core.{kind}(step, &*self.handler, cx, req, |handler, cx, req| handler.{fun}(cx, req)).await
                }}"
            );
        }
        let _ = writeln!(
            buf,
            "/// [`{name}`] with the entry steps in front of its handler: what callers in this process and the server call.
            pub struct {name}Entry {{
                core: ::plaza_rpc::EntryCore,
                handler: ::std::sync::Arc<dyn {name}>,
            }}
            impl {name}Entry {{
                /// Puts the entry steps in front of `handler`.
                pub fn new(handler: ::std::sync::Arc<dyn {name}>, gate: &::std::sync::Arc<::plaza_rpc::Gate>) -> ::std::sync::Arc<Self> {{
                    let core = ::plaza_rpc::EntryCore::new(gate, &{table});
                    ::std::sync::Arc::new(Self {{ core, handler }})
                }}
            }}
            impl ::plaza_rpc::Entry for {name}Entry {{
                fn core(&self) -> &::plaza_rpc::EntryCore {{ &self.core }}
            }}
            #[::plaza_rpc::codegen::async_trait]
            impl {name} for {name}Entry {{ {body} }}"
        );
    }

    fn server(&self, buf: &mut String) {
        let (name, table, full) = (self.name, self.table(), &self.service.full_name);
        let mut arms = String::new();
        for rpc in &self.rpcs {
            let (path, kind, index, fun) = (format!("/{full}/{}", rpc.method.name), rpc.kind(), rpc.index, &rpc.name);
            let _ = writeln!(
                arms,
                "\"{path}\" => Box::pin(::plaza_rpc::server::{kind}(entry, {index}, req, |entry, cx, req| entry.{fun}(cx, req))),"
            );
        }
        let _ = writeln!(
            buf,
            "/// Serves [`{name}`] over gRPC.
            #[derive(Clone)]
            pub struct {name}Server {{ entry: ::std::sync::Arc<{name}Entry> }}
            impl {name}Server {{
                /// The service's full name.
                pub const NAME: &'static str = \"{full}\";
                /// The service's methods.
                pub const METHODS: &'static [::plaza_rpc::Method] = &{table};
                /// A server in front of `entry`.
                pub fn new(entry: ::std::sync::Arc<{name}Entry>) -> Self {{ Self {{ entry }} }}
            }}
            impl ::plaza_rpc::RpcService for {name}Server {{
                fn name(&self) -> &'static str {{ \"{full}\" }}
                fn methods(&self) -> &'static [::plaza_rpc::Method] {{ &{table} }}
                fn call(&self, req: ::plaza_rpc::server::HttpRequest) -> ::plaza_rpc::server::HttpFuture {{
                    let entry = self.entry.clone();
                    match req.uri().path() {{
                        {arms}
                        _ => Box::pin(::plaza_rpc::server::unknown_method(entry)),
                    }}
                }}
            }}
            impl ::plaza_rpc::codegen::NamedService for {name}Server {{ const NAME: &'static str = \"{full}\"; }}
            impl<B> ::plaza_rpc::codegen::Service<::plaza_rpc::codegen::http::Request<B>> for {name}Server
            where
                B: ::plaza_rpc::codegen::HttpBody + Send + 'static,
                B::Error: Into<::plaza_rpc::codegen::StdError>,
            {{
                type Response = ::plaza_rpc::server::HttpResponse;
                type Error = ::std::convert::Infallible;
                type Future = ::plaza_rpc::codegen::InfallibleFuture;
                fn poll_ready(&mut self, _: &mut ::std::task::Context<'_>) -> ::std::task::Poll<Result<(), Self::Error>> {{
                    ::std::task::Poll::Ready(Ok(()))
                }}
                fn call(&mut self, req: ::plaza_rpc::codegen::http::Request<B>) -> Self::Future {{
                    ::plaza_rpc::codegen::infallible(::plaza_rpc::RpcService::call(self, req.map(::plaza_rpc::codegen::Body::new)))
                }}
            }}"
        );
    }

    fn client(&self, buf: &mut String) {
        let (name, table) = (self.name, self.table());
        let mut body = String::new();
        for rpc in &self.rpcs {
            let (signature, kind, index, fun) = (rpc.signature(), rpc.kind(), rpc.index, &rpc.name);
            let _ = writeln!(
                body,
                "{signature} {{
                    match &self.peer {{
                        ::plaza_rpc::Peer::Local(inner) => {{
                            let child = cx.child(self.service);
                            let result = inner.{fun}(&child, req).await;
                            cx.absorb(child.take_outcome());
                            result
                        }}
                        ::plaza_rpc::Peer::Remote(channel) => channel.{kind}(cx, self.service, &{table}[{index}], req).await,
                    }}
                }}"
            );
        }
        let _ = writeln!(
            buf,
            "/// Calls [`{name}`], in this process or over gRPC. Cheap to clone.
            #[derive(Clone)]
            pub struct {name}Client {{ peer: ::plaza_rpc::Peer<dyn {name}>, service: Option<&'static str> }}
            impl {name}Client {{
                /// Calls an entry in this process.
                pub fn local(inner: ::std::sync::Arc<dyn {name}>) -> Self {{
                    Self {{ peer: ::plaza_rpc::Peer::Local(inner), service: None }}
                }}
                /// Calls over gRPC.
                pub fn remote(channel: ::plaza_rpc::Channel) -> Self {{
                    Self {{ peer: ::plaza_rpc::Peer::Remote(channel), service: None }}
                }}
                /// Calls in the name of a service.
                #[must_use]
                pub fn as_service(mut self, name: &'static str) -> Self {{
                    self.service = Some(name);
                    self
                }}
            }}
            #[::plaza_rpc::codegen::async_trait]
            impl {name} for {name}Client {{ {body} }}"
        );
    }
}
