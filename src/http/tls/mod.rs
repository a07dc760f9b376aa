//! Holds the service's TLS certificate and the authorities for its callers' certificates.
//!
//! Both are read again when their files change ([`Tls::reload`]), because certificates live for
//! days or hours only. If the service's certificate cannot be read, the previous one stays in use;
//! it expires by itself. Authorities are different:
//!
//! - The file's content is the list of authorities, even if it holds none, or if a part of it
//!   cannot be read. A missing file holds none, and neither does one of comments alone.
//! - A file that is not PEM counts as holding none once it has stayed so for [`STAYS`].
//! - While a file cannot be read, the previous authorities stay in use for up to [`KEEP`], as an
//!   issuer's keys do.
//!
//! INVARIANT: a certificate and its key are replaced together, and only if they belong to each
//! other. A problem with them does not keep old authorities in use, and a problem with the
//! authorities does not keep an old certificate in use. The verification of a caller's certificate
//! in the handshake holds only as long as the authorities stay the same ([`Tls::authorities`]): a
//! connection may outlive them.

mod authorities;
mod error;

pub use error::TlsError;

use crate::evidence::{Authorities, FileError, FileMark, FileText, certificate_validity};
use crate::regular_file;
use crate::telemetry::CertificateEnds;
use arc_swap::ArcSwap;
use authorities::{ClientAuthorities, ClientAuthority, Unusable};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// LIMIT: maximum size of a file of certificates or of a key.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// How long authorities are still used after their file can no longer be read. The service survives
/// an outage of an hour, and somebody who blocks the file to prevent a withdrawal gains no more
/// than that.
const KEEP: Duration = Duration::from_hours(1);

/// How long a file must hold something other than PEM before it counts as holding no authorities: a
/// writer has finished by then.
const STAYS: Duration = Duration::from_secs(10);

/// The paths of the certificates.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct Tls")]
pub struct TlsFiles {
    /// The service's certificate and the intermediates between it and its authority, in PEM form.
    pub certificate: PathBuf,
    /// Its key, in PEM form.
    pub key: PathBuf,
    /// The authorities of callers' certificates; without it, callers are asked for none.
    pub client_authorities: Option<PathBuf>,
}

/// The certificates in use.
pub struct Tls {
    files: TlsFiles,
    own: ArcSwap<CertifiedKey>,
    clients: Option<ArcSwap<ClientAuthorities>>,
    /// The state of the file of authorities at the last look.
    look: Mutex<Look>,
    is_settled: AtomicBool,
}

/// The state of a file of authorities at the last look. Times are by the monotonic clock.
#[derive(Default)]
struct Look {
    /// The mark of the last content, by which another content is recognised.
    last: Option<FileMark>,
    /// The time since which it cannot be read.
    unreadable_since_ms: Option<i64>,
    /// The mark of a content that is not PEM, and the time since which it is there.
    foreign: Option<(FileMark, i64)>,
}

/// Why a file says nothing about the authorities.
enum NoClients {
    /// The file cannot be read, or its authorities cannot be used.
    Unread(TlsError),
    /// The file holds something other than certificates.
    Foreign(TlsError, FileMark),
}

impl From<NoClients> for TlsError {
    fn from(none: NoClients) -> Self {
        match none {
            NoClients::Unread(error) | NoClients::Foreign(error, _) => error,
        }
    }
}

/// The authorities that were read from a file, and what is wrong with it.
struct ReadClients {
    clients: ClientAuthorities,
    complaint: Option<TlsError>,
}

