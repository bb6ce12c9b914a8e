use serde::Deserialize;

/// The exact name of a host: lower case, dots between labels, neither an address nor a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Host(pub(super) String);

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
        };
        let name = text.len() <= 253 && text.contains('.') && text.split('.').all(label);
        let address =
            text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        match name && !address {
            true => Ok(Host(text)),
            false => Err(format!(
                "egress.hosts: '{text}' is no exact name of a host such as docs.example.com: lower case, no port, no *"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn a_host_is_an_exact_name() {
        for good in ["docs.example.com", "a-1.b.c", "xn--bcher-kva.example"] {
            assert!(Host::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "*.example.com",
            "localhost",
            "127.0.0.1",
            "Docs.Example.com",
            "a.b:443",
            "a..b",
            "a.b.",
            ".a.b",
            "-a.b",
            "https://a.b",
            "a b.c",
            "::1",
        ] {
            assert!(Host::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
