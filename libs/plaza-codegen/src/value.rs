//! From rules for one value to the conditions that break them, as Rust expressions.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};

use crate::names;
use crate::problem::Problems;

/// One rule: when it is broken, and what to tell the caller then.
pub(crate) struct Violated {
    /// A Rust expression over the value `v`: `&str`, `&[u8]`, a number, an enum's number, or a collection.
    pub when: String,
    /// What would be right.
    pub says: String,
}

fn broken(when: impl Into<String>, says: impl Into<String>) -> Option<Violated> {
    Some(Violated { when: when.into(), says: says.into() })
}

/// The member of `FieldRules.type` that fits a field.
fn rules_kind(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Enum(_) => "enum",
        _ => return None,
    })
}

/// Reads the rules of one value: a field's, or a list item's.
pub(crate) fn read(
    field: &FieldDescriptor,
    kind: &str,
    rules: &DynamicMessage,
    problems: &mut Problems,
) -> Vec<Violated> {
    if rules_kind(&field.kind()) != Some(kind) {
        problems.add(field.full_name(), format!("`{kind}` rules are not for this field's type"));
        return Vec::new();
    }
    if rules.unknown_fields().next().is_some() {
        problems.add(field.full_name(), "a rule that the generator does not know");
    }
    let mut found = Vec::new();
    for (rule, value) in rules.fields() {
        let name = rule.name();
        let check = match kind {
            "string" => string(name, value),
            "bytes" => bytes(name, value),
            "enum" => enumeration(field, name, value),
            _ => number(name, value),
        };
        match check {
            Some(check) if name == "pattern" => {
                if let Err(error) = regex::Regex::new(value.as_str().unwrap_or_default()) {
                    problems.add(field.full_name(), format!("the pattern does not compile: {error}"));
                }
                found.push(check);
            }
            Some(check) => found.push(check),
            None if is_off(value) => {}
            None => problems.add(field.full_name(), format!("the generator does not know `{kind}.{name}`")),
        }
    }
    found
}

/// A rule that is set to false demands nothing.
fn is_off(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

/// A rule of a list or a map as a whole.
pub(crate) fn collection(rule: &str, value: &Value) -> Option<Violated> {
    match rule {
        "min_items" | "min_pairs" => {
            let n = value.as_u64()?;
            broken(format!("(v.len() as u64) < {n}"), format!("must hold at least {n}"))
        }
        "max_items" | "max_pairs" => {
            let n = value.as_u64()?;
            broken(format!("(v.len() as u64) > {n}"), format!("must hold at most {n}"))
        }
        "unique" => {
            let when = if value.as_bool()? { "!::plaza_rpc::check::is_unique(v)" } else { "false" };
            broken(when, "must not hold anything twice")
        }
        _ => None,
    }
}

fn string(rule: &str, value: &Value) -> Option<Violated> {
    let count = "(v.chars().count() as u64)";
    match (rule, value) {
        ("len", Value::U64(n)) => broken(format!("{count} != {n}"), format!("must have {n} characters")),
        ("min_len", Value::U64(n)) => broken(format!("{count} < {n}"), format!("must have at least {n} characters")),
        ("max_len", Value::U64(n)) => {
            // No text has more characters than bytes: a short one is not counted.
            broken(format!("(v.len() as u64) > {n} && {count} > {n}"), format!("must have at most {n} characters"))
        }
        ("min_bytes", Value::U64(n)) => {
            broken(format!("(v.len() as u64) < {n}"), format!("must have at least {n} bytes of UTF-8"))
        }
        ("max_bytes", Value::U64(n)) => {
            broken(format!("(v.len() as u64) > {n}"), format!("must have at most {n} bytes of UTF-8"))
        }
        ("pattern", Value::String(pattern)) => {
            let regex = names::literal(pattern);
            let when = format!(
                "{{ static PATTERN: ::plaza_rpc::check::Pattern = ::plaza_rpc::check::Pattern::new({regex}); \
                 !PATTERN.matches(v) }}"
            );
            broken(when, format!("must match `{pattern}`"))
        }
        ("prefix", Value::String(prefix)) => {
            broken(format!("!v.starts_with({})", names::literal(prefix)), format!("must start with `{prefix}`"))
        }
        ("email", Value::Bool(true)) => {
            broken("!::plaza_rpc::check::is_email(v)", "must be an e-mail address, such as `ada@example.com`")
        }
        ("uuid", Value::Bool(true)) => {
            broken("!::plaza_rpc::check::is_uuid(v)", "must be a UUID, such as `6fa459ea-ee8a-4ca4-894e-db77e160355e`")
        }
        ("in" | "not_in", Value::List(values)) => {
            let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            let literals: Vec<String> = texts?.iter().map(|t| names::literal(t)).collect();
            choice(rule, &literals)
        }
        _ => None,
    }
}

fn bytes(rule: &str, value: &Value) -> Option<Violated> {
    let n = value.as_u64()?;
    match rule {
        "len" => broken(format!("v.len() as u64 != {n}"), format!("must have {n} bytes")),
        "min_len" => broken(format!("(v.len() as u64) < {n}"), format!("must have at least {n} bytes")),
        "max_len" => broken(format!("(v.len() as u64) > {n}"), format!("must have at most {n} bytes")),
        _ => None,
    }
}

fn enumeration(field: &FieldDescriptor, rule: &str, value: &Value) -> Option<Violated> {
    let Kind::Enum(descriptor) = field.kind() else { return None };
    match (rule, value) {
        ("defined_only", Value::Bool(true)) => {
            let path = names::enumeration(&descriptor, field.parent_message().package_name());
            broken(format!("{path}::try_from(v).is_err()"), "must be one of the enum's values")
        }
        ("in" | "not_in", Value::List(values)) => choice(rule, &numbers(values)?),
        _ => None,
    }
}

fn number(rule: &str, value: &Value) -> Option<Violated> {
    if let ("in" | "not_in", Value::List(values)) = (rule, value) {
        return choice(rule, &numbers(values)?);
    }
    let n = plain_number(value)?;
    match rule {
        "lt" => broken(format!("v >= {n}"), format!("must be less than {n}")),
        "lte" => broken(format!("v > {n}"), format!("must be at most {n}")),
        "gt" => broken(format!("v <= {n}"), format!("must be more than {n}")),
        "gte" => broken(format!("v < {n}"), format!("must be at least {n}")),
        _ => None,
    }
}

fn plain_number(value: &Value) -> Option<String> {
    match value {
        Value::I32(n) => Some(n.to_string()),
        Value::I64(n) => Some(n.to_string()),
        Value::U32(n) => Some(n.to_string()),
        Value::U64(n) => Some(n.to_string()),
        _ => None,
    }
}

fn numbers(values: &[Value]) -> Option<Vec<String>> {
    values.iter().map(plain_number).collect()
}

fn choice(rule: &str, values: &[String]) -> Option<Violated> {
    let (list, says) = (values.join(" | "), values.join(", "));
    if rule == "in" {
        broken(format!("!matches!(v, {list})"), format!("must be one of {says}"))
    } else {
        broken(format!("matches!(v, {list})"), format!("must not be one of {says}"))
    }
}