impl Tls {
    /// Reads the files. `Err` says which of them cannot be used.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let own = ArcSwap::from_pointee(own(&files)?);
        let mut look = Look::default();
        let clients = files
            .client_authorities
            .as_deref()
            .map(|path| all_clients(path, &mut look))
            .transpose()?
            .map(ArcSwap::from_pointee);
        Ok(Arc::new(Self {
            files,
            own,
            clients,
            look: Mutex::new(look),
            is_settled: AtomicBool::new(true),
        }))
    }

    /// Reads the files again; `now_ms` is by the monotonic clock. `Err` says what is wrong with
    /// which file, and what is used instead. Each file that can be read takes effect, even if
    /// another cannot.
    pub fn reload(&self, now_ms: i64) -> Result<(), TlsError> {
        let own = own(&self.files).map(|own| self.own.store(Arc::new(own)));
        let own = own.map_err(|error| TlsError::OldCertificate(Box::new(error)));
        let clients = match (&self.clients, self.files.client_authorities.as_deref()) {
            (Some(place), Some(path)) => self.reload_clients(place, path, now_ms),
            _ => Ok(()),
        };
        let outcome = match (own, clients) {
            (Err(own), Err(clients)) => Err(TlsError::Both(Box::new(own), Box::new(clients))),
            (own, clients) => own.and(clients),
        };
        self.is_settled.store(outcome.is_ok(), Ordering::Relaxed);
        outcome
    }

    /// Returns `true` if the last reload found nothing wrong.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }

    fn reload_clients(
        &self,
        place: &ArcSwap<ClientAuthorities>,
        path: &Path,
        now_ms: i64,
    ) -> Result<(), TlsError> {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, complaint) = match clients(path, &mut look) {
            Ok(ReadClients { clients, complaint }) => {
                look.unreadable_since_ms = None;
                look.foreign = None;
                let complaint = complaint.map(Box::new).map(TlsError::FewerAuthorities);
                (clients, complaint)
            }
            Err(NoClients::Foreign(error, mark)) => {
                let error = Box::new(error);
                if !look.is_still(mark, now_ms) {
                    return Err(TlsError::DoubtedAuthorities(error));
                }
                let complaint = TlsError::NoAuthorities(error);
                (ClientAuthorities::none(), Some(complaint))
            }
            Err(NoClients::Unread(error)) => {
                let error = Box::new(error);
                let since_ms = *look.unreadable_since_ms.get_or_insert(now_ms);
                if now_ms.saturating_sub(since_ms) < millis(KEEP) {
                    return Err(TlsError::OldAuthorities(error));
                }
                let complaint = TlsError::LostAuthorities(error);
                (ClientAuthorities::none(), Some(complaint))
            }
        };
        let last = place.load();
        if last.roots != read.roots {
            place.store(Arc::new(ClientAuthorities {
                number: last.number.wrapping_add(1),
                ..read
            }));
        }
        complaint.map_or(Ok(()), Err)
    }

    /// Returns the number of the current authorities, which changes whenever they do; `None` if
    /// callers are not asked for certificates.
    pub(super) fn authorities(&self) -> Option<u64> {
        self.clients.as_ref().map(|clients| clients.load().number)
    }

    /// Returns the last second, from `now_s` on, in which the current authorities are good or not
    /// as they are now.
    pub(super) fn authorities_stand_until_s(&self, now_s: i64) -> i64 {
        let clients = self.clients.as_ref();
        clients.map_or(i64::MAX, |clients| clients.load().stand_until_s(now_s))
    }

    /// Returns the number of the current authorities if they vouch for this chain at `now_s`, in
    /// seconds since 1970.
    pub(super) fn vouch(&self, chain: &[CertificateDer<'_>], now_s: i64) -> Option<u64> {
        let clients = self.clients.as_ref()?.load();
        let (leaf, between) = chain.split_first()?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now_s).ok()?));
        clients
            .verifier(now_s)?
            .verify_client_cert(leaf, between, now)
            .ok()
            .map(|_| clients.number)
    }

    /// Returns when the certificates in use end.
    #[must_use]
    pub fn ends(&self) -> CertificateEnds {
        let own = self.own.load();
        let own = own.cert.iter().filter_map(|one| certificate_validity(one));
        let clients = self.clients.as_ref();
        CertificateEnds {
            server: own.map(|(_, ends_s)| ends_s).min(),
            client_authority: clients.and_then(|clients| clients.load().first_end_s()),
            is_read: self.is_settled(),
        }
    }

    /// Returns the paths of the files.
    #[must_use]
    pub fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// Returns the server configuration: TLS 1.3 and 1.2, on the one crypto provider.
    pub(super) fn config(self: &Arc<Self>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(_) => {
                builder.with_client_cert_verifier(Arc::new(AuthorityVerifier(Arc::clone(self))))
            }
        };
        let mut config =
            builder.with_cert_resolver(Arc::new(CertificateResolver(Arc::clone(self))));
        if self.clients.is_some() {
            // INVARIANT: sessions are not resumed. A resumed session would bring its certificate
            // along unverified, even if the authorities have changed. A caller that keeps its
            // connections open loses nothing by this.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

/// Shows the paths of the files, and nothing of their content.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct CertificateResolver(Arc<Tls>);

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own.load_full())
    }
}

/// Delegates to the verifier of the current authorities. A caller without a certificate may still
/// have a key.
#[derive(Debug)]
struct AuthorityVerifier(Arc<Tls>);

impl AuthorityVerifier {
    fn any(&self) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let clients = self.0.clients.as_ref();
        clients
            .and_then(|clients| clients.load().any_verifier())
            .ok_or_else(no_authorities)
    }
}

