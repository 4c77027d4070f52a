//! The kinds of edges: how each is called, and the statements that are alike for all.
//!
//! Each names its index: the lists come from the index in their order, whatever the server's statistics say, so that a
//! page of a very large account costs what a page of a small one does.

/// A kind of edge between two accounts. Both ends' ids stand in properties of the relationship, so that indexes answer
/// what a walk over all of an account's relationships would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The relationship's type.
    name: &'static str,
    /// The property with the id of the account that it starts at.
    from: &'static str,
    /// The property with the id of the account that it leads to.
    to: &'static str,
    /// What else of it is told of a pair, after the ids, and of the other end, after its id.
    more: &'static str,
    /// What else of it is set, from the third value of a row on.
    set: &'static str,
}

pub(super) const FOLLOWS: Kind = Kind { name: "FOLLOWS", from: "follower", to: "followee", more: "", set: "" };
pub(super) const BLOCKS: Kind = Kind { name: "BLOCKS", from: "blocker", to: "blocked", more: "", set: "" };
pub(super) const REQUESTS: Kind = Kind { name: "REQUESTS", from: "requester", to: "target", more: "", set: "" };
/// Without an end, `until` is told as the last millisecond there is.
pub(super) const MUTES: Kind = Kind {
    name: "MUTES",
    from: "muter",
    to: "muted",
    more: ", e.scopes, coalesce(e.until, 9223372036854775807)",
    set: ", e.scopes = row[3], e.until = row[4]",
};

/// Which end of an edge is the account's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It starts at the account.
    From,
    /// It leads to the account.
    To,
}

impl Kind {
    /// The properties of the account's own end and of the other.
    pub(super) const fn ends(self, end: End) -> (&'static str, &'static str) {
        match end {
            End::From => (self.from, self.to),
            End::To => (self.to, self.from),
        }
    }

    /// An expression: up to `$limit` edges of `$account`, by rising id of the other end.
    pub(super) fn side(self, end: End) -> String {
        let (Self { name, .. }, (own, other), told) = (self, self.ends(end), self.told(end));
        format!(
            "COLLECT {{ MATCH ()-[e:{name}{{ns}}]->() USING INDEX SEEK e:{name}{{ns}}({own}, {other})
             WHERE e.{own} = $account AND e.{other} IS NOT NULL
             RETURN {told} ORDER BY e.{own}, e.{other} LIMIT $limit }}"
        )
    }

    /// What is told of an edge seen from one end: an id, or a list that begins with it.
    fn told(self, end: End) -> String {
        let (_, other) = self.ends(end);
        if self.more.is_empty() { format!("e.{other}") } else { format!("[e.{other}{}]", self.more) }
    }

    /// An expression: the edges between `$account` and each of `$others`.
    pub(super) fn among(self, end: End) -> String {
        let (Self { name, from, to, .. }, (own, other), told) = (self, self.ends(end), self.told(end));
        format!(
            "COLLECT {{ UNWIND $others AS other MATCH ()-[e:{name}{{ns}} {{{own}: $account, {other}: other}}]->()
             USING INDEX SEEK e:{name}{{ns}}({from}, {to}) RETURN {told} }}"
        )
    }

    /// An expression: those of `$pairs` that there are.
    pub(super) fn pairs(self) -> String {
        let Self { name, from, to, more, .. } = self;
        format!(
            "COLLECT {{ UNWIND $pairs AS pair MATCH ()-[e:{name}{{ns}} {{{from}: pair[0], {to}: pair[1]}}]->()
             USING INDEX SEEK e:{name}{{ns}}({from}, {to}) RETURN [pair[0], pair[1]{more}] }}"
        )
    }

    /// An expression: how many such edges start at the node `a`. A node knows how many relationships of each kind it has.
    pub(super) fn degree(self) -> String {
        format!("COUNT {{ (a)-[:{}{{ns}}]->() }}", self.name)
    }

    /// A query: up to `$limit` ids above `$after` at the other ends of `$account`'s edges, by rising id.
    pub(super) fn ids(self, end: End) -> String {
        let (Self { name, .. }, (own, other)) = (self, self.ends(end));
        format!(
            "MATCH ()-[e:{name}{{ns}}]->() USING INDEX SEEK e:{name}{{ns}}({own}, {other})
             WHERE e.{own} = $account AND e.{other} > $after
             WITH e.{other} AS id ORDER BY e.{own}, e.{other} LIMIT $limit RETURN collect(id) AS ids"
        )
    }

    /// A query: as [`Kind::ids`], with the time of each edge.
    pub(super) fn rising(self, end: End) -> String {
        let (Self { name, .. }, (own, other)) = (self, self.ends(end));
        format!(
            "MATCH ()-[e:{name}{{ns}}]->() USING INDEX SEEK e:{name}{{ns}}({own}, {other})
             WHERE e.{own} = $account AND e.{other} > $after
             RETURN [e.{other}, e.at] AS edge ORDER BY e.{own}, e.{other} LIMIT $limit"
        )
    }

    /// A query: up to `$limit` edges of `$account` that come after `$at` and `$other`, newest first; `filter` is a further
    /// condition, such as `AND e.x = 1`.
    pub(super) fn newest(self, end: End, filter: &str) -> String {
        let (Self { name, more, .. }, (own, other)) = (self, self.ends(end));
        format!(
            "MATCH ()-[e:{name}{{ns}}]->() USING INDEX SEEK e:{name}{{ns}}({own}, at, {other})
             WHERE e.{own} = $account AND e.at <= $at AND e.{other} IS NOT NULL AND (e.at < $at OR e.{other} < $other)
             {filter}
             RETURN [e.{other}, e.at{more}] AS edge ORDER BY e.{own} DESC, e.at DESC, e.{other} DESC LIMIT $limit"
        )
    }

    /// A statement: ends `$pairs`.
    pub(super) fn end(self) -> String {
        let Self { name, from, to, .. } = self;
        format!(
            "UNWIND $pairs AS pair MATCH ()-[e:{name}{{ns}} {{{from}: pair[0], {to}: pair[1]}}]->()
             USING INDEX SEEK e:{name}{{ns}}({from}, {to}) DELETE e"
        )
    }

    /// A statement: makes an edge of each of `$rows`: both ids, the time, and what else this kind has.
    pub(super) fn begin(self) -> String {
        let Self { name, from, to, set, .. } = self;
        format!(
            "UNWIND $rows AS row MERGE (a:Account{{ns}} {{id: row[0]}}) MERGE (b:Account{{ns}} {{id: row[1]}})
             MERGE (a)-[e:{name}{{ns}} {{{from}: row[0], {to}: row[1]}}]->(b) ON CREATE SET e.at = row[2]{set}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_their_kind_and_keep_the_namespace_open() {
        let sql = MUTES.pairs();
        assert!(sql.contains("[e:MUTES{ns} {muter: pair[0], muted: pair[1]}]"), "{sql}");
        assert!(
            sql.ends_with("RETURN [pair[0], pair[1], e.scopes, coalesce(e.until, 9223372036854775807)] }"),
            "{sql}"
        );
        let sql = FOLLOWS.side(End::To);
        assert!(sql.contains("USING INDEX SEEK e:FOLLOWS{ns}(followee, follower)"), "{sql}");
        assert!(sql.contains("RETURN e.follower ORDER BY e.followee, e.follower LIMIT $limit }"), "{sql}");
    }
}
