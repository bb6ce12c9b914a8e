//! People are told outside the console: a webhook, Slack, ntfy, mail.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_standin::{Echo, Entry, Fault, Handle, Standin, Tls};
use stint_tests::{Lab, Options, until};

/// A lab whose broker does not hold requests for long.
fn lab() -> Lab {
    let hold = ("STINT_BROKER_APPROVAL_HOLD".to_owned(), "200ms".to_owned());
    Lab::start(Options { variables: vec![hold], ..Options::default() })
}

/// A receiver of posts on this machine.
fn receiver(lab: &Lab) -> Handle<Echo> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    lab.block_on(Standin::start(Echo, Tls::Plain, anywhere)).unwrap()
}

fn add(lab: &Lab, name: &str, kind: &str, url: &str, topics: &str) -> Value {
    let add = ["notification", "add", name, "--kind", kind, "--topics", topics, "--json"];
    lab.broker.command(&add).input(url.to_owned()).run().ok().json()
}

fn ask_for_a_deletion(lab: &Lab) {
    lab.ask(&Lab::delete(ids::VOLUME_STAGING)).refused(403, "approval_required");
}

fn arrived(receiver: &Handle<Echo>) -> Entry {
    until("a notice arrives", || receiver.log.last())
}

#[test]
fn a_webhook_is_told_of_what_waits_and_can_check_who_says_so() {
    let lab = lab();
    let receiver = receiver(&lab);
    let added = add(&lab, "ops", "webhook", &format!("{}/hook", receiver.url()), "approval");
    let secret = added["signing_secret"].as_str().unwrap();
    assert!(lab.broker.stint(&["notification", "list"]).ok().stdout.contains("ops"));
    ask_for_a_deletion(&lab);
    let entry = arrived(&receiver);
    assert_eq!(entry.path, "/hook");
    let body: Value = serde_json::from_slice(&entry.body).unwrap();
    assert_eq!(body["type"], "stint.approval");
    assert_eq!(body["data"]["facts"]["agent"], "coder");
    assert_eq!(body["data"]["facts"]["operations"], json!(["railway:volumeDelete"]));
    let id = body["data"]["facts"]["approval"].as_str().unwrap();
    let url = body["data"]["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/console/approvals/{id}")), "{url}");
    let signed = format!(
        "{}.{}.{}",
        entry.header("webhook-id").unwrap(),
        entry.header("webhook-timestamp").unwrap(),
        std::str::from_utf8(&entry.body).unwrap()
    );
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let said = entry.header("webhook-signature").unwrap().strip_prefix("v1,").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    assert!(hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(said).unwrap()).is_ok());
    // Whoever opens the link, or has it opened by a scanner, has decided nothing.
    lab.broker.curl(&["-s", url]);
    assert_eq!(lab.broker.stint(&["approval", "show", id, "--json"]).ok().json()["state"], "waiting");
    until("the delivery is on record", || (!lab.records("notification_sent").is_empty()).then_some(()));
}

#[test]
fn a_receiver_that_fails_is_told_again_and_a_redirect_leads_nowhere() {
    let lab = lab();
    let receiver = receiver(&lab);
    let elsewhere = self::receiver(&lab);
    receiver.faults.next(1, Fault::Status(500));
    add(&lab, "ops", "slack", &format!("{}/services/T/B/x", receiver.url()), "approval");
    ask_for_a_deletion(&lab);
    until("the failure is shown", || {
        let list = lab.broker.stint(&["notification", "list", "--json"]).ok().json();
        (list["channels"][0]["deliveries"][0]["error"] == "the channel answered 500").then_some(())
    });
    until("it is told again", || {
        let list = lab.broker.stint(&["notification", "list", "--json"]).ok().json();
        let delivery = &list["channels"][0]["deliveries"][0];
        (delivery["state"] == "done" && delivery["attempts"] == 2).then_some(())
    });
    assert_eq!(receiver.log.len(), 2);
    receiver.faults.always(Fault::Redirect { status: 307, location: format!("{}/x", elsewhere.url()) });
    let tried = lab.broker.stint(&["notification", "try", "ops"]).ok();
    assert!(tried.stdout.contains("the channel answered 307"), "{tried:?}");
    assert!(elsewhere.log.is_empty(), "E22: the notice followed a redirect");
}

