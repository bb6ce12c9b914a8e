use ring::digest::{SHA256, digest};

use super::base32;

/// A code that lets a person in who lost what they held, once. 80 random bits, so that its digest needs no slow hash
/// (NIST SP 800-63B-4 s3.1.2.2).
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// How many a person gets.
    pub const SET: usize = 10;

    pub fn new(random: [u8; 10]) -> Self {
        RecoveryCode(base32::encode(&random).to_ascii_lowercase())
    }

    /// As it is shown, once: `abcd-efgh-ijkl-mnop`.
    pub fn text(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }

    /// What is kept.
    pub fn hash(&self) -> [u8; 32] {
        hashed(&self.0)
    }

    /// The same of what a person typed: case, spaces and hyphens do not count. `None` for what cannot be one.
    pub fn hash_of(typed: &str) -> Option<[u8; 32]> {
        let plain: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .take(17)
            .collect();
        (plain.len() == 16 && plain.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| hashed(&plain))
    }
}

fn hashed(plain: &str) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, format!("stint recovery code v1 {plain}").as_bytes()).as_ref());
    out
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::RecoveryCode;

    #[test]
    fn it_is_recognised_however_it_is_typed() {
        let code = RecoveryCode::new([7; 10]);
        assert_eq!(code.text().len(), 19);
        assert_eq!(RecoveryCode::hash_of(&code.text()), Some(code.hash()));
        let typed = format!(" {} ", code.text().replace('-', " ").to_uppercase());
        assert_eq!(RecoveryCode::hash_of(&typed), Some(code.hash()));
        assert_ne!(RecoveryCode::new([8; 10]).hash(), code.hash());
        assert_eq!(format!("{code:?}"), "[redacted]");
        for wrong in ["", "123456", "abcd-efgh-ijkl-mnop-q", "äbcd-efgh-ijkl-mnop"] {
            assert_eq!(RecoveryCode::hash_of(wrong), None, "{wrong}");
        }
    }
}
