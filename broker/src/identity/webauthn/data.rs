use ciborium::Value;

use super::{Refused, Result};

/// Authenticator data (s6.1), read to its last byte.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    pub(super) rp_id_hash: Vec<u8>,
    /// UP
    pub(super) present: bool,
    /// UV
    pub(super) verified: bool,
    /// BE
    pub(super) eligible: bool,
    /// BS
    pub(super) backed_up: bool,
    pub(super) counter: u32,
    pub(super) credential: Option<Credential>,
}

/// Attested credential data (s6.5.1).
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) id: Vec<u8>,
    pub(super) public: Vec<u8>,
}

impl AuthenticatorData {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let (rp_id_hash, rest) = take(bytes, 32)?;
        let (flags, rest) = take(rest, 1)?;
        let (counter, mut rest) = take(rest, 4)?;
        let flags = flags.first().copied().unwrap_or_default();
        let is = |bit: u8| flags & (1 << bit) != 0;
        let mut credential = None;
        // AT
        if is(6) {
            let (_aaguid, after) = take(rest, 16)?;
            let (length, after) = take(after, 2)?;
            let length: [u8; 2] = length.try_into().map_err(|_| SHORT)?;
            let (id, after) = take(after, usize::from(u16::from_be_bytes(length)))?;
            let (_, left) = cbor(after)?;
            let (public, _) = take(after, after.len() - left.len())?;
            credential = Some(Credential { id: id.to_vec(), public: public.to_vec() });
            rest = left;
        }
        // ED: extensions were not asked for, and are passed over.
        if is(7) {
            (_, rest) = cbor(rest)?;
        }
        if !rest.is_empty() {
            return Err(Refused("something follows the authenticator data"));
        }
        Ok(AuthenticatorData {
            rp_id_hash: rp_id_hash.to_vec(),
            present: is(0),
            verified: is(2),
            eligible: is(3),
            backed_up: is(4),
            counter: u32::from_be_bytes(counter.try_into().map_err(|_| SHORT)?),
            credential,
        })
    }
}

const SHORT: Refused = Refused("the authenticator data is too short");

/// The authenticator data of an attestation object (s6.5.4).
pub(super) fn attested(bytes: &[u8]) -> Result<Vec<u8>> {
    let (value, rest) = cbor(bytes)?;
    if !rest.is_empty() {
        return Err(Refused("something follows the attestation"));
    }
    let members = map(value)?;
    match member(&members, &Value::from("authData")) {
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        _ => Err(Refused("the attestation holds no authenticator data")),
    }
}

/// One CBOR value, and what follows it.
pub(super) fn cbor(bytes: &[u8]) -> Result<(Value, &[u8])> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, 8);
    Ok((value.map_err(|_| Refused("a part is not CBOR"))?, rest))
}

/// The members of a map, none of which stands twice.
pub(super) fn map(value: Value) -> Result<Vec<(Value, Value)>> {
    let Value::Map(members) = value else { return Err(Refused("a part is no map")) };
    let twice = members
        .iter()
        .enumerate()
        .any(|(at, (name, _))| members.iter().take(at).any(|(other, _)| other == name));
    if twice { Err(Refused("a member stands twice")) } else { Ok(members) }
}

pub(super) fn member<'a>(members: &'a [(Value, Value)], name: &Value) -> Option<&'a Value> {
    members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

fn take(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8])> {
    bytes.split_at_checked(count).ok_or(SHORT)
}
