//! The layers that settings come from, the later over the earlier.

use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::{Settings, SettingsError};

/// How variables begin that are no settings: they are for a command, the build or the tests.
const NO_SETTINGS: &[&str] = &[
    "PLAZA_CONFIG",
    "PLAZA_TARGET",
    "PLAZA_REQUIRE_STORES",
    "PLAZA_CRASH_AT",
    "PLAZA_STORES_",
    "PLAZA_CLUSTER_",
    "PLAZA_TEST_",
];
/// The file that is read if it is there and none is named.
const FILE: &str = "plaza.toml";

/// One setting from a variable or a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it is from, such as `PLAZA_GRPC_ADDRESS` or `--grpc-address`.
    pub origin: String,
    /// Its name, parts apart by dots, such as `posts.store`.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Defaults of the command, over those of the settings.
    pub defaults: Vec<Setting>,
    /// The file; without one, `plaza.toml` in the current folder if there is one.
    pub file: Option<PathBuf>,
    /// The process's variables; those that are not ours are passed over.
    pub variables: Vec<(String, String)>,
    /// From the command line.
    pub flags: Vec<Setting>,
}

impl Layers {
    /// The process's own variables, with this file and these flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Setting>) -> Self {
        let variables = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        // The usual variable of programs that log by filters counts where nothing of ours says otherwise.
        let filter = std::env::var("RUST_LOG").ok().map(|value| Setting {
            origin: "RUST_LOG".to_owned(),
            name: "log".to_owned(),
            value,
        });
        Self { defaults: filter.into_iter().collect(), file, variables: variables.collect(), flags }
    }

    /// The settings that come of it, checked.
    ///
    /// # Errors
    /// Every wrong setting that was found, with what would be right.
    pub fn load(&self) -> Result<Settings, SettingsError> {
        let given = self.given()?;
        let base = Figment::from(Serialized::defaults(Settings::default())).merge(given.clone());
        let derived = base.extract::<Settings>()?.derived();
        let settings: Settings = Figment::from(Serialized::defaults(derived)).merge(given).extract()?;
        settings.check()?;
        Ok(settings)
    }

    fn given(&self) -> Result<Figment, SettingsError> {
        let mut figment = self.defaults.iter().cloned().fold(Figment::new(), Figment::merge);
        if let Some(file) = self.file() {
            if !file.is_file() {
                let told = format!("`--config` names {}, which is not a file", file.display());
                return Err(SettingsError::one(told));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let variables = self.variables.iter().filter_map(|(name, value)| variable(name, value));
        Ok(variables.chain(self.flags.iter().cloned()).fold(figment, Figment::merge))
    }

    fn file(&self) -> Option<PathBuf> {
        let usual = || Path::new(FILE).is_file().then(|| PathBuf::from(FILE));
        self.file.clone().or_else(usual)
    }
}

/// The setting that a variable holds: `PLAZA_POSTS__STORE` is `posts.store`.
fn variable(name: &str, value: &str) -> Option<Setting> {
    let is_none = NO_SETTINGS.iter().any(|no| name.starts_with(no)) || is_service_link(name);
    let path = name.strip_prefix("PLAZA_").filter(|_| !is_none)?;
    Some(Setting { origin: name.to_owned(), name: path.to_lowercase().replace("__", "."), value: value.to_owned() })
}

/// Whether Kubernetes set a variable, as it does in every pod for each service of the namespace: for `plaza-posts` they
/// are `PLAZA_POSTS_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_<NAME>`, `…_PORT` and `…_PORT_<N>_TCP_<WHAT>`. None
/// of ours looks so.
fn is_service_link(name: &str) -> bool {
    let about_port = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        let mut parts = rest.split('_');
        let (number, protocol) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        number.parse::<u16>().is_ok() && matches!(protocol, "TCP" | "UDP" | "SCTP")
    });
    about_port || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.ends_with("_PORT")
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        // Text reads as what it looks like: a number, a truth value, a list; but a secret of digits is no number.
        let value = match self.name.as_str() {
            "secret" | "data_dir" | "log" | "otlp_endpoint" | "sessions.issuer" => Value::from(self.value.as_str()),
            _ => self.value.parse().unwrap_or_else(|_| Value::from(self.value.as_str())),
        };
        let dict = figment::util::nest(&self.name, value).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(name: &str, value: &str) -> Setting {
        Setting { origin: format!("--{name}"), name: name.to_owned(), value: value.to_owned() }
    }

    fn layers(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> (tempfile::TempDir, Layers) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let flags = flags.iter().map(|(k, v)| flag(k, v)).collect();
        (dir, Layers { file: Some(path), variables, flags, ..Layers::default() })
    }

    fn load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Settings, String> {
        layers(file, variables, flags).1.load().map_err(|e| e.to_string())
    }

    #[test]
    fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
        let file = "log = 'warn'\ndrain_ms = 1000\nmaintenance_ms = 1000\n";
        let variables = [("PLAZA_LOG", "error"), ("PLAZA_DRAIN_MS", "2000"), ("OTHER_LOG", "x")];
        let settings = load(file, &variables, &[("log", "debug")]).unwrap();
        assert_eq!(settings.log, "debug");
        assert_eq!(load(file, &variables, &[]).unwrap().log, "error");
        assert_eq!(load(file, &[], &[]).unwrap().log, "warn");
        assert_eq!((settings.drain_ms, settings.maintenance_ms), (2_000, 1_000));
        assert_eq!(settings.grpc_address, Settings::default().grpc_address);
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_nearest_there_is() {
        let error = load("grpc_adress = '127.0.0.1:1'\n", &[], &[]).unwrap_err();
        assert!(error.contains("there is no setting `grpc_adress` in ") && error.contains("settings.toml"), "{error}");
        assert!(error.ends_with("did you mean `grpc_address`?"), "{error}");
        let error = load("", &[("PLAZA_PEERS__POST", "http://a:1")], &[]).unwrap_err();
        assert!(error.contains("there is no setting `peers.post` in PLAZA_PEERS__POST"), "{error}");
        assert!(error.ends_with("did you mean `posts`?"), "{error}");
        let error = load("", &[], &[("peers.zebra", "1")]).unwrap_err();
        assert!(error.contains("there are: accounts, "), "{error}");
    }

    #[test]
    fn a_wrong_value_is_refused_with_name_and_origin() {
        for (name, value, told) in [
            ("grpc_address", "here", "`grpc_address` in --grpc_address: "),
            ("drain_ms", "soon", "`drain_ms` in --drain_ms: "),
            ("drain_ms", "1", "`drain_ms` is 1: choose from 100 to 7000"),
            ("secret", "abc", "a secret is 64 hexadecimal digits"),
            ("ephemeral", "maybe", "`ephemeral` in --ephemeral: "),
            ("peers.posts", "https://posts:1", "`peers.posts` is not right: `https://posts:1` asks for TLS"),
            ("peers.posts", "nowhere", "`peers.posts` is not right: `nowhere` is no address"),
            ("peers.posts", "http://", "`peers.posts` is not right: "),
            ("peers.posts", "http://posts:1,nowhere", "`peers.posts` is not right: `nowhere` is no address"),
            ("grpc_address", "localhost:1", "write an IP address and a port, such as `127.0.0.1:50051`"),
            ("drain_ms", "-5", "expected a whole number, 0 or more"),
            ("otlp_endpoint", "collector", "`otlp_endpoint` is not right: "),
            ("log", "inof", "`log`: `inof` is no level"),
            ("log", "info,plaza=loud", "`log`: "),
            ("log", "info,plaza", "write `plaza=debug`"),
            ("rate_limit.per_minute", "60000001", "`rate_limit.per_minute` is 60000001: choose up to 60000000"),
            ("rate_limit.store", "postgres://h/d", "`rate_limit.store` is postgres://h/d: choose `memory:`"),
            ("rate_limit.address_header", "a b", "`a b`, which is no header's name"),
        ] {
            let error = load("", &[], &[(name, value)]).unwrap_err();
            assert!(error.contains(told), "{name}={value}: {error}");
        }
        let same = load("", &[], &[("grpc_address", "127.0.0.1:7"), ("admin_address", "127.0.0.1:7")]).unwrap_err();
        assert!(same.contains("choose another port"), "{same}");
    }

    #[test]
    fn filters_of_the_log_may_name_targets_and_spans() {
        for good in ["off", "INFO", "plaza_posts=debug,warn", "warn,[call{rpc.method=Get}]=debug", "info,h2=off,"] {
            load("", &[("PLAZA_LOG", good)], &[]).unwrap();
        }
    }

    #[test]
    fn a_secret_of_digits_stays_text() {
        let digits = "1".repeat(64);
        assert!(load("", &[("PLAZA_SECRET", &digits)], &[]).unwrap().secret.is_some());
        assert_eq!(load("", &[("PLAZA_SESSIONS__ISSUER", "2026")], &[]).unwrap().sessions.issuer, "2026");
    }

    #[test]
    fn variables_of_commands_and_tests_are_no_settings() {
        let others = [
            ("PLAZA_TARGET", "x"),
            ("PLAZA_REQUIRE_STORES", "all"),
            ("PLAZA_STORES_DIR", "x"),
            ("PLAZA_TEST_LOG", "x"),
        ];
        load("", &others, &[]).unwrap();
    }

    #[test]
    fn the_variables_that_kubernetes_sets_for_services_are_no_settings() {
        for name in [
            "PLAZA_POSTS_SERVICE_HOST",
            "PLAZA_POSTS_SERVICE_PORT",
            "PLAZA_POSTS_SERVICE_PORT_GRPC",
            "PLAZA_POSTS_PORT",
            "PLAZA_POSTS_PORT_50051_TCP",
            "PLAZA_POSTS_PORT_50051_TCP_PROTO",
            "PLAZA_POSTS_PORT_50051_TCP_ADDR",
            "PLAZA_PORT_53_UDP",
        ] {
            load("", &[(name, "tcp://10.0.0.1:50051")], &[]).unwrap();
        }
        for name in ["PLAZA_SERVICE", "PLAZA_PORTS", "PLAZA_POSTS__PORT_A_B"] {
            assert!(load("", &[(name, "1")], &[]).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_or_no_toml_is_refused() {
        let missing = Layers { file: Some(PathBuf::from("nowhere.toml")), ..Layers::default() };
        assert!(missing.load().unwrap_err().to_string().contains("which is not a file"));
        assert!(load("grpc_address = \n", &[], &[]).unwrap_err().contains("settings.toml"));
    }
}
