//! The open loop: ghz offers calls at a rate, whatever becomes of those before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::bench::{Caller, Cast};
use super::results::Row;
use super::scenario::{Ids, Part, Scenario};
use super::shape::Running;
use crate::Outcome;
use crate::process::succeeds;

/// The clients: ghz fills in one template for each call, so that few tokens are better.
const CALLERS: usize = 8;
/// Its connections.
const CONNECTIONS: usize = 8;

/// ghz that works on one kind of call.
struct Offering {
    child: Child,
    output: PathBuf,
}

/// Holds that ghz is there.
pub(crate) fn check() -> Outcome {
    if succeeds(Command::new("ghz").arg("--version")) {
        return Ok(());
    }
    Err("ghz is not on the PATH: `go install github.com/bojand/ghz/cmd/ghz@v0.93.0` installs it".to_owned())
}

/// Offers all calls of a scenario, and tells what came out: a row for each kind, the last with the CPU time of all.
pub(crate) fn run(scenario: &Scenario, running: &Running, cast: &Cast) -> Outcome<Vec<Row>> {
    println!("open loop: {}", scenario.name);
    let mut ids = Ids::new()?;
    let mut configs = Vec::new();
    for (n, part) in scenario.parts.iter().enumerate() {
        let path = running.scratch().join(format!("ghz-{n}.json"));
        let config = config(part, scenario.seconds, &running.host(part.service()?)?, cast, &mut ids);
        fs::write(&path, config.to_string()).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        configs.push(path);
    }
    let before = running.usage();
    let offerings = configs.iter().map(|config| start(config)).collect::<Outcome<Vec<_>>>()?;
    let each = offerings.into_iter().map(Offering::end).collect::<Outcome<Vec<_>>>()?;
    let (platform, stores) = running.usage().cpu_since(&before);
    let calls: u64 = each.iter().map(|row| row.calls).sum();
    let mut rows = each;
    for (row, part) in rows.iter_mut().zip(&scenario.parts) {
        (row.what, row.offered) = (name(scenario, part), part.rps);
    }
    if let Some(last) = rows.last_mut() {
        let per_call = |cpu: std::time::Duration| {
            cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(calls.max(1)).unwrap_or(u32::MAX))
        };
        (last.server_cpu_us, last.stores_cpu_us) = (per_call(platform), per_call(stores));
    }
    Ok(rows)
}

fn name(scenario: &Scenario, part: &Part) -> String {
    let method = part.call.rsplit('.').next().unwrap_or_default();
    if scenario.parts.len() == 1 { scenario.name.clone() } else { format!("{}: {method}", scenario.name) }
}

/// What ghz is told: https://ghz.sh/docs/options.
fn config(part: &Part, seconds: u64, host: &str, cast: &Cast, ids: &mut Ids) -> Value {
    let (callers, others) = cast.people.split_at(CALLERS.min(cast.people.len() / 2));
    let accounts: Vec<i64> = others.iter().map(|person| person.account_id).collect();
    json!({
        "insecure": true,
        "async": true,
        "call": part.call,
        "host": host,
        "rps": part.rps,
        "total": part.rps * seconds,
        // So many may be on their way.
        "concurrency": 64,
        "connections": CONNECTIONS,
        "timeout": "10s",
        "metadata": { "authorization": format!("Bearer {}", one_of(callers)) },
        "data": part.requests(seconds, &accounts, ids),
    })
}

/// A template that is another one's token in each call.
fn one_of(callers: &[Caller]) -> String {
    let mut template = format!("{{{{$n := randomInt 0 {}}}}}", callers.len());
    for (n, caller) in callers.iter().enumerate() {
        template.push_str(&format!("{{{{if eq $n {n}}}}}{}{{{{end}}}}", caller.access_token));
    }
    template
}

fn start(config: &Path) -> Outcome<Offering> {
    let output = config.with_extension("out.json");
    let mut command = Command::new("ghz");
    command.arg("--config").arg(config).args(["--format", "json", "--output"]).arg(&output);
    let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("cannot start ghz: {error}"))?;
    Ok(Offering { child, output })
}

impl Offering {
    fn end(mut self) -> Outcome<Row> {
        let status = self.child.wait().map_err(|error| format!("ghz: {error}"))?;
        if !status.success() {
            return Err(format!("ghz ended with {status}"));
        }
        let text = fs::read_to_string(&self.output).map_err(|error| format!("ghz wrote nothing: {error}"))?;
        row(&serde_json::from_str(&text).map_err(|error| format!("ghz wrote no JSON: {error}"))?)
    }
}

/// What ghz tells of its calls; latencies are in nanoseconds.
fn row(told: &Value) -> Outcome<Row> {
    let missing = |what: &str| format!("ghz does not tell its {what}");
    let calls = told["count"].as_u64().ok_or_else(|| missing("count"))?;
    let good = told["statusCodeDistribution"]["OK"].as_u64().unwrap_or_default();
    if good == 0 {
        return Err(format!("no call succeeded: {}", told["errorDistribution"]));
    }
    let quantile = |percent: u64| {
        let each = told["latencyDistribution"].as_array()?;
        let found = each.iter().find(|entry| entry["percentage"].as_u64() == Some(percent))?;
        Some(found["latency"].as_f64()? / 1e6)
    };
    Ok(Row {
        calls,
        errors: calls - good,
        per_second: told["rps"].as_f64().ok_or_else(|| missing("rate"))?,
        p50_ms: quantile(50).ok_or_else(|| missing("latencies"))?,
        p99_ms: quantile(99).ok_or_else(|| missing("latencies"))?,
        ..Row::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_chooses_one_of_the_tokens() {
        let caller = |token: &str| Caller { account_id: 1, access_token: token.to_owned() };
        let template = one_of(&[caller("a"), caller("b")]);
        assert_eq!(template, "{{$n := randomInt 0 2}}{{if eq $n 0}}a{{end}}{{if eq $n 1}}b{{end}}");
    }

    #[test]
    fn what_ghz_tells_is_read() {
        let told = json!({
            "count": 10, "rps": 99.5, "statusCodeDistribution": { "OK": 9, "Unavailable": 1 },
            "latencyDistribution": [
                { "percentage": 50, "latency": 1_500_000 }, { "percentage": 99, "latency": 4_000_000 },
            ],
        });
        let row = row(&told).unwrap();
        assert_eq!((row.calls, row.errors, row.p50_ms, row.p99_ms), (10, 1, 1.5, 4.0));
        let none = super::row(&json!({ "count": 1, "errorDistribution": { "no": 1 } })).unwrap_err();
        assert!(none.contains("no call succeeded"), "{none}");
    }
}
