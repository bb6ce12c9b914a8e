use lettre::Message;
use lettre::message::header::ContentType;

use super::{Notice, NotifyError};

/// The notice as a mail of plain text.
pub fn mail(notice: &Notice, from: &str, to: &str, id: &str) -> Result<Message, NotifyError> {
    let mailbox = |text: &str| {
        text.parse()
            .map_err(|_| NotifyError(format!("{text:?} is not an address of the form name@example.org")))
    };
    let mut message = Message::builder().from(mailbox(from)?).message_id(Some(format!("<{id}@stint>")));
    for one in to.split(',') {
        message = message.to(mailbox(one.trim())?);
    }
    // A subject is one line: what would be another header becomes a space.
    let title: String =
        notice.title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(150).collect();
    message
        .subject(format!("[stint] {title}"))
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{}\n\n{}\n\n{}\n", notice.title, notice.text, notice.url))
        .map_err(|error| NotifyError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use stint_api::Topic;

    use super::*;

    #[test]
    fn a_title_adds_no_header_and_addresses_are_checked() {
        let notice = Notice {
            topic: Topic::Alert,
            title: "found\r\nBcc: evil@evil.test".to_owned(),
            text: "text".to_owned(),
            url: "https://stint.example/console/alerts".to_owned(),
            facts: serde_json::Map::new(),
        };
        let mail =
            mail(&notice, "Stint <stint@example.org>", "a@example.org, b@example.org", "dlv_1").unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("a@example.org") && head.contains("b@example.org"), "{head}");
        assert!(super::mail(&notice, "nobody", "a@example.org", "d").is_err());
    }
}
