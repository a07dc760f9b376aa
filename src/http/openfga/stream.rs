//! `POST /stores/{id}/streamed-list-objects`: streams the same list while it is found, one line of
//! JSON for each object.
//!
//! A list that ends early says so in the trailer `Behest-Truncated`, which clients that do not know
//! it ignore. The framework sends no trailers, so the chunks of the body are framed here (RFC 9112
//! section 7.1).

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::load::places::{NoPlace, StreamPlace};
use crate::http::openfga::answer::{TRUNCATED, cut_name, name_basis};
use crate::http::openfga::error::{ApiError, FgaCode, NamePosition};
use crate::http::openfga::list_objects::ObjectsQuestion;
use crate::http::openfga::request::{
    admit_with_body, caller_place, run_on_thread, store_id, watch_deadline,
};
use crate::http::openfga::schema::{FgaErrors, ListObjectsRequest, StreamedBody, StreamedObject};
use crate::http::openfga::time::Deadline;
use crate::http::shared::ServiceState;
use crate::http::shared::watched_body::WatchedBody;
use crate::model::ObjectRef;
use crate::stores::{Failure, ListTruncation, RelationLimits};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, TRAILER, TRANSFER_ENCODING};
use actix_web::http::{StatusCode, Version};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Maximum number of objects that wait for a slow client; then the walk waits too.
const WAITING: usize = 256;

/// How long the walk waits for a client that does not read, over the whole list.
const PATIENCE: Duration = Duration::from_secs(10);

/// Maximum number of lists that are streamed at the same time: each holds a thread, of which there
/// are a few hundred.
pub(in crate::http) const MAX_STREAMS: usize = 128;

/// Maximum number of streams that one caller may have at the same time.
pub(in crate::http) const STREAMS_OF_CALLER: usize = 64;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/streamed-list-objects",
    method: Method::Post,
    label: "fga_streamed_list_objects",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(streamed_list_objects),
    route: || web::to(streamed_list_objects),
};

/// Lists objects as they are found
///
/// There is one line for each, `{"result": {"object": …}}`, without a limit on their number, within
/// three seconds. What cuts it stands in the trailer `Behest-Truncated`. An error after the first
/// object is a line `{"error": …}`.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/streamed-list-objects",
    tag = "Relations",
    operation_id = "streamedListObjects",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = ListObjectsRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "One line for each object.", body = StreamedBody),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn streamed_list_objects(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &ENDPOINT).await?;
    let question = ObjectsQuestion::read(&stores, store_id(&request)?, &body)?;
    if request.version() < Version::HTTP_11 {
        return Err(ApiError::invalid(
            "a streamed list needs HTTP/1.1: before that, nothing tells that a body is complete",
        ));
    }
    let basis = question.basis();
    let mut place = shared
        .streams
        .take(caller_place(&request, &shared), PATIENCE)
        .map_err(|none| {
            let (NoPlace::OfAll(most) | NoPlace::OfShare(most)) = none;
            let told = format!(
                "{most} lists are streamed already, which is the most: ask again when one has ended"
            );
            ApiError::new(FgaCode::ResourceExhausted, told)
        })?;
    let (sender, mut receiver) = channel(WAITING);
    let walk = run_on_thread(move || {
        walk(&question, &mut place, &sender);
        Ok(())
    });
    // The walk runs on its own, and ends when nobody listens any more.
    actix_web::rt::spawn(async move { drop(walk.await) });
    // The status depends on the first result: if it is an error, it is the whole answer.
    let first = match receiver.recv().await {
        Some(WalkStep::Failed(error)) => return Ok(failed(&error)),
        Some(first) => first,
        None => {
            return Err(ApiError::Internal(
                "the walk ended without a word".to_owned(),
            ));
        }
    };
    let is_framed = request.version() == Version::HTTP_11;
    let lines = StreamLines {
        first: Some(first),
        receiver,
        is_framed,
        state: StreamState::Lines,
    };
    let mut response = HttpResponse::Ok().body(WatchedBody::new(lines, &shared, &request));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if is_framed {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.insert(TRAILER, HeaderValue::from_static("Behest-Truncated"));
    }
    response.head_mut().no_chunking(true);
    name_basis(&mut response, basis);
    Ok(response)
}

/// The results of a walk: any number of objects, then one of the others.
enum WalkStep {
    Object(String),
    Failed(ApiError),
    End(Option<ListTruncation>),
}

