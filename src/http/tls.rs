//! What the service speaks TLS with: its certificate, and the authorities of its callers' certificates.
//!
//! Both are read again when their files change ([`Tls::reload`]): certificates live for days or hours. A file that cannot
//! be read leaves what was there.
//!
//! INVARIANT: a certificate and its key are replaced together, and only where they belong to each other. What a handshake
//! found of a caller's certificate holds as long as the authorities of then ([`Tls::authorities`]): a connection may
//! outlive them.

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// LIMIT: a file of certificates or of a key.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The service's certificate, with those between it and its authority, in PEM form.
    pub certificate: PathBuf,
    /// Its key, in PEM form.
    pub key: PathBuf,
    /// The authorities of callers' certificates; without it, callers are asked for none.
    pub client_authorities: Option<PathBuf>,
}

/// Certificates in use.
pub struct Tls {
    files: TlsFiles,
    own: ArcSwap<CertifiedKey>,
    clients: Option<ArcSwap<Clients>>,
}

/// The authorities of callers' certificates.
struct Clients {
    /// Another one for other authorities.
    number: u64,
    roots: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Tls {
    /// Reads the files. `Err` says which cannot be used.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, String> {
        let own = ArcSwap::from_pointee(own(&files)?);
        let clients = files.client_authorities.as_deref().map(clients).transpose()?.map(ArcSwap::from_pointee);
        Ok(Arc::new(Self { files, own, clients }))
    }

    /// Reads them again. On `Err` nothing has changed.
    pub fn reload(&self) -> Result<(), String> {
        let own = own(&self.files)?;
        let clients = self.files.client_authorities.as_deref().map(clients).transpose()?;
        self.own.store(Arc::new(own));
        if let (Some(place), Some(clients)) = (&self.clients, clients) {
            let last = place.load();
            if last.roots != clients.roots {
                place.store(Arc::new(Clients { number: last.number.wrapping_add(1), ..clients }));
            }
        }
        Ok(())
    }

    /// The number of the authorities of now, another one whenever they change; none where callers are asked for no
    /// certificate.
    pub(super) fn authorities(&self) -> Option<u64> {
        self.clients.as_ref().map(|clients| clients.load().number)
    }

    /// The number of the authorities of now, where they vouch for this chain at this time, in seconds since 1970.
    pub(super) fn vouch(&self, chain: &[CertificateDer<'_>], now_s: i64) -> Option<u64> {
        let clients = self.clients.as_ref()?.load();
        let (leaf, between) = chain.split_first()?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now_s).ok()?));
        clients.verifier.verify_client_cert(leaf, between, now).ok().map(|_| clients.number)
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// TLS 1.3 and 1.2, on the one crypto provider.
    pub(super) fn config(self: &Arc<Self>) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(_) => builder.with_client_cert_verifier(Arc::new(Verify(Arc::clone(self)))),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Resolve(Arc::clone(self))));
        if self.clients.is_some() {
            // INVARIANT: a session that is taken up again would bring its certificate along unverified, whatever authorities
            // there are by now. A handshake costs a caller that keeps its connections nothing.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }
}

/// Names the files, and shows nothing of them.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Resolve(Arc<Tls>);

impl ResolvesServerCert for Resolve {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own.load_full())
    }
}

/// Asks whoever is the verifier of now. A caller without a certificate may still have a key.
#[derive(Debug)]
struct Verify(Arc<Tls>);

impl Verify {
    fn now(&self) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let clients = self.0.clients.as_ref().ok_or_else(|| Error::General("no authorities".to_owned()))?;
        Ok(Arc::clone(&clients.load().verifier))
    }
}

impl ClientCertVerifier for Verify {
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
        self.now()?.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.now()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.now()?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn own(files: &TlsFiles) -> Result<CertifiedKey, String> {
    let chain = certificates(&files.certificate)?;
    let shown = files.key.display();
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| format!("`{shown}` holds no private key in PEM form"))?;
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    key.map_err(|error| format!("`{shown}` is not the key of `{}`: {error}", files.certificate.display()))
}

fn clients(path: &Path) -> Result<Clients, String> {
    let shown = path.display();
    let roots = certificates(path)?;
    let mut store = RootCertStore::empty();
    for certificate in &roots {
        store
            .add(certificate.clone())
            .map_err(|error| format!("`{shown}` holds a certificate that is no authority's: {error}"))?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::new(aws_lc_rs::default_provider()))
            .allow_unauthenticated()
            .build()
            .map_err(|error| format!("`{shown}` cannot be used: {error}"))?;
    Ok(Clients { number: 0, roots, verifier })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let none = || format!("`{}` holds no certificates in PEM form", path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(none)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let size = fs::metadata(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("`{shown}` is larger than {MAX_FILE_BYTES} bytes"));
    }
    fs::read(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))
}
