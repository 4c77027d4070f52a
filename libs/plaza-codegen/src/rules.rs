//! Reads the `buf.validate` rules of messages.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use crate::problem::Problems;
use crate::value::{self, Violated};

/// The checks of one message.
pub(crate) struct MessageChecks {
    pub message: MessageDescriptor,
    pub fields: Vec<FieldChecks>,
    pub required_oneofs: Vec<OneofDescriptor>,
}

/// The checks of one field.
pub(crate) struct FieldChecks {
    pub field: FieldDescriptor,
    /// The message type that it holds, unless it is a map.
    pub nested: Option<MessageDescriptor>,
    pub required: bool,
    /// The zero value is fine, whatever the rules say.
    pub ignore_zero: bool,
    /// Of a single value, or of each item of a list.
    pub value: Vec<Violated>,
    /// Of a list or map as a whole; the variable is `v`, the collection.
    pub collection: Vec<Violated>,
}

impl FieldChecks {
    fn is_empty(&self) -> bool {
        !self.required && self.value.is_empty() && self.collection.is_empty()
    }
}

impl MessageChecks {
    pub(crate) fn has_own_rules(&self) -> bool {
        !self.required_oneofs.is_empty() || self.fields.iter().any(|f| !f.is_empty())
    }

    /// The messages in its fields, by full name. Maps' values are not entered.
    pub(crate) fn nested(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|f| f.nested.as_ref().map(MessageDescriptor::full_name))
    }
}

/// Whether a field is a string that must be a UUID, always.
pub(crate) fn is_required_uuid(field: &FieldDescriptor) -> bool {
    let rules = extension(field.parent_message(), &field.options(), "buf.validate.field");
    let Some(rules) = rules.filter(|_| !field.supports_presence() && !field.is_list()) else { return false };
    let string = rules.get_field_by_name("string").filter(|_| rules.has_field_by_name("string"));
    let uuid = string.is_some_and(|s| s.as_message().is_some_and(|s| s.has_field_by_name("uuid")));
    uuid && !rules.has_field_by_name("ignore")
}

/// Reads the rules of a message and of its fields.
pub(crate) fn read_message(message: &MessageDescriptor, problems: &mut Problems) -> MessageChecks {
    let required_oneofs = message.oneofs().filter(|oneof| {
        extension(message, &oneof.options(), "buf.validate.oneof")
            .and_then(|rules| rules.get_field_by_name("required").and_then(|v| v.as_bool()))
            .unwrap_or(false)
    });
    let required_oneofs = required_oneofs.collect();
    let fields = message.fields().map(|field| read_field(field, problems)).collect();
    MessageChecks { message: message.clone(), fields, required_oneofs }
}

fn extension(message: &MessageDescriptor, options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let ext = message.parent_pool().get_extension_by_name(name)?;
    options.has_extension(&ext).then(|| options.get_extension(&ext).as_message().cloned()).flatten()
}

fn read_field(field: FieldDescriptor, problems: &mut Problems) -> FieldChecks {
    let nested = match field.kind() {
        Kind::Message(inner) if !field.is_map() => Some(inner),
        _ => None,
    };
    let rules = extension(field.parent_message(), &field.options(), "buf.validate.field");
    let mut checks =
        FieldChecks { field, nested, required: false, ignore_zero: false, value: Vec::new(), collection: Vec::new() };
    if let Some(rules) = rules {
        read_rules(&mut checks, &rules, problems);
    }
    checks
}

fn read_rules(checks: &mut FieldChecks, rules: &DynamicMessage, problems: &mut Problems) {
    let place = checks.field.full_name().to_owned();
    if rules.unknown_fields().next().is_some() {
        problems.add(&place, "a rule that the generator does not know");
    }
    let mut ignored = false;
    for (rule, value) in rules.fields() {
        match rule.name() {
            "required" => checks.required = value.as_bool().unwrap_or(false),
            "ignore" => {
                checks.ignore_zero = value.as_enum_number() == Some(1);
                ignored = value.as_enum_number() == Some(3);
            }
            kind => match value.as_message() {
                Some(typed) => read_typed(checks, kind, typed, problems),
                None => problems.add(&place, format!("the generator does not know the rule `{kind}`")),
            },
        }
    }
    let one_of = checks.field.containing_oneof().is_some_and(|o| !o.is_synthetic());
    if checks.required && one_of {
        problems.add(&place, "`required` on a oneof's member: put (buf.validate.oneof).required on the oneof");
    }
    if ignored {
        (checks.required, checks.value, checks.collection) = (false, Vec::new(), Vec::new());
    }
}

fn read_typed(checks: &mut FieldChecks, kind: &str, rules: &DynamicMessage, problems: &mut Problems) {
    let field = &checks.field;
    match kind {
        "repeated" if field.is_list() => {
            for (rule, value) in rules.fields() {
                if rule.name() == "items" {
                    let Some(items) = value.as_message() else { continue };
                    checks.value = read_items(field, items, problems);
                } else if let Some(check) = value::collection(rule.name(), value) {
                    checks.collection.push(check);
                } else {
                    problems.add(field.full_name(), format!("the generator does not know `repeated.{}`", rule.name()));
                }
            }
        }
        "map" if field.is_map() => {
            for (rule, value) in rules.fields() {
                match value::collection(rule.name(), value) {
                    Some(check) => checks.collection.push(check),
                    None => {
                        let what = format!("the generator does not know `map.{}`", rule.name());
                        problems.add(field.full_name(), what);
                    }
                }
            }
        }
        _ if field.is_list() || field.is_map() => {
            problems.add(field.full_name(), format!("`{kind}` rules are not for this field's type"));
        }
        _ => checks.value = value::read(field, kind, rules, problems),
    }
}

fn read_items(field: &FieldDescriptor, items: &DynamicMessage, problems: &mut Problems) -> Vec<Violated> {
    let mut found = Vec::new();
    for (rule, value) in items.fields() {
        match value.as_message() {
            Some(typed) => found.extend(value::read(field, rule.name(), typed, problems)),
            None => problems.add(field.full_name(), format!("the generator does not know `items.{}`", rule.name())),
        }
    }
    found
}