fn walk(question: &ObjectsQuestion, place: &mut StreamPlace, sender: &Sender<WalkStep>) {
    let is_over = watch_deadline(Deadline::of_list());
    let mut is_heard = true;
    let mut tell = |found: WalkStep| {
        is_heard = is_heard && place.pass(sender, found, 0, PATIENCE);
        is_heard
    };
    let mut each = |object: ObjectRef| {
        if tell(WalkStep::Object(object.to_string())) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let ended = question
        .reader(RelationLimits::default(), &is_over)
        .map_err(Failure::from)
        .and_then(|mut reader| {
            reader.stream_objects(
                &question.user,
                &question.relation,
                &question.kind,
                &mut each,
            )
        });
    let last = match ended {
        Ok(cut) => WalkStep::End(cut),
        Err(failure) => WalkStep::Failed(ApiError::of_failure(failure, NamePosition::Listed)),
    };
    // The end must be sent: without it, the body does not look complete to a client that starts to
    // read again.
    tell(last);
}

/// Answers an error before the first object, in the form of OpenFGA's gateway.
fn failed(error: &ApiError) -> HttpResponse {
    let status = error.status_code();
    if let Some(detail) = error.internal_detail() {
        tracing::error!(detail, "a stream could not be begun");
    }
    HttpResponse::build(status).json(error_line(error))
}

/// Returns an error as streams show it, with its gRPC code: 3 for an invalid argument, 13 for an
/// internal error.
fn error_line(error: &ApiError) -> serde_json::Value {
    let (code, is_input) = error.code_name();
    let number = if error.status_code() == StatusCode::BAD_REQUEST && is_input {
        3
    } else {
        13
    };
    let message = error.to_string();
    json!({
        "code": code,
        "message": message,
        "error": { "code": number, "message": message },
    })
}

/// The body: lines, then the end. It is framed here if a trailer may follow.
struct StreamLines {
    first: Option<WalkStep>,
    receiver: Receiver<WalkStep>,
    is_framed: bool,
    state: StreamState,
}

enum StreamState {
    Lines,
    Ended,
}

impl StreamLines {
    fn write(&mut self, found: Option<WalkStep>) -> Bytes {
        let line = match found {
            Some(WalkStep::Object(object)) => json(&StreamedBody {
                result: StreamedObject { object },
            }),
            Some(WalkStep::Failed(error)) => {
                self.state = StreamState::Ended;
                let line = json(&json!({ "error": error_line(&error).get("error") }));
                return self.last(Some(line), None);
            }
            Some(WalkStep::End(cut)) => {
                self.state = StreamState::Ended;
                return self.last(None, cut);
            }
            // The walk has gone without sending the end, so the body must not look complete.
            None => {
                self.state = StreamState::Ended;
                return self.last(
                    Some(json(
                        &json!({ "error": { "code": 13, "message": "the list broke off" } }),
                    )),
                    None,
                );
            }
        };
        if self.is_framed {
            chunk(&line)
        } else {
            line.into()
        }
    }

    fn last(&self, line: Option<Vec<u8>>, cut: Option<ListTruncation>) -> Bytes {
        let mut out = Vec::new();
        if let Some(line) = line {
            out.extend_from_slice(&if self.is_framed {
                chunk(&line)
            } else {
                line.into()
            });
        }
        if self.is_framed {
            out.extend_from_slice(b"0\r\n");
            if let Some(cut) = cut {
                out.extend_from_slice(format!("{TRUNCATED}: {}\r\n", cut_name(cut)).as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        }
        out.into()
    }
}

impl MessageBody for StreamLines {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let lines = self.get_mut();
        if matches!(lines.state, StreamState::Ended) {
            return Poll::Ready(None);
        }
        let found = match lines.first.take() {
            Some(first) => Some(first),
            None => std::task::ready!(lines.receiver.poll_recv(cx)),
        };
        let written = lines.write(found);
        // The framework takes an empty piece as the end of the body; a piece is empty only if the
        // end is not framed.
        if written.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Ready(Some(Ok(written)))
        }
    }
}

fn json(line: &impl serde::Serialize) -> Vec<u8> {
    let mut out = serde_json::to_vec(line).unwrap_or_default();
    out.push(b'\n');
    out
}

fn chunk(data: &[u8]) -> Bytes {
    let mut out = format!("{:X}\r\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn body(is_framed: bool, told: Vec<WalkStep>) -> String {
        let (sender, receiver) = channel(WAITING);
        for found in told {
            assert!(sender.send(found).await.is_ok());
        }
        drop(sender);
        let mut lines = Box::pin(StreamLines {
            first: None,
            receiver,
            is_framed,
            state: StreamState::Lines,
        });
        let mut out = Vec::new();
        while let Some(Ok(piece)) = poll_fn(|cx| lines.as_mut().poll_next(cx)).await {
            out.extend_from_slice(&piece);
        }
        String::from_utf8(out).unwrap()
    }

    #[actix_web::test]
    async fn a_list_that_is_cut_says_so_in_its_trailer() {
        let line = "26\r\n{\"result\":{\"object\":\"document:plan\"}}\n\r\n";
        let plan = || WalkStep::Object("document:plan".to_owned());
        assert_eq!(
            body(true, vec![plan(), WalkStep::End(None)]).await,
            format!("{line}0\r\n\r\n")
        );
        for (cut, name) in [
            (ListTruncation::Time, "time"),
            (ListTruncation::Breadth, "breadth"),
            (ListTruncation::Results, "results"),
        ] {
            let expected = format!("{line}0\r\nbehest-truncated: {name}\r\n\r\n");
            assert_eq!(
                body(true, vec![plan(), WalkStep::End(Some(cut))]).await,
                expected
            );
        }
        let plain = "{\"result\":{\"object\":\"document:plan\"}}\n";
        assert_eq!(
            body(
                false,
                vec![plan(), WalkStep::End(Some(ListTruncation::Time))]
            )
            .await,
            plain
        );
    }

    #[actix_web::test]
    async fn an_error_after_an_object_and_a_walk_that_is_gone_end_the_body_with_an_error() {
        let failed = WalkStep::Failed(ApiError::invalid("no"));
        let told = body(
            false,
            vec![WalkStep::Object("document:plan".to_owned()), failed],
        )
        .await;
        assert!(
            told.ends_with("\n{\"error\":{\"code\":3,\"message\":\"no\"}}\n"),
            "{told}"
        );
        let told = body(true, vec![WalkStep::Object("document:plan".to_owned())]).await;
        assert!(
            told.ends_with(
                "{\"error\":{\"code\":13,\"message\":\"the list broke off\"}}\n\r\n0\r\n\r\n"
            ),
            "{told}"
        );
    }
}
