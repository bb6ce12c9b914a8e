//! gRPC: the status is in the head of an answer that has no messages (PROTOCOL-HTTP2, Trailers-Only).

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use stint_api::Problem;

use super::{Told, text};

pub(super) const MEDIA_TYPE: &str = "application/grpc";

/// Characters of the message: it travels in a header.
const MOST: usize = 1500;

/// What `grpc-message` may not hold as it is: all but space to `~`, and `%`.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

pub(super) fn told(problem: &Problem) -> Told {
    let message: String = text(problem).chars().take(MOST).collect();
    let headers = vec![
        ("grpc-status", code(problem.status).to_string()),
        ("grpc-message", utf8_percent_encode(&message, ESCAPED).to_string()),
    ];
    Told { status: 200, content_type: MEDIA_TYPE, headers, body: Vec::new() }
}

/// The code of google.rpc.Code that goes with a status of HTTP. None of those that clients repeat by themselves, but for
/// what may be repeated.
fn code(status: u16) -> u8 {
    match status {
        400 => 3,
        401 => 16,
        404 => 5,
        405 => 12,
        409 => 10,
        413 | 429 | 431 => 8,
        500 => 13,
        502 | 503 => 14,
        504 => 4,
        _ => 7,
    }
}
