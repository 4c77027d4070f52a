//! The scenario files: what is called how often, as ghz takes it, and what is filled in for each call.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::Outcome;

/// The order of the tables.
const NAMES: [&str; 5] = ["home", "user", "compose", "follow", "mix"];

/// One kind of call at a fixed rate, or several at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) seconds: u64,
    pub(crate) parts: Vec<Part>,
}

/// One kind of call of a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Part {
    /// Such as `plaza.feeds.v1.FeedsService.GetHomeFeed`.
    pub(crate) call: String,
    /// The request; `@account` and `@uuid` in it are another one in each call.
    pub(crate) data: Value,
    /// Calls in a second.
    pub(crate) rps: u64,
}

/// A file, which names either one call or the scenarios that run at once, with their rates.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    parts: BTreeMap<String, u64>,
    #[serde(flatten)]
    call: Option<Part>,
}

/// All scenarios in the folder, each for so many seconds.
pub(crate) fn read(folder: &Path, seconds: u64) -> Outcome<Vec<Scenario>> {
    NAMES.iter().map(|name| Ok(Scenario { name: (*name).to_owned(), seconds, parts: parts(folder, name)? })).collect()
}

fn parts(folder: &Path, name: &str) -> Outcome<Vec<Part>> {
    let path = folder.join(name).with_extension("json");
    let wrong = |why: String| format!("{}: {why}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let file: File = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if let Some(call) = file.call {
        return Ok(vec![call]);
    }
    let each = file.parts.iter().map(|(other, rps)| {
        let mut part = parts(folder, other)?.pop().ok_or_else(|| wrong(format!("{other} calls nothing")))?;
        part.rps = *rps;
        Ok(part)
    });
    each.collect()
}

impl Part {
    /// The service that is called, such as `feeds`.
    pub(crate) fn service(&self) -> Outcome<&str> {
        self.call.split('.').nth(1).ok_or_else(|| format!("`{}` is no method", self.call))
    }

    /// A request for each call of `seconds`; they name one account after the other.
    pub(crate) fn requests(&self, seconds: u64, accounts: &[i64], ids: &mut Ids) -> Vec<Value> {
        let count = usize::try_from(self.rps * seconds).unwrap_or_default();
        accounts.iter().cycle().take(count).map(|account| filled(&self.data, *account, ids)).collect()
    }
}

fn filled(data: &Value, account: i64, ids: &mut Ids) -> Value {
    match data {
        Value::String(text) if text == "@account" => Value::String(account.to_string()),
        Value::String(text) if text == "@uuid" => Value::String(ids.next()),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, account, ids))).collect()
        }
        other => other.clone(),
    }
}

/// UUIDs that begin alike and count on.
#[derive(Debug)]
pub(crate) struct Ids {
    begin: String,
    count: u64,
}

impl Ids {
    /// After a UUID of the system's making.
    pub(crate) fn new() -> Outcome<Self> {
        let path = "/proc/sys/kernel/random/uuid";
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        Ok(Self { begin: text.trim().chars().take(24).collect(), count: 0 })
    }

    /// The part that no other run has, for names.
    pub(crate) fn run(&self) -> &str {
        self.begin.split('-').next().unwrap_or_default()
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("{}{:012x}", self.begin, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_there_and_the_mix_is_made_of_others() {
        let scenarios = read(&crate::process::root().join(super::super::FOLDER), 2).unwrap();
        assert_eq!(scenarios.len(), NAMES.len());
        let mix = scenarios.iter().find(|scenario| scenario.name == "mix").unwrap();
        assert_eq!(mix.parts.iter().map(|part| part.rps).sum::<u64>(), 1_000);
        assert!(scenarios.iter().flat_map(|s| &s.parts).all(|part| part.service().is_ok_and(|name| !name.is_empty())));
    }

    #[test]
    fn each_call_has_an_account_and_an_id_of_its_own() {
        let data = serde_json::json!({ "request_id": "@uuid", "account_id": "@account", "page_size": 10 });
        let part = Part { call: "plaza.graph.v1.GraphService.Follow".to_owned(), data, rps: 4 };
        let mut ids = Ids { begin: "11111111-1111-4111-8111-".to_owned(), count: 0 };
        let requests = part.requests(2, &[5, 6, 7], &mut ids);
        assert_eq!((requests.len(), part.service().unwrap(), ids.run()), (8, "graph", "11111111"));
        assert_eq!(requests[1]["request_id"], "11111111-1111-4111-8111-000000000002");
        assert_eq!(requests[0]["page_size"], 10);
        let accounts: Vec<&str> = requests.iter().map(|request| request["account_id"].as_str().unwrap()).collect();
        assert_eq!(accounts, ["5", "6", "7", "5", "6", "7", "5", "6"]);
    }
}