impl ClientCertVerifier for AuthorityVerifier {
    /// Returns `false` if no authority is left: nobody is asked for a certificate then, and callers
    /// with a key can still connect.
    fn offer_client_auth(&self) -> bool {
        self.any().is_ok()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let now_s = i64::try_from(now.as_secs()).map_err(|_| no_authorities())?;
        let clients = self.0.clients.as_ref();
        clients
            .and_then(|clients| clients.load().verifier(now_s))
            .ok_or_else(no_authorities)?
            .verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.any()?
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.any()?
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn no_authorities() -> Error {
    Error::General("no authorities".to_owned())
}

/// Returns a path as messages show it; if somebody has put a key in the place of the path, it is
/// hidden.
fn shown_path(path: &Path) -> String {
    let shown = path.display().to_string();
    if shown.contains("-----BEGIN") {
        "(hidden)".to_owned()
    } else {
        shown
    }
}

fn own(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.certificate)?;
    let shown = || files.key.display().to_string();
    let key =
        PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|_| TlsError::NoKey(shown()))?;
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    key.map_err(|error| TlsError::ForeignKey {
        key: shown(),
        certificate: files.certificate.display().to_string(),
        error,
    })
}

impl ReadClients {
    fn none(complaint: Option<TlsError>) -> Self {
        Self {
            clients: ClientAuthorities::none(),
            complaint,
        }
    }
}

impl Look {
    /// Returns `true` if the file has held this for [`STAYS`].
    fn is_still(&mut self, mark: FileMark, now_ms: i64) -> bool {
        let (last, since_ms) = *self.foreign.get_or_insert((mark, now_ms));
        if last != mark {
            self.foreign = Some((mark, now_ms));
        }
        last == mark && now_ms.saturating_sub(since_ms) >= millis(STAYS)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Reads the authorities at start, when all of them must be usable.
fn all_clients(path: &Path, look: &mut Look) -> Result<ClientAuthorities, TlsError> {
    let ReadClients { clients, complaint } = clients(path, look)?;
    complaint.map_or(Ok(clients), Err)
}

/// Reads the authorities in a file, as far as they can be used. `Err` means that the file says
/// nothing about authorities.
fn clients(path: &Path, look: &mut Look) -> Result<ReadClients, NoClients> {
    let shown = || path.display().to_string();
    let unreadable = |reason| TlsError::Unreadable {
        path: shown(),
        reason,
    };
    let file = match FileText::read(path, MAX_FILE_BYTES, &mut look.last) {
        Ok(file) => file,
        Err(FileError::Gone(what)) => {
            return Ok(ReadClients::none(Some(unreadable(what.to_owned()))));
        }
        Err(FileError::Unreadable(error)) => {
            return Err(NoClients::Unread(unreadable(error.to_string())));
        }
    };
    let mark = file.mark();
    let FileText { text, is_cut } = file;
    let Some(Authorities {
        certificates,
        damaged,
    }) = Authorities::read(&text, is_cut)
    else {
        let error = TlsError::NoCertificates(shown());
        return Err(NoClients::Foreign(error, mark));
    };
    let mut complaint = complaint_of(shown(), is_cut, damaged, certificates.is_empty());
    let mut roots = Vec::new();
    for certificate in certificates {
        match ClientAuthority::read(certificate) {
            Ok(root) => roots.push(root),
            Err(error) => {
                let path = shown();
                complaint = Some(TlsError::NoAuthority { path, error });
            }
        }
    }
    let clients = ClientAuthorities::of(roots).map_err(|unusable| {
        NoClients::Unread(match unusable {
            Unusable::Authority(error) => TlsError::NoAuthority {
                path: shown(),
                error,
            },
            Unusable::Verifier(reason) => TlsError::Unusable {
                path: shown(),
                reason,
            },
        })
    })?;
    Ok(ReadClients { clients, complaint })
}

/// Returns the problem with a file of authorities, if not all of it is as it should be.
fn complaint_of(path: String, is_cut: bool, parts: usize, is_empty: bool) -> Option<TlsError> {
    match parts {
        _ if is_cut => Some(TlsError::Cut(path)),
        0 if is_empty => Some(TlsError::NoCertificates(path)),
        0 => None,
        _ => Some(TlsError::Damaged { path, parts }),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let none = || TlsError::NoCertificates(path.display().to_string());
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(none)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error: io::Error| TlsError::Unreadable {
        path: shown_path(path),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    regular_file::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(TlsError::TooLarge(shown_path(path)));
    }
    Ok(bytes)
}
