//! Mutations of requests, in their bytes and in their fields; the same seed gives the same ones.

use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

/// The most mutations of one input.
const MOST: usize = 4;
/// No input grows beyond this.
const LONGEST: usize = 64 * 1024;
/// Texts that have broken others' parsers.
const TEXTS: &[&str] = &[
    "",
    " ",
    "@",
    "#",
    "@@",
    "##",
    "#a#b",
    "@a@b",
    "http://",
    "https://",
    "https://a.b/(c)",
    "#\u{301}",
    "\u{0}",
    "\u{202e}",
    "\u{feff}",
    "\u{1f469}\u{200d}\u{1f467}",
    "e\u{301}",
    "\u{fffd}",
    "\u{10ffff}",
    "ſ",
    "ß",
    "İ",
    "ﬃ",
    "a\r\nb",
    "%00",
    "%s%n",
    "'; --",
    "\\",
    "\"",
    "{}",
    "$1",
    "-1",
    "9223372036854775808",
    "1e309",
    "null",
    "*",
    "**",
    "update_mask",
    "bio",
    "00000000-0000-4000-8000-000000000001",
];
const NUMBERS: &[i64] =
    &[0, 1, -1, 2, 99, 100, 101, 1_000, i32::MAX as i64, i32::MIN as i64, i64::MAX, i64::MIN, 1 << 60];

#[derive(Debug)]
pub(super) struct Mutator(fastrand::Rng);

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.usize(..end) }
    }

    /// Bits and pieces of an encoded request changed, cut, doubled or taken from another.
    pub(super) fn bytes(&mut self, mut input: Vec<u8>, other: &[u8]) -> Vec<u8> {
        for _ in 0..=self.below(MOST) {
            let at = self.below(input.len() + 1);
            let length = self.below(input.len() + 1 - at).min(32);
            match self.below(7) {
                0 if at < input.len() => input[at] ^= 1 << self.0.u8(..8),
                1 if at < input.len() => input[at] = self.0.u8(..),
                2 => drop(input.drain(at..at + length)),
                3 => {
                    let piece = input[at..at + length].to_vec();
                    input.splice(at..at, piece);
                }
                4 => {
                    let piece: Vec<u8> = (0..length.max(1)).map(|_| self.0.u8(..)).collect();
                    input.splice(at..at, piece);
                }
                5 => {
                    let from = self.below(other.len() + 1);
                    input.splice(at.., other[from..].iter().copied());
                }
                // The greatest number, where one may be.
                _ => drop(input.splice(at..at + length, [[0xff; 9].as_slice(), &[0x01]].concat())),
            }
        }
        input.truncate(LONGEST);
        input
    }

    /// Fields set to values at and beyond their limits, or cleared.
    pub(super) fn fields(&mut self, message: &mut DynamicMessage, page_tokens: &[String]) {
        for _ in 0..=self.below(MOST) {
            let fields: Vec<FieldDescriptor> = message.descriptor().fields().collect();
            if fields.is_empty() {
                return;
            }
            let field = fields[self.below(fields.len())].clone();
            if self.below(6) == 0 {
                message.clear_field(&field);
                continue;
            }
            let value = self.value(&field, message, page_tokens);
            message.set_field(&field, value);
        }
    }

    fn value(&mut self, field: &FieldDescriptor, message: &DynamicMessage, page_tokens: &[String]) -> Value {
        if field.cardinality() == Cardinality::Repeated {
            let count = [0, 1, 2, 100, 101, 300][self.below(6)];
            return Value::List((0..count).map(|_| self.single(field, message, page_tokens)).collect());
        }
        self.single(field, message, page_tokens)
    }

    fn single(&mut self, field: &FieldDescriptor, message: &DynamicMessage, page_tokens: &[String]) -> Value {
        match field.kind() {
            Kind::String if field.name() == "page_token" && !page_tokens.is_empty() => {
                let token = page_tokens[self.below(page_tokens.len())].clone();
                if self.below(2) == 0 { Value::String(token) } else { Value::String(self.bent(&token)) }
            }
            // Mostly one of its own, so that the request gets further than the first check.
            Kind::String if field.name() == "request_id" && self.below(8) > 0 => {
                Value::String(format!("{:08x}-0000-4000-8000-{:012x}", self.0.u32(..), self.0.u64(..1 << 48)))
            }
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.bytes(Vec::new(), &[]).into()),
            Kind::Bool => Value::Bool(self.0.bool()),
            Kind::Enum(_) => Value::EnumNumber(self.0.i32(-1..8)),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::try_from(self.number()).unwrap_or(i32::MAX)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => match message.get_field(field).as_i64() {
                Some(known) if self.below(3) == 0 => Value::I64(known.wrapping_add(self.0.i64(-2..=2))),
                _ => Value::I64(self.number()),
            },
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.0.u32(..)),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.0.u64(..)),
            Kind::Float => Value::F32(f32::from_bits(self.0.u32(..))),
            Kind::Double => Value::F64(f64::from_bits(self.0.u64(..))),
            Kind::Message(shape) => {
                let mut inner = DynamicMessage::new(shape);
                self.fields(&mut inner, page_tokens);
                Value::Message(inner)
            }
        }
    }

    fn number(&mut self) -> i64 {
        if self.below(4) == 0 { self.0.i64(..) } else { NUMBERS[self.below(NUMBERS.len())] }
    }

    /// Some of the texts one after the other, now and then very many, or characters of any kind.
    fn text(&mut self) -> String {
        match self.below(8) {
            0 => (0..self.below(600)).map(|_| self.0.char(..)).collect(),
            1 => TEXTS[self.below(TEXTS.len())].repeat(self.below(400)),
            _ => (0..=self.below(6)).map(|_| TEXTS[self.below(TEXTS.len())]).collect(),
        }
    }

    /// The text with one of its characters another.
    fn bent(&mut self, text: &str) -> String {
        let at = self.below(text.chars().count());
        text.chars().enumerate().map(|(n, c)| if n == at { self.0.alphanumeric() } else { c }).collect()
    }
}
