//! Rust names of protobuf things, as prost-build makes them.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor, OneofDescriptor};

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield",
];

fn escape(name: String) -> String {
    match name.as_str() {
        "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        keyword if KEYWORDS.contains(&keyword) => format!("r#{name}"),
        _ => name,
    }
}

/// A field's, method's or module's name.
pub(crate) fn snake(name: &str) -> String {
    escape(name.to_snake_case())
}

/// A type's or variant's name.
pub(crate) fn camel(name: &str) -> String {
    escape(name.to_upper_camel_case())
}

/// A constant's name.
pub(crate) fn upper(name: &str) -> String {
    name.to_snake_case().to_uppercase()
}

/// The name of a field in its struct.
pub(crate) fn field(field: &FieldDescriptor) -> String {
    snake(field.name())
}

/// The path from the module of package `from` to a message.
pub(crate) fn message(message: &MessageDescriptor, from: &str) -> String {
    path(&scope(message), message.package_name(), from, &camel(message.name()))
}

/// The path from the module of package `from` to an enum.
pub(crate) fn enumeration(descriptor: &EnumDescriptor, from: &str) -> String {
    let parents = descriptor.parent_message().map(|p| inner(&p)).unwrap_or_default();
    path(&parents, descriptor.package_name(), from, &camel(descriptor.name()))
}

/// The path from the module of package `from` to a oneof's enum.
pub(crate) fn oneof(oneof: &OneofDescriptor, from: &str) -> String {
    let parent = oneof.parent_message();
    path(&inner(parent), parent.package_name(), from, &camel(oneof.name()))
}

/// The modules that a message's own type stands in, within its package.
fn scope(message: &MessageDescriptor) -> Vec<String> {
    message.parent_message().map(|p| inner(&p)).unwrap_or_default()
}

/// The modules that a message's nested types stand in, within its package.
fn inner(message: &MessageDescriptor) -> Vec<String> {
    let mut modules = scope(message);
    modules.push(snake(message.name()));
    modules
}

fn path(modules: &[String], package: &str, from: &str, name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    if package != from {
        parts.extend(from.split('.').map(|_| "super".to_owned()));
        parts.extend(package.split('.').map(snake));
    }
    parts.extend(modules.iter().cloned());
    parts.push(name.to_owned());
    parts.join("::")
}

/// A Rust string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("{text:?}")
}
