//! Writes `impl Check` for the messages of a package.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::model::Model;
use crate::names;
use crate::rules::{FieldChecks, MessageChecks};

/// Writes the checks of all messages of `package` that requests can hold.
pub(crate) fn emit_package(model: &Model, package: &str, buf: &mut String) {
    for checks in model.checks.values().filter(|c| c.message.package_name() == package) {
        emit_message(model, checks, buf);
    }
}

fn emit_message(model: &Model, checks: &MessageChecks, buf: &mut String) {
    let package = checks.message.package_name();
    let path = names::message(&checks.message, package);
    let mut body = String::new();
    for oneof in &checks.required_oneofs {
        let field = names::snake(oneof.name());
        let push = push(&at_field(oneof.name()), "must be set to one of its choices");
        let _ = writeln!(body, "if self.{field}.is_none() {{ {push} }}");
    }
    for field in &checks.fields {
        let inner = field.nested.as_ref().filter(|m| model.has_rules(m));
        emit_field(field, inner, &mut body);
    }
    let unused = if body.is_empty() { "let _ = (at, out);" } else { "" };
    let _ = writeln!(
        buf,
        "impl ::plaza_rpc::Check for {path} {{
            fn check(&self, at: &str, out: &mut ::plaza_rpc::Violations) {{ {unused} {body} }}
        }}"
    );
}

fn at_field(name: &str) -> String {
    format!("::plaza_rpc::check::field(at, {})", names::literal(name))
}

fn push(place: &str, says: &str) -> String {
    format!("out.push({place}, {});", names::literal(says))
}

/// `inner` is the field's message type, if checking it can find anything.
fn emit_field(checks: &FieldChecks, inner: Option<&MessageDescriptor>, body: &mut String) {
    let field = &checks.field;
    let name = names::field(field);
    let place = at_field(field.name());
    if field.is_list() {
        return emit_list(checks, inner, body);
    }
    if field.is_map() {
        if let Some(chain) = chain(&conditions(checks, &place, true), "") {
            let _ = writeln!(body, "{{ let v = &self.{name}; {chain} }}");
        }
        return;
    }
    let nested = inner.map(|_| {
        let literal = names::literal(field.name());
        format!("::plaza_rpc::check::nested(at, {literal}, None, out, |out| v.check(\"\", out));")
    });
    let oneof = field.containing_oneof().filter(|o| !o.is_synthetic());
    if let Some(oneof) = oneof {
        let (path, variant) = (names::oneof(&oneof, field.parent_message().package_name()), names::camel(field.name()));
        let work = nested.or_else(|| value_chain(checks, &place).map(|c| bound(field, "v", &c)));
        if let Some(work) = work {
            let owner = names::snake(oneof.name());
            let _ = writeln!(body, "if let Some({path}::{variant}(v)) = &self.{owner} {{ {work} }}");
        }
    } else if field.supports_presence() {
        let work = nested.or_else(|| value_chain(checks, &place).map(|c| bound(field, "v", &c)));
        if let Some(work) = &work {
            let _ = writeln!(body, "if let Some(v) = &self.{name} {{ {work} }}");
        }
        if checks.required {
            let _ = writeln!(body, "if self.{name}.is_none() {{ {} }}", push(&place, "must be set"));
        }
    } else if let Some(chain) = value_chain(checks, &place) {
        let _ = writeln!(body, "{}", bound(field, &format!("&self.{name}"), &chain));
    }
}

fn emit_list(checks: &FieldChecks, inner: Option<&MessageDescriptor>, body: &mut String) {
    let field = &checks.field;
    let (name, literal) = (names::field(field), names::literal(field.name()));
    let item_place = format!("::plaza_rpc::check::item(at, {literal}, i)");
    let item_conditions = checks.value.iter().map(|c| (c.when.clone(), push(&item_place, &c.says))).collect::<Vec<_>>();
    let item = match inner {
        Some(_) => {
            Some(format!("::plaza_rpc::check::nested(at, {literal}, Some(i), out, |out| item.check(\"\", out));"))
        }
        None => chain(&item_conditions, "").map(|c| bound(field, "item", &c)),
    };
    let each =
        item.map(|item| format!("for (i, item) in v.iter().enumerate() {{ if out.is_full() {{ break; }} {item} }}"));
    let collection = conditions(checks, &at_field(field.name()), true);
    if let Some(chain) = chain(&collection, &each.unwrap_or_default()) {
        let _ = writeln!(body, "{{ let v = &self.{name}; {chain} }}");
    }
}

/// The conditions of a single value, or of a collection as a whole, with what to do when they are met.
fn conditions(checks: &FieldChecks, place: &str, collection: bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if checks.required {
        let is_zero = if collection { "v.is_empty()" } else { zero(&checks.field) };
        found.push((is_zero.to_owned(), push(place, "must not be empty")));
    }
    let rules = if collection { &checks.collection } else { &checks.value };
    found.extend(rules.iter().map(|c| (c.when.clone(), push(place, &c.says))));
    found
}

/// The checks of a single value `v`: the first broken rule is told.
fn value_chain(checks: &FieldChecks, place: &str) -> Option<String> {
    let mut with_presence = conditions(checks, place, false);
    if checks.field.supports_presence() && checks.required {
        // A field that tracks presence may hold the zero value.
        with_presence.remove(0);
    }
    let chain = chain(&with_presence, "")?;
    Some(if checks.ignore_zero { format!("if !({}) {{ {chain} }}", zero(&checks.field)) } else { chain })
}

/// `if a { … } else if b { … } else { last }`.
fn chain(conditions: &[(String, String)], last: &str) -> Option<String> {
    let mut text = String::new();
    for (when, then) in conditions {
        let _ = write!(text, "{}if {when} {{ {then} }}", if text.is_empty() { "" } else { " else " });
    }
    match (text.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(last.to_owned()),
        (false, true) => Some(text),
        (false, false) => Some(format!("{text} else {{ {last} }}")),
    }
}

/// Binds `v` to the value behind the reference `from` in the form that conditions expect.
fn bound(field: &FieldDescriptor, from: &str, work: &str) -> String {
    let value = match field.kind() {
        Kind::String => format!("({from}).as_str()"),
        Kind::Bytes => format!("({from}).as_slice()"),
        Kind::Message(_) => from.to_owned(),
        _ => format!("*({from})"),
    };
    format!("{{ let v = {value}; {work} }}")
}

fn zero(field: &FieldDescriptor) -> &'static str {
    match field.kind() {
        Kind::String | Kind::Bytes => "v.is_empty()",
        Kind::Bool => "!v",
        Kind::Float | Kind::Double => "v == 0.0",
        _ => "v == 0",
    }
}
