//! What an endpoint is: one value that stands beside its handler.
//!
//! Where it is mounted, its label in metrics, whether it is everybody's, the permission that its
//! handler asks for, its place in AuthZEN's metadata and in the description of the API follow from
//! that value. The tables of them stand in the `mod.rs` of each group, and all of them in `routes`.

use crate::http::caller::identity::Identity;
use crate::http::{Error, Page, PageReaders, Permission, Settings};
use actix_web::dev::{Path, Url};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError, Route, http, web};
use std::fmt;
use utoipa::openapi::OpenApi;

/// One method at one path.
pub struct Endpoint {
    /// The path as the router matches it. `{name}` is one segment of a request's path, and
    /// `{name:.*}` all that is left of it.
    pub path: &'static str,
    /// The methods that it takes.
    pub method: Method,
    /// The label of its requests in metrics.
    pub label: &'static str,
    /// Who may send requests to it.
    pub access: Access,
    /// The member of AuthZEN's metadata that names it, where one does.
    pub advertised: Option<Advertised>,
    /// The part of the API's description that it is, unless it is a page for people.
    pub description: Option<fn() -> OpenApi>,
    /// Makes the route to its handler.
    pub(in crate::http) route: fn() -> Route,
}

/// What an endpoint is asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET` alone.
    Get,
    /// `GET`, and `HEAD`, which is answered without a body.
    GetOrHead,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// Returns the methods of HTTP that it stands for; the one that is described comes first.
    #[must_use]
    pub fn verbs(self) -> Vec<http::Method> {
        match self {
            Self::Get => vec![http::Method::GET],
            Self::GetOrHead => vec![http::Method::GET, http::Method::HEAD],
            Self::Post => vec![http::Method::POST],
            Self::Put => vec![http::Method::PUT],
            Self::Delete => vec![http::Method::DELETE],
        }
    }
}

/// Who may send requests to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody: whatever credential comes along with a request opens nothing there.
    Public,
    /// Whoever the operator's setting for this page lets in.
    Page(Page),
    /// Callers with this permission.
    Needs(Permission),
}

/// A member of AuthZEN's metadata that holds the address of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// The name of the member.
    pub member: &'static str,
    /// What the description of the API says of it.
    pub description: &'static str,
}

impl Endpoint {
    /// Returns the path up to its first parameter.
    #[must_use]
    pub fn fixed_path(&self) -> &'static str {
        self.path
            .split_once('{')
            .map_or(self.path, |(fixed, _)| fixed)
    }

    /// Returns `true` if a request's path is this one, whose parameter may only be all that is
    /// left.
    pub(in crate::http) fn is_at(&self, path: &str) -> bool {
        let fixed = || self.path.split_once('{');
        path == self.path || fixed().is_some_and(|(fixed, _)| path.starts_with(fixed))
    }

    /// Refuses whoever may not read this page.
    pub(in crate::http) fn open(
        &self,
        request: &HttpRequest,
        settings: &Settings,
    ) -> Result<(), Error> {
        let Access::Page(page) = self.access else {
            return Ok(());
        };
        match settings.readers(page) {
            PageReaders::Open => Ok(()),
            PageReaders::Off => Err(Error::PageOff(page.setting())),
            PageReaders::Callers => match Identity::of(request, settings)? {
                Identity::Known(..) => Ok(()),
                Identity::Anonymous(_) => Err(Error::MissingCredential),
            },
        }
    }

    /// Refuses a caller without the permission that this endpoint needs. Who reads a page is for
    /// [`Endpoint::open`] to say.
    pub(in crate::http) fn check(&self, caller: Identity<'_>) -> Result<(), Error> {
        match self.access {
            Access::Public | Access::Page(_) => Ok(()),
            Access::Needs(permission) => caller.require(permission),
        }
    }
}

/// Returns the path of a request as the router matches it, with percent-encoding decoded.
///
/// INVARIANT: whatever depends on the route (whether it is public, the form of its errors, its
/// metrics label) uses this path, so that `/%68ealthz` is the public path `/healthz` to all of them
/// or to none.
pub(in crate::http) fn request_path(matched: &Path<Url>) -> &str {
    matched.as_str()
}

/// Shows what can be compared.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("path", &self.path)
            .field("method", &self.method)
            .field("label", &self.label)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// Makes the part of the API's description that `#[utoipa::path]` wrote for a handler of the same
/// file.
macro_rules! described {
    ($handler:ident) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($handler))]
        struct Described;
        Some(<Described as utoipa::OpenApi>::openapi)
    }};
}
pub(in crate::http) use described;

/// Makes a resource for each path of a table, in its order. Below `prefix` they are mounted without
/// it. Endpoints of one path stand side by side; any other method is refused there, in the API's
/// own form of errors.
pub(in crate::http) fn resources<E>(
    table: &'static [Endpoint],
    prefix: &'static str,
) -> impl Iterator<Item = Resource>
where
    E: From<Error> + ResponseError + 'static,
{
    table
        .chunk_by(|one, next| one.path == next.path)
        .map(move |endpoints| {
            let path = endpoints.first().map_or("", |endpoint| endpoint.path);
            let mut resource = web::resource(path.strip_prefix(prefix).unwrap_or(path));
            let mut allowed = Vec::new();
            for endpoint in endpoints {
                for verb in endpoint.method.verbs() {
                    allowed.push(verb.to_string());
                    resource = resource.route((endpoint.route)().method(verb));
                }
            }
            let allowed = allowed.join(", ");
            resource.default_service(web::to(move || {
                let refused = Error::MethodNotAllowed(allowed.clone());
                async move { Err::<HttpResponse, _>(E::from(refused)) }
            }))
        })
}
