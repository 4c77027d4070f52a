//! Lua scripts: run by their hash, sent whole when the server does not know them.

use std::sync::LazyLock;

use fred::error::Error as DriverError;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, FromValue, Value};

/// A script. The server runs it as one step that nothing comes between.
///
/// All keys of a script must live on one server: this is no client for a cluster.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    hash: LazyLock<String, Box<dyn FnOnce() -> String + Send>>,
}

/// What a script is run with.
#[derive(Clone, Debug, Default)]
pub struct ScriptCall {
    /// `KEYS`, whole: with the store's prefix.
    pub keys: Vec<String>,
    /// `ARGV`.
    pub args: Vec<Value>,
}

impl ScriptCall {
    /// A call with these keys and arguments.
    #[must_use]
    pub fn new(keys: Vec<String>, args: Vec<Value>) -> Self {
        Self { keys, args }
    }
}

impl Script {
    /// A script of this source.
    #[must_use]
    pub fn new(source: &'static str) -> Self {
        Self { source, hash: LazyLock::new(Box::new(|| fred::util::sha1_hash(source))) }
    }

    /// Runs it by its hash. A server that does not know the script answers so and does nothing.
    pub(super) async fn by_hash<C: ClientLike, R: FromValue>(
        &self,
        client: &C,
        call: &ScriptCall,
    ) -> Result<R, DriverError> {
        client.custom(command("EVALSHA"), arguments(&self.hash, call)).await
    }

    /// Runs it from its source, which the server then knows.
    pub(super) async fn whole<C: ClientLike, R: FromValue>(
        &self,
        client: &C,
        call: &ScriptCall,
    ) -> Result<R, DriverError> {
        client.custom(command("EVAL"), arguments(self.source, call)).await
    }
}

/// As a custom command, since the driver's own has neither timeouts of its own nor a place in a pipeline.
fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::Random, false)
}

fn arguments(script: &str, call: &ScriptCall) -> Vec<Value> {
    let mut arguments = Vec::with_capacity(2 + call.keys.len() + call.args.len());
    arguments.push(script.into());
    arguments.push(i64::try_from(call.keys.len()).unwrap_or(i64::MAX).into());
    arguments.extend(call.keys.iter().map(|key| key.as_str().into()));
    arguments.extend(call.args.iter().cloned());
    arguments
}
