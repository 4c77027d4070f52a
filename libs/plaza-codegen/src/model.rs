//! What the generator knows of the services, from the descriptors and their options.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use crate::names;
use crate::problem::Problems;
use crate::rules::{self, MessageChecks};

/// All services and all checks.
pub(crate) struct Model {
    pub services: Vec<Service>,
    /// The checks of each message that a request can hold, by full name.
    pub checks: BTreeMap<String, MessageChecks>,
}

/// One service.
pub(crate) struct Service {
    pub full_name: String,
    pub package: String,
    pub name: String,
    pub methods: Vec<Method>,
}

/// One method.
pub(crate) struct Method {
    pub name: String,
    /// The variant of `plaza_rpc::Auth`.
    pub auth: &'static str,
    pub owner_field: Option<String>,
    pub mutation: bool,
    pub server_streaming: bool,
    pub cost: u32,
    pub strict_limit: bool,
    /// The variant of `plaza_rpc::Scope` that an app password needs; `None` if none may call it.
    pub app_scope: Option<&'static str>,
}

/// The most that a call can cost: a fifth of what a caller may spend in a minute by default.
const MAX_COST: u32 = 20;

struct Options {
    auth: ExtensionDescriptor,
    owner_field: ExtensionDescriptor,
    mutation: ExtensionDescriptor,
    cost: ExtensionDescriptor,
    strict_limit: ExtensionDescriptor,
    app_scope: ExtensionDescriptor,
    service_app_scope: ExtensionDescriptor,
}

impl Model {
    pub(crate) fn new(pool: &DescriptorPool, problems: &mut Problems) -> Self {
        let mut model = Self { services: Vec::new(), checks: BTreeMap::new() };
        let options = Options::find(pool);
        let mut requests = BTreeSet::new();
        for service in pool.services() {
            let Some(options) = &options else {
                problems.add(service.full_name(), "plaza/options/v1/options.proto is not among the files");
                continue;
            };
            let methods = service.methods().filter_map(|method| {
                let request = method.input();
                if !requests.insert(request.full_name().to_owned()) {
                    problems.add(method.full_name(), format!("{} is the request of another RPC", request.full_name()));
                }
                read_method(&method, options, problems)
            });
            let methods = methods.collect();
            let (package, name) = (service.package_name().to_owned(), service.name().to_owned());
            model.services.push(Service { full_name: service.full_name().to_owned(), package, name, methods });
        }
        for name in requests {
            if let Some(request) = pool.get_message_by_name(&name) {
                model.add_checks(&request, problems);
            }
        }
        model.refuse_rules_in_maps(problems);
        model
    }

    /// Maps of messages are not entered by the checks: rules in there would never be checked.
    fn refuse_rules_in_maps(&self, problems: &mut Problems) {
        let fields = self.checks.values().flat_map(|checks| &checks.fields);
        for field in fields.map(|f| &f.field).filter(|f| f.is_map()) {
            let Kind::Message(entry) = field.kind() else { continue };
            if let Kind::Message(value) = entry.map_entry_value_field().kind()
                && self.has_rules(&value)
            {
                problems.add(field.full_name(), format!("a map of {}, which has rules", value.full_name()));
            }
        }
    }

    fn add_checks(&mut self, message: &MessageDescriptor, problems: &mut Problems) {
        if message.package_name().starts_with("google.") || self.checks.contains_key(message.full_name()) {
            return;
        }
        let checks = rules::read_message(message, problems);
        self.checks.insert(message.full_name().to_owned(), checks);
        for field in message.fields() {
            match field.kind() {
                Kind::Message(value) if field.is_map() => {
                    if let Kind::Message(value) = value.map_entry_value_field().kind() {
                        self.add_checks(&value, problems);
                    }
                }
                Kind::Message(inner) => self.add_checks(&inner, problems),
                _ => {}
            }
        }
    }

    /// Whether checking a message can find anything.
    pub(crate) fn has_rules(&self, message: &MessageDescriptor) -> bool {
        let mut seen = BTreeSet::new();
        self.reaches_rules(message.full_name(), &mut seen)
    }

    fn reaches_rules<'a>(&'a self, name: &'a str, seen: &mut BTreeSet<&'a str>) -> bool {
        let Some(checks) = self.checks.get(name) else { return false };
        seen.insert(name) && (checks.has_own_rules() || checks.nested().any(|inner| self.reaches_rules(inner, seen)))
    }
}

