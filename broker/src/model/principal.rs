use std::fmt;

use serde::{Deserialize, Serialize};

use super::{IdError, Name};

/// An authenticated identity, with its kind in its text so that a person and an agent of one name never collide
/// (RFC 9068 s5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Principal {
    /// `person:alice`
    Person(Name),
    /// `agent:ci`
    Agent(Name),
}

impl Principal {
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.split_once(':') {
            Some(("person", name)) => Ok(Principal::Person(Name::parse(name)?)),
            Some(("agent", name)) => Ok(Principal::Agent(Name::parse(name)?)),
            _ => Err(IdError("not a principal: person:NAME or agent:NAME".to_owned())),
        }
    }

    pub fn name(&self) -> &Name {
        match self {
            Principal::Person(name) | Principal::Agent(name) => name,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Person(name) => write!(f, "person:{name}"),
            Principal::Agent(name) => write!(f, "agent:{name}"),
        }
    }
}

impl TryFrom<String> for Principal {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Principal::parse(&text)
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> String {
        principal.to_string()
    }
}
