//! Neo4j.
