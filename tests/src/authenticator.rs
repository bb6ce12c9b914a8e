use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// An authenticator with one passkey, and the browser around it. What it says can be changed, member by member.
pub struct Authenticator {
    pub id: Vec<u8>,
    key: Key,
    /// What the broker called its person.
    pub user: String,
    pub origin: String,
    pub rp_id: String,
    /// UP is 1, UV 4, BE 8, BS 16.
    pub flags: u8,
    /// What its next answer says; 0 for one that does not count.
    pub counter: u32,
    /// Members of the client data besides the common three, or in their place.
    pub client: Value,
    /// What follows the authenticator data.
    pub tail: Vec<u8>,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// An answer to `create()`.
#[derive(Debug, Clone)]
pub struct Made {
    pub client_data: Vec<u8>,
    pub attestation: Vec<u8>,
}

/// An answer to `get()`.
#[derive(Debug, Clone)]
pub struct Given {
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Authenticator {
    pub fn es256(origin: &str) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random);
        Authenticator::with(Key::Es256(key.expect("a key")), origin)
    }

    pub fn ed25519(origin: &str) -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Authenticator::with(Key::EdDsa(Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key")), origin)
    }

    fn with(key: Key, origin: &str) -> Self {
        let mut id = vec![0; 32];
        SystemRandom::new().fill(&mut id).expect("randomness");
        Authenticator {
            id,
            key,
            user: String::new(),
            origin: origin.to_owned(),
            rp_id: "localhost".to_owned(),
            flags: 1 | 4,
            counter: 0,
            client: json!({}),
            tail: Vec::new(),
        }
    }

    pub fn create(&self, challenge: &str) -> Made {
        let mut data = self.data(self.flags | 0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        data.extend(&self.tail);
        Made {
            client_data: self.client_data("webauthn.create", challenge),
            attestation: attestation("none", &data),
        }
    }

    pub fn get(&self, challenge: &str) -> Given {
        let mut data = self.data(self.flags);
        data.extend(&self.tail);
        let client_data = self.client_data("webauthn.get", challenge);
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = match &self.key {
            Key::Es256(key) => {
                key.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec()
            }
            Key::EdDsa(key) => key.sign(&signed).as_ref().to_vec(),
        };
        Given { client_data, authenticator_data: data, signature }
    }

    /// What the page's script sends after `create()`.
    pub fn made(&self, challenge: &str) -> String {
        let made = self.create(challenge);
        json!({ "client_data": text(&made.client_data), "attestation": text(&made.attestation) }).to_string()
    }

    /// What the page's script sends after `get()`. Counts on, where it counts.
    pub fn given(&mut self, challenge: &str) -> String {
        if self.counter > 0 {
            self.counter += 1;
        }
        let given = self.get(challenge);
        json!({
            "id": text(&self.id),
            "client_data": text(&given.client_data),
            "authenticator_data": text(&given.authenticator_data),
            "signature": text(&given.signature),
            "user": self.user,
        })
        .to_string()
    }

    /// Its public key as a COSE_Key.
    pub fn cose(&self) -> Vec<u8> {
        match &self.key {
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01];
                [&head[..], &[0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]].concat()
            }
            // {1: 1, 3: -8, -1: 6, -2: x}
            Key::EdDsa(key) => {
                let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 32];
                [&head[..], key.public_key().as_ref()].concat()
            }
        }
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let rp = digest(&SHA256, self.rp_id.as_bytes());
        [rp.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let mut client =
            json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        for (name, value) in self.client.as_object().expect("an object") {
            client[name] = value.clone();
        }
        client.to_string().into_bytes()
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("id", &text(&self.id)).finish_non_exhaustive()
    }
}

/// `{"fmt": …, "attStmt": {}, "authData": …}`
pub fn attestation(fmt: &str, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xa3, 0x63];
    out.extend(b"fmt");
    out.push(0x60 | u8::try_from(fmt.len()).expect("a short format"));
    out.extend(fmt.as_bytes());
    out.push(0x67);
    out.extend(b"attStmt");
    out.push(0xa0);
    out.push(0x68);
    out.extend(b"authData");
    out.push(0x59);
    out.extend(u16::try_from(data.len()).expect("short data").to_be_bytes());
    out.extend(data);
    out
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
