//! The command line.

mod admin;
mod args;

use clap::{Parser, Subcommand};

/// Plaza: a social platform as gRPC services.
#[derive(Debug, Parser)]
#[command(name = "plaza", version, max_term_width = 100, after_help = "Try `plaza demo` first.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every service in this process
    Up(args::UpArgs),
    /// Run a platform with people, posts and likes, and say what to try
    Demo(args::DemoArgs),
    /// Fill a running platform with people, posts and likes, through its API
    Seed(args::SeedArgs),
    /// Run only the named services in this process
    Serve(args::ServeArgs),
    /// Bring the stores to this version without serving
    Migrate(args::MigrateArgs),
    /// List the projections of a running process and how far each has got
    Projections(admin::ProjectionsArgs),
    /// Build a projection anew from the truth, while it serves
    Rebuild(admin::RebuildArgs),
    /// Compare a projection with the truth, and repair what drifted
    Audit(admin::AuditArgs),
    /// List or replay the events that a projection gave up on
    Dlq(admin::DlqArgs),
    /// Measure a platform
    Bench(args::BenchArgs),
}

pub use admin::{AdminArgs, AuditArgs, DlqArgs, DlqCommand, ProjectionsArgs, RebuildArgs};
pub use args::{
    BenchArgs, BenchCommand, DemoArgs, LoadArgs, MigrateArgs, PeopleArgs, ReadyArgs, SeedArgs, ServeArgs, SettingsArgs,
    SizesArgs, UpArgs,
};

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn each(command: &clap::Command, path: &str, seen: &mut Vec<(String, clap::Command)>) {
        seen.push((path.to_owned(), command.clone()));
        for inner in command.get_subcommands().filter(|c| c.get_name() != "help") {
            each(inner, &format!("{path} {}", inner.get_name()), seen);
        }
    }

    #[test]
    fn the_help_of_each_command_has_examples_that_it_takes_itself() {
        Cli::command().debug_assert();
        let mut commands = Vec::new();
        each(&Cli::command(), "plaza", &mut commands);
        for (path, mut command) in commands.into_iter().skip(1) {
            let help = command.render_long_help().to_string();
            let examples = help.split("Examples:").nth(1).unwrap_or_else(|| panic!("no examples in {path} --help"));
            let examples = examples.lines().map(str::trim).filter(|line| line.starts_with("plaza "));
            let mut count = 0;
            for example in examples {
                let words = example.split('#').next().unwrap_or_default().split_whitespace();
                assert!(example.starts_with(&path), "{path}: {example}");
                Cli::try_parse_from(words).unwrap_or_else(|e| panic!("{example}: {e}"));
                count += 1;
            }
            assert!(count > 0, "no examples in {path} --help");
        }
    }

    #[test]
    fn flags_become_settings_with_their_names() {
        let words = ["plaza", "up", "--ephemeral", "--grpc-address", "127.0.0.1:0", "--set", "feeds.cap=9"];
        let Command::Up(up) = Cli::try_parse_from(words).unwrap().command else { panic!("not up") };
        let flags: Vec<_> = up.settings.flags().into_iter().map(|s| (s.origin, s.name, s.value)).collect();
        let flag = |o: &str, n: &str, v: &str| (o.to_owned(), n.to_owned(), v.to_owned());
        assert_eq!(
            flags,
            [
                flag("--ephemeral", "ephemeral", "true"),
                flag("--grpc-address", "grpc_address", "127.0.0.1:0"),
                flag("--set feeds.cap", "feeds.cap", "9"),
            ]
        );
        assert!(Cli::try_parse_from(["plaza", "up", "--set", "nothing"]).is_err());
        assert!(Cli::try_parse_from(["plaza", "serve"]).is_err());
        assert!(Cli::try_parse_from(["plaza", "serve", "postz"]).is_err());
        for followers in ["nan", "inf", "-1", "many"] {
            assert!(
                Cli::try_parse_from(["plaza", "demo", &format!("--followers={followers}")]).is_err(),
                "{followers}"
            );
        }
        let Command::Up(up) = Cli::try_parse_from(["plaza", "up", "--data-dir", "d"]).unwrap().command else {
            panic!("not up")
        };
        let flags: Vec<_> = up.settings.flags().into_iter().map(|s| (s.name, s.value)).collect();
        assert!(flags.contains(&("ephemeral".to_owned(), "false".to_owned())), "a named folder wins: {flags:?}");
    }
}
