//! Sending mail, by SMTP or into a folder.

mod address;
mod folder;
mod letter;
mod smtp;

use std::sync::Arc;

use async_trait::async_trait;
use lettre::Message;
use plaza_core::{Cx, Result};

pub use address::MailerAddress;

pub(crate) use letter::{Letter, Letters};

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// No mail can be sent now, this one or another.
    Unreachable(String),
    /// The server put this one off.
    PutOff(String),
    /// This one can never be sent.
    Refused(String),
}

/// Sends mail.
#[async_trait]
pub(crate) trait Mailer: Send + Sync + 'static {
    /// Hands a mail over; from then on it is another's to deliver. `name` tells it from other mails.
    async fn send(&self, cx: &Cx, name: &str, mail: &Message) -> std::result::Result<(), Unsent>;
}

/// The mailer that the address names. It does not wait for its server.
pub(crate) fn open(address: &MailerAddress) -> Result<Arc<dyn Mailer>> {
    Ok(match address {
        MailerAddress::Folder(path) => Arc::new(folder::Folder::new(path)),
        MailerAddress::Smtp(url) => Arc::new(smtp::Smtp::new(url)?),
    })
}
