//! Mail by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use plaza_core::{Cx, Error, Result};

use super::{Mailer, Unsent};

/// How long a server may take for one command.
const TIMEOUT: Duration = Duration::from_secs(10);
/// One process sends at a time, one mail after the other.
const CONNECTIONS: u32 = 2;

pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    pub(super) fn new(url: &str) -> Result<Self> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|error| Error::invalid_field("accounts.mailer", format!("cannot be used: {error}")))?;
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        Ok(Self(builder.timeout(Some(TIMEOUT)).pool_config(pool).build()))
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, cx: &Cx, _: &str, mail: &Message) -> std::result::Result<(), Unsent> {
        let sent = tokio::time::timeout_at(cx.deadline(), self.0.send(mail.clone())).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(Unsent::Refused(error.to_string())),
            Ok(Err(error)) if error.is_transient() => Err(Unsent::PutOff(error.to_string())),
            Ok(Err(error)) => Err(Unsent::Unreachable(error.to_string())),
            Err(_) => Err(Unsent::Unreachable("no answer in time".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use lettre::message::Mailbox;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves one connection, answering `RCPT` as told; gives what it was handed.
    async fn serve(listener: TcpListener, recipient: &'static str) -> String {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 test ESMTP\r\n").await.unwrap();
        let (mut mail, mut in_data) = (String::new(), false);
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 taken"
                }
                _ if in_data => {
                    mail.push_str(&line);
                    mail.push('\n');
                    continue;
                }
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "RCPT" => recipient,
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            if line == "QUIT" || !mail.is_empty() && !in_data {
                break;
            }
        }
        mail
    }

    fn mail() -> Message {
        let mailbox = |text: &str| text.parse::<Mailbox>().unwrap();
        let builder = Message::builder().from(mailbox("plaza@example.org")).to(mailbox("ada@example.org"));
        builder.subject("A test").body("It came.".to_owned()).unwrap()
    }

    async fn send(url: &str) -> std::result::Result<(), Unsent> {
        Smtp::new(url).unwrap().send(&Cx::background("test", Duration::from_secs(10)), "1", &mail()).await
    }

    #[tokio::test]
    async fn a_mail_is_handed_over_and_refusals_are_told_apart() {
        for (answer, expected) in [("250 fine", "sent"), ("451 later", "put off"), ("550 nobody", "refused")] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("smtp://127.0.0.1:{}", listener.local_addr().unwrap().port());
            let server = tokio::spawn(serve(listener, answer));
            let told = match send(&url).await {
                Ok(()) => "sent",
                Err(Unsent::PutOff(_)) => "put off",
                Err(Unsent::Refused(_)) => "refused",
                Err(Unsent::Unreachable(_)) => "unreachable",
            };
            assert_eq!(told, expected);
            if told == "sent" {
                let mail = server.await.unwrap();
                assert!(mail.contains("Subject: A test") && mail.contains("It came."), "{mail}");
            }
        }
        // A port that nobody listens on any more.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert!(matches!(send(&format!("smtp://127.0.0.1:{port}")).await, Err(Unsent::Unreachable(_))));
        assert!(Smtp::new("smtp://").is_err());
    }
}
