//! Whom a client believes over TLS, and what it shows of itself.
//!
//! INVARIANT: a certificate is always checked. With a file of authorities, those of the system do
//! not count.

use crate::cli::exit::CommandFailure;
use crate::model::Problem;
use crate::regular_file;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// LIMIT: bytes of a file of certificates: a system's whole store has some 250 KiB.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// The files that a command line names for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct ClientFiles {
    /// Authorities that are believed in place of the system's.
    pub(in crate::cli) authorities: Option<PathBuf>,
    /// The client's certificate with its chain, and its key.
    pub(in crate::cli) own: Option<(PathBuf, PathBuf)>,
}

impl ClientFiles {
    /// Reads the files.
    pub(in crate::cli) fn read(&self) -> Result<TlsConfig, CommandFailure> {
        let roots: Vec<Certificate<'static>> = match &self.authorities {
            Some(path) => certificates(path)?.iter().map(of_ureq).collect(),
            // If the system has none, requests fail with an error that says so.
            None => rustls_native_certs::load_native_certs()
                .certs
                .iter()
                .map(of_ureq)
                .collect(),
        };
        let own = self
            .own
            .as_ref()
            .map(|(certificate, key)| own(certificate, key))
            .transpose()?;
        Ok(TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(own)
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
            .build())
    }
}

/// Reads a client's certificate and key. That they belong together is checked here, because `ureq`
/// relies on it.
fn own(certificate: &Path, key: &Path) -> Result<ClientCert, CommandFailure> {
    let chain = certificates(certificate)?;
    let pem = read(key)?;
    let unread = |()| wrong(key, "holds no private key in PEM, or one with a password");
    let secret = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| unread(()))?;
    let pair = CertifiedKey::from_der(chain.clone(), secret, &default_provider());
    pair.map_err(|error| {
        let shown = certificate.display();
        wrong(
            key,
            &format!("is not the key of the certificate in `{shown}`: {error}"),
        )
    })?;
    let chain: Vec<Certificate<'static>> = chain.iter().map(of_ureq).collect();
    let secret = PrivateKey::from_pem(&pem).map_err(|_| unread(()))?;
    Ok(ClientCert::new_with_certs(&chain, secret))
}

fn of_ureq(certificate: &CertificateDer<'_>) -> Certificate<'static> {
    Certificate::from_der(certificate.as_ref()).to_owned()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CommandFailure> {
    let pem = read(path)?;
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong(path, "is not PEM"))?;
    if found.is_empty() {
        return Err(wrong(path, "holds no certificate in PEM"));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, CommandFailure> {
    let mut bytes = Vec::new();
    let read = regular_file::open(path)
        .and_then(|file| file.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(wrong(path, &format!("cannot be read: {error}"))),
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > MAX_PEM_BYTES) => {
            Err(wrong(path, &format!("has more than {MAX_PEM_BYTES} bytes")))
        }
        Ok(_) => Ok(bytes),
    }
}

fn wrong(path: &Path, what: &str) -> CommandFailure {
    CommandFailure::usage(Problem::new(format!("`{}` {what}", path.display())).help(
        "`--ca` and `--cert` take files of certificates in PEM, `--key-file` the \
             certificate's private key",
    ))
}
