//! Where mail goes: its scheme picks the mailer.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where mail goes: `smtp://USER:PASSWORD@HOST:PORT?tls=required`, `smtps://HOST`, or `folder:PATH`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MailerAddress {
    /// Each mail is a file in a folder: for development.
    Folder(PathBuf),
    /// A mail server, with the credentials for it. Nothing that people read shows them.
    Smtp(String),
}

impl FromStr for MailerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("folder", path)) if !path.is_empty() => Ok(Self::Folder(PathBuf::from(path))),
            Some(("smtp" | "smtps", rest)) if rest.starts_with("//") && rest.len() > 2 => {
                Ok(Self::Smtp(text.to_owned()))
            }
            _ => Err("use `smtp://USER:PASSWORD@HOST:PORT?tls=required`, `smtps://HOST` or `folder:PATH`".to_owned()),
        }
    }
}

impl TryFrom<String> for MailerAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MailerAddress> for String {
    fn from(address: MailerAddress) -> Self {
        match address {
            MailerAddress::Folder(path) => format!("folder:{}", path.display()),
            MailerAddress::Smtp(url) => url,
        }
    }
}

impl fmt::Debug for MailerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "folder:{}", path.display()),
            Self::Smtp(url) => {
                let host =
                    url.rsplit_once('@').map_or_else(|| url.split("//").last().unwrap_or_default(), |(_, host)| host);
                write!(f, "smtp://…@{host}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_picks_the_mailer_and_no_password_is_shown() {
        let folder: MailerAddress = "folder:/var/mail".parse().unwrap();
        assert_eq!(folder, MailerAddress::Folder(PathBuf::from("/var/mail")));
        let smtp: MailerAddress = "smtp://me:hush@mail.example.org:587?tls=required".parse().unwrap();
        assert_eq!(format!("{smtp:?}"), "smtp://…@mail.example.org:587?tls=required");
        assert_eq!(String::from(smtp), "smtp://me:hush@mail.example.org:587?tls=required");
        for bad in ["", "folder:", "smtp:", "smtp://", "http://mail", "/var/mail"] {
            assert!(bad.parse::<MailerAddress>().is_err(), "{bad}");
        }
    }
}