impl Options {
    fn find(pool: &DescriptorPool) -> Option<Self> {
        let get = |name: &str| pool.get_extension_by_name(&format!("plaza.options.v1.{name}"));
        Some(Self {
            auth: get("auth")?,
            owner_field: get("owner_field")?,
            mutation: get("mutation")?,
            cost: get("cost")?,
            strict_limit: get("strict_limit")?,
            app_scope: get("app_scope")?,
            service_app_scope: get("service_app_scope")?,
        })
    }
}

/// The option's value if it is set: `get_extension` alone answers the default for one that is not.
fn set<'a>(
    options: &'a DynamicMessage,
    ext: &ExtensionDescriptor,
) -> Option<std::borrow::Cow<'a, prost_reflect::Value>> {
    options.has_extension(ext).then(|| options.get_extension(ext))
}

fn read_method(method: &MethodDescriptor, ext: &Options, problems: &mut Problems) -> Option<Method> {
    let options = method.options();
    let number = set(&options, &ext.auth).and_then(|v| v.as_enum_number());
    let auth = match number {
        Some(1) => "Public",
        Some(2) => "User",
        Some(3) => "Owner",
        Some(4) => "Service",
        Some(5) => "Admin",
        _ => {
            problems.add(method.full_name(), "no (plaza.options.v1.auth)");
            return None;
        }
    };
    if method.is_client_streaming() {
        problems.add(method.full_name(), "client streaming is not supported");
    }
    let owner_field = set(&options, &ext.owner_field).and_then(|v| v.as_str().map(str::to_owned));
    if let Some(field) = &owner_field {
        check_owner_field(method, auth, field, problems);
    }
    let mutation = set(&options, &ext.mutation).and_then(|v| v.as_bool()).unwrap_or(false);
    if mutation {
        check_request_id(method, problems);
    }
    let cost = set(&options, &ext.cost).and_then(|v| v.as_u32()).unwrap_or(1);
    if !(1..=MAX_COST).contains(&cost) {
        problems.add(method.full_name(), format!("a cost of {cost}; it can be 1 to {MAX_COST}"));
    }
    let app_scope = app_scope(method, ext, auth, mutation);
    Some(Method {
        name: method.name().to_owned(),
        auth,
        owner_field: owner_field.map(|f| names::snake(&f)),
        mutation,
        server_streaming: method.is_server_streaming(),
        cost,
        strict_limit: set(&options, &ext.strict_limit).and_then(|v| v.as_bool()).unwrap_or(false),
        app_scope,
    })
}

/// What an app password needs to call a method.
fn app_scope(method: &MethodDescriptor, ext: &Options, auth: &str, mutation: bool) -> Option<&'static str> {
    const NEVER: i32 = 4;
    let said = |options: &DynamicMessage, ext| set(options, ext).and_then(|v| v.as_enum_number()).filter(|n| *n != 0);
    let of_service = said(&method.parent_service().options(), &ext.service_app_scope);
    let (read, write) = (1, 2);
    let by_rule = match of_service {
        Some(scope) if mutation => scope,
        // What anybody may read is no secret of the account.
        Some(NEVER) if auth != "Public" => NEVER,
        _ if mutation => write,
        _ => read,
    };
    let scope = said(&method.options(), &ext.app_scope).unwrap_or(by_rule);
    match scope {
        _ if matches!(auth, "Service" | "Admin") => None,
        1 => Some("Read"),
        2 => Some("Write"),
        3 => Some("Follow"),
        _ => None,
    }
}

fn check_owner_field(method: &MethodDescriptor, auth: &str, name: &str, problems: &mut Problems) {
    if auth != "Owner" {
        problems.add(method.full_name(), "owner_field goes with AUTH_OWNER only");
    }
    let field = method.input().get_field_by_name(name);
    let fits = field.is_some_and(|f| matches!(f.kind(), Kind::Int64) && !f.is_list() && !f.supports_presence());
    if !fits {
        problems.add(method.full_name(), format!("owner_field `{name}` is no plain int64 field of the request"));
    }
}

fn check_request_id(method: &MethodDescriptor, problems: &mut Problems) {
    if method.is_server_streaming() {
        problems.add(method.full_name(), "a mutation cannot stream its answer");
    }
    let field = method.input().get_field_by_name("request_id");
    if !field.is_some_and(|f| rules::is_required_uuid(&f)) {
        let rule = "string request_id with (buf.validate.field).string.uuid = true";
        problems.add(method.full_name(), format!("a mutation's request needs `{rule}`, always checked"));
    }
}
