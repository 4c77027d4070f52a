//! Lists of any length as one bound parameter.

use std::fmt::Write as _;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};

/// A list of ids for `json_each`: `… WHERE id IN (SELECT value FROM json_each(?1))`. One statement serves every length,
/// where a placeholder for each id would end at 32,766 and fill the statement cache.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a>(pub &'a [i64]);

impl ToSql for Ids<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let mut json = String::with_capacity(2 + self.0.len() * 20);
        json.push('[');
        for (i, id) in self.0.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(json, "{}{id}", if i == 0 { "" } else { "," });
        }
        json.push(']');
        Ok(ToSqlOutput::Owned(Value::Text(json)))
    }
}
