//! The body of a request, whole, under its limits.
//!
//! INVARIANT: no more than the limit is ever held, whatever length the request declares, and nothing is read before the
//! caller is known.

use super::{Error, Limits};
use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use std::future::poll_fn;
use std::pin::pin;

/// Reads the body of a request that must be JSON (AuthZEN 1.0 section 10.1).
pub(super) async fn read_body(headers: &HeaderMap, payload: Payload, limits: &Limits) -> Result<Bytes, Error> {
    if !is_json(headers) {
        return Err(Error::ContentType);
    }
    if !is_plain(headers) {
        return Err(Error::ContentEncoding);
    }
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(Error::BodyTooLarge(limits.body_bytes));
    }
    match tokio::time::timeout(limits.body_time, collect(payload, limits.body_bytes)).await {
        Ok(body) => body,
        Err(_) => Err(Error::BodyTimeout(limits.body_time)),
    }
}

/// `application/json`, in any case and with any parameters; other JSON types promise another vocabulary.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Bodies are read as they come: one that is compressed could become anything (RFC 9110 section 8.4).
fn is_plain(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii);
    codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// A body that arrived in one piece, as nearly all do, is handed on without a copy.
async fn collect(payload: Payload, limit: usize) -> Result<Bytes, Error> {
    let mut stream = pin!(BodyStream::new(payload));
    let mut body = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|_| Error::BodyIncomplete)?;
        if body.len() + joined.len() + chunk.len() > limit {
            return Err(Error::BodyTooLarge(limit));
        }
        if body.is_empty() && joined.is_empty() {
            body = chunk;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut body));
            joined.extend_from_slice(&chunk);
        }
    }
    Ok(if joined.is_empty() { body } else { joined.freeze() })
}
