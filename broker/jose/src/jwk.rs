use jsonwebtoken::DecodingKey;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::{Algorithm, Error, base64url, ed25519, strict_json};

/// A public key that signatures are checked with (RFC 7517, RFC 7518 s6, RFC 8037): Ed25519, P-256, or RSA.
///
/// INVARIANT: of the right length, in its one encoding, and for Ed25519 not of small order. A point off the curve may
/// be held, and verifies nothing: ring refuses it each time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jwk(Material);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Material {
    Ed25519([u8; 32]),
    P256 { x: [u8; 32], y: [u8; 32] },
    Rsa { n: Vec<u8>, pss: bool },
}

/// Members that only a private or a symmetric key has (RFC 7518 s6.2.2, s6.3.2, s6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// The only public exponent taken: 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Of a modulus, in bytes: 2048 bits (RFC 7518 s3.3), and what ring still checks.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

impl Jwk {
    /// From JSON text, strictly.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let value = strict_json::parse(text.as_bytes(), 4).map_err(|_| Error::Key("not strict JSON"))?;
        Jwk::from_value(&value)
    }

    /// From a JSON object. Members that say nothing about the key's value (`kid`, `ext`) are ignored; `use` and `alg`,
    /// where present, must fit.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let members = value.as_object().ok_or(Error::Key("a JWK is an object"))?;
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(Error::Key("holds private members"));
        }
        let jwk = Jwk(match (text(members, "kty")?, members.contains_key("crv")) {
            ("OKP", _) if text(members, "crv")? == "Ed25519" => Material::Ed25519(ed25519_point(members)?),
            ("EC", _) if text(members, "crv")? == "P-256" => {
                Material::P256 { x: coordinate(members, "x")?, y: coordinate(members, "y")? }
            }
            ("RSA", false) => {
                // RSA alone does not say its padding: it is RS256 unless the key says the other (RFC 7517 s4.4).
                let pss = members.get("alg").and_then(Value::as_str) == Some(Algorithm::Ps256.name());
                Material::Rsa { n: modulus(members)?, pss }
            }
            _ => return Err(Error::Key("only Ed25519, P-256 and RSA keys are taken")),
        });
        let fits = |name, wanted: &str| members.get(name).is_none_or(|value| value.as_str() == Some(wanted));
        if !fits("use", "sig") || !fits("alg", jwk.algorithm().name()) {
            return Err(Error::Key("is for another use or algorithm"));
        }
        Ok(jwk)
    }

    pub(crate) fn ed25519(public: [u8; 32]) -> Result<Self, Error> {
        if !ed25519::is_sound(&public) {
            return Err(Error::Key("not a sound Ed25519 point"));
        }
        Ok(Jwk(Material::Ed25519(public)))
    }

    /// The one algorithm that this key is used with (RFC 8725 s3.1).
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Material::Ed25519(_) => Algorithm::EdDsa,
            Material::P256 { .. } => Algorithm::Es256,
            Material::Rsa { pss: false, .. } => Algorithm::Rs256,
            Material::Rsa { pss: true, .. } => Algorithm::Ps256,
        }
    }

    /// Base64url of the SHA-256 of the required members in order (RFC 7638 s3): 43 characters.
    pub fn thumbprint(&self) -> String {
        // Written by hand: the order is the standard's, and base64url needs no escaping.
        let canonical = match &self.0 {
            Material::Ed25519(x) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x))
            }
            Material::P256 { x, y } => format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                base64url::encode(x),
                base64url::encode(y)
            ),
            Material::Rsa { n, .. } => {
                format!(
                    r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                    base64url::encode(EXPONENT),
                    base64url::encode(n)
                )
            }
        };
        base64url::encode(digest(&SHA256, canonical.as_bytes()))
    }

    /// The required members only, and `alg` where they do not say it.
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Material::Ed25519(x) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)}),
            Material::P256 { x, y } => {
                json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)})
            }
            Material::Rsa { n, pss: false } => {
                json!({"kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(EXPONENT)})
            }
            Material::Rsa { n, pss: true } => {
                json!({"kty": "RSA", "alg": "PS256", "n": base64url::encode(n), "e": base64url::encode(EXPONENT)})
            }
        }
    }

    pub(crate) fn decoding_key(&self) -> DecodingKey {
        match &self.0 {
            Material::Ed25519(x) => DecodingKey::from_ed_der(x),
            Material::P256 { x, y } => {
                // Uncompressed point (SEC 1 s2.3.3), which is what the library calls DER.
                let mut point = Vec::with_capacity(65);
                point.push(4);
                point.extend_from_slice(x);
                point.extend_from_slice(y);
                DecodingKey::from_ec_der(&point)
            }
            Material::Rsa { n, .. } => DecodingKey::from_rsa_raw_components(n, &EXPONENT),
        }
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Error> {
    members
        .get(name)
        .and_then(Value::as_str)
        .ok_or(Error::Key("a required member is missing or not a string"))
}

fn coordinate(members: &Map<String, Value>, name: &str) -> Result<[u8; 32], Error> {
    base64url::decode_exact(text(members, name)?)
        .ok_or(Error::Key("a coordinate is not 32 bytes of base64url"))
}

fn ed25519_point(members: &Map<String, Value>) -> Result<[u8; 32], Error> {
    let point = coordinate(members, "x")?;
    if members.contains_key("y") {
        return Err(Error::Key("an Ed25519 key has no y"));
    }
    Jwk::ed25519(point).map(|_| point)
}

fn modulus(members: &Map<String, Value>) -> Result<Vec<u8>, Error> {
    if base64url::decode(text(members, "e")?).as_deref() != Some(&EXPONENT) {
        return Err(Error::Key("the RSA exponent is not 65537"));
    }
    let n = base64url::decode(text(members, "n")?).ok_or(Error::Key("the modulus is not base64url"))?;
    // A first byte of 128 and more makes the length the true one, and the encoding the only one.
    if !MODULUS.contains(&n.len()) || n.first().is_none_or(|byte| *byte < 0x80) {
        return Err(Error::Key("the modulus is not of 2048 to 8192 bits"));
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Jwk;

    #[test]
    fn thumbprints_are_those_of_the_standards() {
        // RFC 8037 appendix A.3.
        let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(
            Jwk::from_value(&okp).unwrap().thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
        // RFC 7638 s3.1.
        let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        assert_eq!(
            Jwk::from_value(&rsa).unwrap().thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn to_value_holds_the_required_members_and_reads_back() {
        let text = r#"{"kty":"EC","crv":"P-256","use":"sig","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        let jwk = Jwk::parse(text).unwrap();
        let value = jwk.to_value();
        assert_eq!(value.as_object().unwrap().len(), 4);
        assert_eq!(Jwk::from_value(&value).unwrap(), jwk);
    }
}
