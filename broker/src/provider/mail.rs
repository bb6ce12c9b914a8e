//! Mail on its way out, by SMTP.

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use stint_api::MailSecurity;

/// The server that takes the mail, and how it is spoken to.
#[derive(Clone)]
pub struct MailServer<'a> {
    pub host: &'a str,
    pub port: Option<u16>,
    pub security: MailSecurity,
    pub login: Option<(&'a str, &'a str)>,
}

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// Hands one mail over. What failed is said without anything of the login.
pub async fn send_mail(server: &MailServer<'_>, mail: Message, patience: Duration) -> Result<(), String> {
    let mut transport = match server.security {
        MailSecurity::Tls => Smtp::relay(server.host).map_err(failed)?,
        MailSecurity::Starttls => Smtp::starttls_relay(server.host).map_err(failed)?,
        MailSecurity::None => Smtp::builder_dangerous(server.host),
    };
    if let Some(port) = server.port {
        transport = transport.port(port);
    }
    if let Some((user, password)) = server.login {
        transport = transport.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    transport.timeout(Some(patience)).build().send(mail).await.map(|_| ()).map_err(failed)
}

fn failed(error: lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None => "the mail server could not be reached, or not by TLS".to_owned(),
    }
}

impl std::fmt::Debug for MailServer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
