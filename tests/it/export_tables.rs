//! What the docs say of the export holds for every table and every kind of record there is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::export::{kinds, promised, rows};

/// The tables that the migrations of a service leave, whichever engine they are for.
fn tables(service: &str) -> BTreeSet<String> {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services").join(service).join("migrations");
    let mut files: Vec<PathBuf> = ["sqlite", "postgres"]
        .into_iter()
        .filter_map(|engine| std::fs::read_dir(migrations.join(engine)).ok())
        .flat_map(|files| files.map(|file| file.expect("a file").path()))
        .collect();
    files.sort();
    let mut tables = BTreeSet::new();
    for file in &files {
        let sql = std::fs::read_to_string(file).expect("a migration");
        for line in sql.lines() {
            let words: Vec<&str> = line.split([' ', '(', ';']).filter(|word| !word.is_empty()).collect();
            match words[..] {
                ["CREATE", "TABLE", table, ..] => drop(tables.insert(table.to_owned())),
                ["DROP", "TABLE", table, ..] => drop(tables.remove(table)),
                ["ALTER", "TABLE", old, "RENAME", "TO", new, ..] => {
                    tables.remove(old);
                    tables.insert(new.to_owned());
                }
                _ => {}
            }
        }
    }
    tables
}

#[test]
fn every_table_is_exported_or_the_docs_say_why_not() {
    let services: BTreeSet<&str> = rows().into_iter().map(|(service, ..)| service).filter(|s| *s != "each").collect();
    for service in &services {
        let told: BTreeSet<String> =
            rows().into_iter().filter(|(of, ..)| of == service).map(|(_, table, _)| table.to_owned()).collect();
        let there = tables(service);
        assert!(!there.is_empty(), "{service}");
        assert_eq!(told, there, "say in docs/data-ownership.md what of each table of {service} is exported");
    }
    for (service, table, told) in rows() {
        let reason = told.strip_prefix("not: ").is_some_and(|reason| reason.len() > 10);
        assert!(reason != (kinds(told).count() > 0), "{service}: `{table}` is exported as something, or `not: ` why");
    }
    let with_tables = ["accounts", "sessions", "graph", "posts", "feeds"];
    let with_tables: BTreeSet<&str> = with_tables.into_iter().filter(|service| !tables(service).is_empty()).collect();
    assert_eq!(services, with_tables);
}

#[test]
fn every_kind_of_record_comes_from_a_table_that_the_docs_name() {
    let records = plaza_proto::pool().all_messages().filter(|message| message.name() == "ExportRecord");
    let kinds: BTreeSet<String> = records
        .flat_map(|record| {
            let service = record.package_name().split('.').nth(1).expect("a service").to_owned();
            record.fields().map(|field| format!("{service}.{}", field.name())).collect::<Vec<_>>()
        })
        .collect();
    assert!(kinds.len() > 20, "{kinds:?}");
    assert_eq!(promised(), kinds);
}
