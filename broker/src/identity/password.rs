use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::secret::Secret;

/// Fewest characters of a password that stands alone (NIST SP 800-63B-4 s3.1.1.2).
pub const MIN_PASSWORD: usize = 15;
/// Most bytes: what is longer is no password, but work for whoever checks it.
pub const MAX_PASSWORD: usize = 1024;

/// A password as it is kept: an Argon2id PHC string, 19 MiB, 2 passes (OWASP's first choice).
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error(
        "a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters: four words that do not belong together are easy to keep"
    )]
    Length,
    #[error("the password could not be hashed")]
    Failed,
}

impl Password {
    /// Slow on purpose: call it where nothing else waits.
    pub fn hash(password: &Secret, salt: &[u8; 16]) -> Result<Self, PasswordError> {
        let characters = String::from_utf8_lossy(password.expose()).chars().count();
        if characters < MIN_PASSWORD || password.len() > MAX_PASSWORD {
            return Err(PasswordError::Length);
        }
        let hash = scheme().hash_password_with_salt(password.expose(), salt);
        hash.map(|hash| Password(hash.to_string())).map_err(|_| PasswordError::Failed)
    }

    /// As it was kept. What is no PHC string matches nothing.
    pub fn kept(text: String) -> Self {
        Password(text)
    }

    /// A password that nobody has: checking it takes as long as checking a real one.
    pub fn of_nobody() -> Self {
        Password(NOBODY.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Slow on purpose: call it where nothing else waits.
    pub fn matches(&self, password: &Secret) -> bool {
        if password.len() > MAX_PASSWORD {
            return false;
        }
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        scheme().verify_password(password.expose(), &hash).is_ok()
    }
}

/// A salt and a digest that were drawn at random.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$8yWm2rWmTqS6l0y0cVJr5g$Q0N6u5R3m9q1h8Zb7sXyT2wE4vKj6LpF0aGdHcMnB1U";

fn scheme() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    #[test]
    fn a_password_matches_itself_and_nothing_else() {
        let kept = Password::hash(&secret("correct horse battery"), &[7; 16]).unwrap();
        assert!(kept.matches(&secret("correct horse battery")));
        assert!(!kept.matches(&secret("correct horse batterz")));
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(format!("{kept:?}"), "[redacted]");
        let other = Password::hash(&secret("correct horse battery"), &[8; 16]).unwrap();
        assert_ne!(kept.as_str(), other.as_str());
    }

    #[test]
    fn short_and_endless_ones_are_refused_and_nobodys_matches_nothing() {
        assert_eq!(Password::hash(&secret("short"), &[7; 16]), Err(PasswordError::Length));
        assert_eq!(Password::hash(&secret(&"x".repeat(2000)), &[7; 16]), Err(PasswordError::Length));
        assert!(PasswordHash::new(NOBODY).is_ok(), "it is checked as a real one is");
        assert!(!Password::of_nobody().matches(&secret("correct horse battery")));
        assert!(!Password::kept(String::new()).matches(&secret("")));
    }
}
