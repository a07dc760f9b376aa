//! The layer around the service of a worker, through which gateways ask.
//!
//! INVARIANT: what reaches the inner service is a request of the gateway's own making: its method,
//! path, headers and body are written here, and of the client's only the token, the question and
//! the ids of its trace are in it.

use super::verdict::{GatewayDenial, of_answer};
use super::{GatewayKind, origin};
use crate::http::authzen::evaluation;
use crate::http::body::read_body;
use crate::http::caller::identity::{CallerHint, bearer_token};
use crate::http::shared::newest::LiveState;
use crate::http::shared::{REQUEST_ID, ServiceState};
use crate::http::{Error, write_record};
use crate::model::{Record, Value};
use actix_web::body::{BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::http::{Method, Uri};
use actix_web::{Error as ActixError, FromRequest as _, HttpMessage as _, HttpRequest, web};
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// The header with the gateway's own key: `Authorization` is its client's.
const GATEWAY_KEY: &str = "behest-gateway-key";

/// Headers of a trace, which the decision belongs to.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// LIMIT: the size of an evaluation's answer that is read. With a reason it has some hundred bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The layer.
#[derive(Clone)]
pub(in crate::http) struct GatewayLayer {
    kind: GatewayKind,
    live: Arc<LiveState>,
}

/// The layer around the service of one worker.
pub(in crate::http) struct GatewayService<S> {
    service: Rc<S>,
    layer: GatewayLayer,
}

impl GatewayLayer {
    /// Creates the layer for one kind of gateway.
    pub(in crate::http) fn new(kind: GatewayKind, live: Arc<LiveState>) -> Self {
        Self { kind, live }
    }
}

impl<S, B> Transform<S, ServiceRequest> for GatewayLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = ActixError;
    type Transform = GatewayService<S>;
    type InitError = ();
    type Future = Ready<Result<GatewayService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(GatewayService {
            service: Rc::new(service),
            layer: self.clone(),
        }))
    }
}

/// What becomes of a request.
type Answering = Pin<Box<dyn Future<Output = Result<ServiceResponse<BoxBody>, ActixError>>>>;

impl<S, B> Service<ServiceRequest> for GatewayService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = ActixError;
    type Future = Answering;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let shared = self.layer.live.load();
        Box::pin(answer(service, self.layer.kind, shared, request))
    }
}

/// Answers a request of the gateway.
async fn answer<S, B>(
    service: Rc<S>,
    kind: GatewayKind,
    shared: Arc<ServiceState>,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, ActixError>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = ActixError>,
    B: MessageBody + 'static,
{
    let mut payload = request.take_payload();
    let asked = match ask(kind, &shared, request.request(), &mut payload).await {
        Ok(asked) => asked,
        Err(denial) => {
            tracing::debug!(%denial, "a gateway's request was denied without a decision");
            return Ok(request.into_response(denial.response()));
        }
    };
    let generation = asked.generation;
    rewrite(&mut request, asked);
    let answered = service.call(request).await;
    let (request, response) = answered.map_err(|_| GatewayDenial::NoAnswer)?.into_parts();
    let (head, body) = response.into_parts();
    let connection = head.head().connection_type();
    let body = to_bytes_limited(body, MAX_ANSWER).await;
    let mut response = match body {
        // INVARIANT: the bundle whose route was taken is the one that decided.
        _ if generation_of(&shared) != Some(generation) => GatewayDenial::BundleChanged.response(),
        Ok(Ok(body)) => of_answer(head.status(), head.headers(), &body),
        Ok(Err(_)) | Err(_) => GatewayDenial::NoAnswer.response(),
    };
    response.head_mut().set_connection_type(connection);
    Ok(ServiceResponse::new(request, response))
}

/// A question, ready to be sent to the evaluation.
struct GatewayQuestion {
    body: String,
    headers: HeaderMap,
    generation: u64,
}

/// Makes the question that a request is asked as.
async fn ask(
    kind: GatewayKind,
    shared: &ServiceState,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<GatewayQuestion, GatewayDenial> {
    let snapshot = shared.engine.snapshot().ok_or(GatewayDenial::NoAnswer)?;
    let original = origin::read(kind, request)?;
    let headers = headers(request.headers());
    // Nothing is read for a gateway that is not let in; the evaluation looks at it again.
    let peer = shared.peer(request.conn_data());
    let (settings, clock) = (&shared.settings, shared.clock.as_ref());
    if CallerHint::by(&headers, peer, settings, clock)?.is_none() && settings.anonymous.is_none() {
        return Err(Error::MissingCredential.into());
    }
    let token = bearer_token(request.headers()).ok_or(GatewayDenial::NoToken)?;
    let found = snapshot.bundle().mapping().find(&original)?;
    let message = if found.needs_body() && origin::has_whole_body(kind, request.headers()) {
        if !origin::is_plain_json(request.headers()) {
            return Err(GatewayDenial::Unread("content-type"));
        }
        Some(message(shared, request, payload).await?)
    } else {
        None
    };
    let mut question = found.question(&original, message.as_ref())?;
    add_credential(&mut question, token);
    let mut body = String::new();
    write_record(&mut body, &question);
    Ok(GatewayQuestion {
        body,
        headers,
        generation: snapshot.bundle().generation(),
    })
}

/// Reads the body of the original request.
async fn message(
    shared: &ServiceState,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<Record, GatewayDenial> {
    let limits = &shared.settings.limits;
    let payload = web::Payload::from_request(request, payload).await;
    let payload = payload.map_err(|_| GatewayDenial::NoAnswer)?;
    let body = read_body(request, payload, limits, &shared.bodies_memory).await?;
    Ok(shared.read(&body)?)
}

/// Adds the token as the credential that the question's subject stands for, and asks for a reason.
fn add_credential(question: &mut Record, token: &str) {
    let credential = Record::from_iter([
        ("type".into(), Value::text("access_token")),
        ("value".into(), Value::text(token)),
    ]);
    let mut context = match question.remove("context") {
        Some(Value::Record(context)) => context,
        _ => Record::new(),
    };
    context.insert("credentials", Value::List(vec![Value::Record(credential)]));
    question.insert("context", Value::Record(context));
    let options = Record::from_iter([("reason".into(), Value::Bool(true))]);
    question.insert("options", Value::Record(options));
}

/// Returns the headers of the inner request: the gateway's own key, and the ids of the client's.
fn headers(outer: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A gateway without a key is let in where the settings know no callers; they keep its listener
    // on this machine then.
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    for key in outer.get_all(GATEWAY_KEY) {
        let bearer = [b"Bearer ", key.as_bytes()].concat();
        if let Ok(value) = HeaderValue::from_bytes(&bearer) {
            headers.append(AUTHORIZATION, value);
        }
    }
    for value in outer.get_all(&REQUEST_ID) {
        headers.append(REQUEST_ID.clone(), value.clone());
    }
    for name in TRACE {
        for value in outer.get_all(name) {
            headers.append(HeaderName::from_static(name), value.clone());
        }
    }
    headers
}

/// Turns the gateway's request into one to the evaluation.
fn rewrite(request: &mut ServiceRequest, question: GatewayQuestion) {
    let uri = Uri::from_static(evaluation::ENDPOINT.path);
    request.match_info_mut().get_mut().update(&uri);
    let head = request.head_mut();
    head.method = Method::POST;
    head.uri = uri;
    head.headers = question.headers;
    request.set_payload(Payload::from(web::Bytes::from(question.body)));
}

fn generation_of(shared: &ServiceState) -> Option<u64> {
    let snapshot = shared.engine.snapshot()?;
    Some(snapshot.bundle().generation())
}
