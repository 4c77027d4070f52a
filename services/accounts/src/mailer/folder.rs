//! Mail as files in a folder, to be read by whoever develops.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use lettre::Message;
use plaza_core::Cx;

use super::{Mailer, Unsent};

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whoever looks into the folder sees whole mails only; one that is written again stands there once.
    async fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.0).await?;
        let (part, whole) = (self.0.join(format!(".{name}.part")), self.0.join(format!("{name}.eml")));
        tokio::fs::write(&part, bytes).await?;
        tokio::fs::rename(&part, &whole).await
    }
}

#[async_trait]
impl Mailer for Folder {
    async fn send(&self, _: &Cx, name: &str, mail: &Message) -> Result<(), Unsent> {
        self.write(name, &mail.formatted()).await.map_err(|error| Unsent::Unreachable(error.to_string()))
    }
}
