//! Reads which request a gateway asks about.

use super::GatewayKind;
use super::verdict::GatewayDenial;
use crate::mapping::OriginalRequest;
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap};

/// The header by which Envoy says that it has sent a part of the body.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// Reads the original request, by the rules of one kind of gateway.
pub(super) fn read(
    kind: GatewayKind,
    request: &HttpRequest,
) -> Result<OriginalRequest<'_>, GatewayDenial> {
    let headers = request.headers();
    let (method, host, target) = match kind.headers() {
        Some([method, host, target]) => (
            one(headers, method).ok_or(GatewayDenial::Unread(method))?,
            one(headers, host).ok_or(GatewayDenial::Unread(host))?,
            one(headers, target).ok_or(GatewayDenial::Unread(target))?,
        ),
        None => {
            let uri = request.uri();
            // A target in absolute form names a host too, which `Host` may contradict.
            if uri.authority().is_some() || uri.scheme().is_some() {
                return Err(GatewayDenial::Unread("request line"));
            }
            let target = uri.path_and_query().map_or("", |it| it.as_str());
            let host = one(headers, HOST.as_str()).ok_or(GatewayDenial::Unread("host"))?;
            (request.method().as_str(), host, target)
        }
    };
    let texts = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().ok()));
    Ok(OriginalRequest {
        method,
        host,
        target,
        headers: texts.collect(),
    })
}

/// Returns `true` if the gateway has sent the body of the original request, and all of it.
pub(super) fn has_whole_body(kind: GatewayKind, headers: &HeaderMap) -> bool {
    let is_whole = |value: &[u8]| value.eq_ignore_ascii_case(b"false");
    kind == GatewayKind::Envoy
        && headers
            .get_all(PARTIAL_BODY)
            .all(|value| is_whole(value.as_bytes()))
}

/// Returns `true` if the body is JSON as the upstream reads it: in UTF-8, and as it is. A reader
/// that follows `charset`, or a second header, would see another message.
pub(super) fn is_plain_json(headers: &HeaderMap) -> bool {
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("charset")
            && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    let mut parts = one(headers, CONTENT_TYPE.as_str())
        .unwrap_or_default()
        .split(';');
    let is_json = parts
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    is_json && parts.all(is_utf8) && !headers.contains_key(CONTENT_ENCODING)
}

/// Returns a header that occurs once, as a text.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    value.to_str().ok().filter(|text| !text.is_empty())
}
