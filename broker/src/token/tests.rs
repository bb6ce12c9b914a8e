use stint_jose::SigningKey;

use super::{Audience, Mint, TokenKey, Tokens};
use crate::model::{Name, Principal, SessionId};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const ISSUER: &str = "http://127.0.0.1:7380";

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32]).unwrap()
}

/// The key of the session.
pub(super) fn holder() -> SigningKey {
    key(7)
}

pub(super) fn broker() -> Tokens {
    Tokens::new(ISSUER.to_owned(), vec![TokenKey::active("k1", key(1))]).unwrap()
}

pub(super) fn gateway_mint() -> Mint {
    Mint {
        subject: Principal::Person(name("alice")),
        client_id: "cli_0190".to_owned(),
        agent: Some(name("ci")),
        session: Some(SessionId::from_uuid(uuid::Uuid::from_u128(5))),
        environment: Some(name("staging")),
        credentials: vec![name("railway")],
        audience: Audience::Gateway,
        jkt: holder().public().thumbprint(),
        ttl_seconds: 600,
        jti: "t-1".to_owned(),
        now: NOW,
    }
}
