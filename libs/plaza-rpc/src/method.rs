//! What the generator knows of each method.

pub use plaza_core::Scope;

/// Who may call a method: the `(plaza.options.v1.auth)` option. There is no value for "not said": the generator refuses
/// such a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anybody, signed in or not.
    Public,
    /// Any signed-in account.
    User,
    /// The signed-in account that owns what the request names.
    Owner,
    /// Another service of the platform, or an operator.
    Service,
    /// An operator.
    Admin,
}

/// One method of a service, as its `.proto` declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// `/plaza.posts.v1.PostsService/CreatePost`.
    pub path: &'static str,
    /// `CreatePost`.
    pub name: &'static str,
    /// `plaza.posts.v1.PostsService`.
    pub service: &'static str,
    /// Who may call it.
    pub auth: Auth,
    /// For [`Auth::Owner`]: the request's field that must hold the caller's account.
    pub owner_field: Option<&'static str>,
    /// Whether it changes something, once for each `request_id`.
    pub mutation: bool,
    /// Whether it answers with a stream.
    pub server_streaming: bool,
    /// What a call takes of what its caller may spend in a minute.
    pub cost: u32,
    /// Whether its limit gets stricter while the common count cannot be reached.
    pub strict_limit: bool,
    /// What a session of an app password needs to call it; `None` if none may.
    pub app_scope: Option<Scope>,
}

#[cfg(test)]
impl Method {
    /// A method that everybody may call, for tests of the steps around it.
    pub(crate) const ECHO: Self = Self {
        path: "/plaza.sample.v1.SampleService/Echo",
        name: "Echo",
        service: "plaza.sample.v1.SampleService",
        auth: Auth::Public,
        owner_field: None,
        mutation: false,
        server_streaming: false,
        cost: 1,
        strict_limit: false,
        app_scope: None,
    };
}

/// What the entry steps need of one method's request; made by generated code.
#[derive(Debug)]
pub struct Step<Req> {
    /// The method's place in its service's table.
    pub index: usize,
    /// Reads the field that must hold the caller's account.
    pub owner: Option<fn(&Req) -> i64>,
    /// Reads the `request_id`; set for mutations.
    pub request_id: Option<fn(&Req) -> &str>,
}

/// A request, which names its method: each request type belongs to one.
pub trait Rpc: prost::Message + 'static {
    /// What the method answers, each item of it for a stream.
    type Response: prost::Message + Default + 'static;
    /// The method that takes it.
    const METHOD: &'static Method;
}