#[test]
fn a_found_key_is_an_alert_and_nothing_of_it_is_told() {
    let lab = lab();
    let receiver = receiver(&lab);
    add(&lab, "phone", "ntfy", &format!("{}/stint-ops", receiver.url()), "alert");
    let script = format!(
        "curl -s https://backboard.railway.com/graphql/v2 -H 'Authorization: Bearer {}' -d '{{}}'",
        ids::ACCOUNT_TOKEN
    );
    lab.run(&["sh", "-c", &script]);
    let entry = arrived(&receiver);
    let body: Value = serde_json::from_slice(&entry.body).unwrap();
    assert_eq!((&body["topic"], &body["priority"]), (&json!("stint-ops"), &json!(4)));
    assert!(body["title"].as_str().unwrap().contains("coder"), "{body}");
    assert!(!receiver.log.holds(ids::ACCOUNT_TOKEN));
}

#[test]
fn mail_goes_by_smtp() {
    let lab = lab();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&mails);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = smtp(stream.unwrap(), &kept);
        }
    });
    let add = [
        "notification",
        "add",
        "mail",
        "--kind",
        "email",
        "--server",
        "127.0.0.1",
        "--port",
        &port,
        "--security",
        "none",
        "--from",
        "stint@example.org",
        "--to",
        "ops@example.org",
    ];
    lab.broker.stint(&add).ok();
    ask_for_a_deletion(&lab);
    let mail = until("a mail arrives", || mails.lock().unwrap().first().cloned());
    assert!(mail.contains("Subject: [stint] coder asks for railway:volumeDelete in staging"), "{mail}");
    assert!(mail.contains("/console/approvals/apr_"), "{mail}");
    // In the clear it goes to this machine only.
    let away = [
        "notification",
        "add",
        "away",
        "--kind",
        "email",
        "--server",
        "mail.example.org",
        "--security",
        "none",
        "--from",
        "a@example.org",
        "--to",
        "b@example.org",
    ];
    assert!(lab.broker.stint(&away).exits(1).stderr.contains("TLS"));
}

#[test]
fn what_lets_its_holder_post_is_not_shown_again() {
    let lab = lab();
    let receiver = receiver(&lab);
    add(&lab, "ops", "slack", &format!("{}/services/T0/B0/s3cr3tpart", receiver.url()), "approval,change");
    lab.broker.add_agent("second");
    arrived(&receiver);
    let shown = lab.broker.stint(&["notification", "list", "--json"]).ok().stdout;
    let trail = lab.broker.broker(&["audit", "export"]).ok().stdout;
    assert!(
        !shown.contains("s3cr3tpart")
            && !trail.contains("s3cr3tpart")
            && !lab.broker.logs().contains("s3cr3tpart")
    );
    for url in ["ftp://127.0.0.1/x", "https://user@127.0.0.1/x", "no url", "http://169.254.169.254/latest"] {
        let add = ["notification", "add", "bad", "--kind", "webhook"];
        lab.broker.command(&add).input(url.to_owned()).run().exits(1);
    }
    lab.broker.stint(&["notification", "remove", "ops"]).ok();
    let before = receiver.log.len();
    lab.broker.add_agent("third");
    ask_for_a_deletion(&lab);
    assert_eq!(receiver.log.len(), before);
}

/// As much of RFC 5321 as a client needs to hand over one mail.
fn smtp(stream: std::net::TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    out.write_all(b"220 sink ESMTP\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?.to_ascii_uppercase();
        if line.starts_with("DATA") {
            out.write_all(b"354 go on\r\n")?;
            let mut mail = String::new();
            for line in lines.by_ref() {
                let line = line?;
                if line == "." {
                    break;
                }
                mail.push_str(&line);
                mail.push('\n');
            }
            mails.lock().unwrap().push(mail);
        } else if line.starts_with("QUIT") {
            return out.write_all(b"221 bye\r\n");
        }
        out.write_all(b"250 fine\r\n")?;
    }
    Ok(())
}
