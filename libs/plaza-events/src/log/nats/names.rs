//! What streams and subjects are called.

/// The names of one log; several can share a broker.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The stream of events.
    pub(super) fn events(&self) -> String {
        format!("{}_EVENTS", self.prefix.to_uppercase())
    }

    /// The stream of dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}_DEAD", self.prefix.to_uppercase())
    }

    /// The bucket that says where each consumer stands and who has its turn.
    pub(super) fn turns(&self) -> String {
        format!("{}_TURNS", self.prefix.to_uppercase())
    }

    /// The subject of a source's events.
    pub(super) fn source(&self, source: &str) -> String {
        format!("{}.events.{source}", self.prefix)
    }

    /// The subjects of all events.
    pub(super) fn all_events(&self) -> String {
        self.source("*")
    }

    /// The subject on which the process that has the turn tells what is applied.
    pub(super) fn marks(&self, consumer: &str) -> String {
        format!("{}.marks.{consumer}", self.prefix)
    }

    /// The subject of a dead letter, or of several: `*` stands for any.
    pub(super) fn dead_letter(&self, consumer: &str, source: &str, position: &str, id: &str) -> String {
        format!("{}.dead.{consumer}.{source}.{position}.{id}", self.prefix)
    }

    /// The subjects of all dead letters.
    pub(super) fn all_dead_letters(&self) -> String {
        format!("{}.dead.>", self.prefix)
    }

    /// Where the server tells that it gave up delivering an event to a consumer.
    pub(super) fn given_up(&self, consumer: &str) -> String {
        format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{}.{consumer}", self.events())
    }
}
