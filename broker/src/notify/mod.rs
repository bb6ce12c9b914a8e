//! What people are told outside the console, in the form that each kind of channel takes.
//!
//! Pure: a notice and a target in, a request or a mail out. Must not know tables, the network or who listens. A notice
//! says that something is to be looked at and where; nothing in it decides anything by being opened.

mod mail;
mod post;

use serde::{Deserialize, Serialize};
use stint_api::Topic;

pub use mail::mail;
pub use post::{Post, post, webhook_secret};

/// Something to tell. Texts are plain: each channel escapes them in its own way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub topic: Topic,
    /// One line.
    pub title: String,
    pub text: String,
    /// A page of the console.
    pub url: String,
    /// Parsed facts, for programs.
    pub facts: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub String);
