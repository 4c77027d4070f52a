//! What stands in a mail.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use plaza_core::Timestamp;

use crate::domain::ticket::{Purpose, Ticket};

/// How letters look on this platform.
#[derive(Clone, Debug)]
pub(crate) struct Letters {
    /// Whom they are from.
    pub(crate) from: Mailbox,
    /// Where the platform's own pages are, without a slash at the end.
    pub(crate) public_url: Option<String>,
}

/// A letter to one who has an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) ticket: &'a Ticket,
    pub(crate) handle: &'a str,
    pub(crate) token: &'a str,
    pub(crate) now: Timestamp,
}

impl Letters {
    /// The mail. Written again it is the same mail, under the same id.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(crate) fn write(&self, letter: Letter<'_>) -> Result<Message, String> {
        let to = letter.ticket.email.parse().map_err(|_| "the address cannot be written in a mail".to_owned())?;
        let at = Duration::from_millis(u64::try_from(letter.now.0).unwrap_or_default());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject(letter.ticket.purpose))
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(format!("<{}.{}@{}>", letter.ticket.account, letter.ticket.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(self.body(letter))
            .map_err(|error| error.to_string())
    }

    fn body(&self, letter: Letter<'_>) -> String {
        let Letter { ticket, handle, token, now } = letter;
        let (what, page, ignore) = match ticket.purpose {
            Purpose::VerifyEmail => ("verify that this e-mail address is yours", "verify-email", "ignore this mail"),
            Purpose::ResetPassword => {
                ("set a new password", "reset-password", "ignore this mail; your password stays as it is")
            }
        };
        let how = match &self.public_url {
            Some(url) => format!("open\n\n{url}/{page}?token={token}"),
            None => format!("use this token:\n\n{token}"),
        };
        // Rounded up: a mail that is written a moment late must not say less by a whole unit.
        let minutes = (ticket.expires_at - now.0).max(0).div_euclid(60_000) + 1;
        let time =
            if minutes > 120 { format!("{} hours", minutes.div_euclid(60)) } else { format!("{minutes} minutes") };
        format!(
            "Hello {handle},\n\nto {what}, {how}\n\nIt works once, within the next {time}.\n\n\
             If you did not ask for this, {ignore}.\n"
        )
    }
}

fn subject(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::VerifyEmail => "Verify your e-mail address",
        Purpose::ResetPassword => "Set a new password",
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::AccountId;

    use super::*;

    fn ticket(purpose: Purpose, email: &str) -> Ticket {
        let email = email.to_owned();
        Ticket { account: AccountId(7), id: 9, purpose, email, created_at: 0, expires_at: 86_400_000, attempts: 0 }
    }

    fn write(public_url: Option<&str>, ticket: &Ticket) -> Result<String, String> {
        let letters =
            Letters { from: "Plaza <no@example.org>".parse().unwrap(), public_url: public_url.map(str::to_owned) };
        let mail = letters.write(Letter { ticket, handle: "Ada", token: "TOKEN", now: Timestamp(1) })?;
        Ok(String::from_utf8(mail.formatted()).unwrap())
    }

    #[test]
    fn a_letter_says_what_for_how_and_how_long() {
        let verify = write(Some("https://plaza.example"), &ticket(Purpose::VerifyEmail, "ada@example.org")).unwrap();
        for part in [
            "From: Plaza <no@example.org>",
            "To: ada@example.org",
            "Subject: Verify your e-mail address",
            "Message-ID: <7.9@example.org>",
            "Hello Ada,",
            "https://plaza.example/verify-email?token=",
            "24 hours",
        ] {
            assert!(verify.contains(part), "{part} in {verify}");
        }
        let reset = write(None, &ticket(Purpose::ResetPassword, "ada@example.org")).unwrap();
        assert!(reset.contains("TOKEN") && reset.contains("Subject: Set a new password"), "{reset}");
        assert_eq!(reset, write(None, &ticket(Purpose::ResetPassword, "ada@example.org")).unwrap());
        for bad in ["", "nobody", "a@b\r\nBcc: c@d.example"] {
            assert!(write(None, &ticket(Purpose::VerifyEmail, bad)).is_err(), "{bad}");
        }
    }
}
