//! Reads the whole body of a request, under its limits.
//!
//! INVARIANT: no more than the limit is ever held, whatever length the request declares, and
//! nothing is read before the caller is known. Bodies above [`TRIFLE_BYTES`] are charged to the
//! budget of all bodies, from their first piece until their request is answered.

use super::connection::Connection;
use super::{Error, HttpLimits, Shortage};
use crate::http::load::budget::{BudgetShare, ByteBudget};
use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

/// Bodies up to this size are not charged to the budget: the connection's own buffer holds as much.
const TRIFLE_BYTES: usize = 16 << 10;

/// Upper bound of the memory that one JSON value takes beside its text: it includes its name and
/// the spare capacity of a growing list.
const VALUE_BYTES: usize = 80;

/// Reads the body of a request, which must be JSON (AuthZEN 1.0 section 10.1). The request holds
/// its share of the budget.
pub(super) async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limits: &HttpLimits,
    budget: &Arc<ByteBudget>,
) -> Result<Bytes, Error> {
    let headers = request.headers();
    if !is_json(headers) {
        return Err(Error::ContentType);
    }
    if !is_plain(headers) {
        return Err(Error::ContentEncoding);
    }
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(Error::BodyTooLarge(limits.body_bytes));
    }
    let collected = tokio::time::timeout(limits.body_time, collect(payload, limits, budget)).await;
    let (body, share) = collected.map_err(|_| Error::BodyTimeout(limits.body_time))??;
    if let Some(connection) = connection(request) {
        connection.body_came();
    }
    if let Some(share) = share {
        grow(&share, &body, limits)?;
        request.extensions_mut().insert(share);
    }
    Ok(body)
}

/// Returns the state of a request's connection; `None` for a request without one, as in a test.
pub(super) fn connection(request: &HttpRequest) -> Option<&Connection> {
    request.conn_data::<Rc<Connection>>().map(Rc::as_ref)
}

/// Resizes a share of the budget to the size of a body and of the values that are read from it.
pub(super) fn grow(share: &BudgetShare, body: &[u8], limits: &HttpLimits) -> Result<(), Error> {
    let separators = body
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'))
        .count();
    let bytes = body.len() + separators * VALUE_BYTES;
    // A body that needs more than the whole budget is charged the whole budget, so that it can run
    // alone.
    let bytes = bytes.min(limits.bodies_bytes);
    if share.resize(bytes) {
        Ok(())
    } else {
        Err(Error::Overloaded(Shortage::Bodies))
    }
}

/// Returns `true` if the content type is `application/json`, in any case and with any parameters.
/// Other JSON types stand for other vocabularies, so they are not accepted.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let essence = value
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/json")
}

/// Returns `true` if the body has no content coding (RFC 9110 section 8.4). A compressed body could
/// expand to any size.
fn is_plain(headers: &HeaderMap) -> bool {
    let codings = headers
        .get_all(CONTENT_ENCODING)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii);
    codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
}

/// Collects a body under the limits. A body that arrives in one piece, as nearly all do, is not
/// copied.
async fn collect(
    payload: Payload,
    limits: &HttpLimits,
    budget: &Arc<ByteBudget>,
) -> Result<(Bytes, Option<BudgetShare>), Error> {
    let limit = limits.body_bytes;
    let mut share: Option<BudgetShare> = None;
    let mut stream = pin!(BodyStream::new(payload));
    let mut body = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|_| Error::BodyIncomplete)?;
        let length = body.len() + joined.len() + chunk.len();
        if length > limit {
            return Err(Error::BodyTooLarge(limit));
        }
        pay(&mut share, length, limits, budget)?;
        if body.is_empty() && joined.is_empty() {
            body = chunk;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut body));
            joined.extend_from_slice(&chunk);
        }
    }
    Ok((
        if joined.is_empty() {
            body
        } else {
            joined.freeze()
        },
        share,
    ))
}

/// Charges the part of a body that has arrived to the budget.
fn pay(
    share: &mut Option<BudgetShare>,
    length: usize,
    limits: &HttpLimits,
    budget: &Arc<ByteBudget>,
) -> Result<(), Error> {
    if length <= TRIFLE_BYTES {
        return Ok(());
    }
    let length = length.min(limits.bodies_bytes);
    let is_paid = match share {
        Some(share) => share.resize(length),
        None => {
            *share = budget.take(length);
            share.is_some()
        }
    };
    if is_paid {
        Ok(())
    } else {
        Err(Error::Overloaded(Shortage::Bodies))
    }
}
