//! The service's own key, which signs what the service says about itself (AuthZEN 1.0 section
//! 9.1.3, `signed_metadata`).
//!
//! It is one P-256 key, created at the first start. With a data directory it is stored there in
//! [`KEY_FILE`], so that a verifier's cached key set outlives a restart; without one it lives as
//! long as the process.
//!
//! A key file that others than its owner may read is refused, and so is one that contains anything
//! but a P-256 key.
//!
//! INVARIANT: the private key leaves this module only into the key file, which has mode 0600 from
//! its first byte on.

use crate::regular_file;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The name of the key file in the data directory: PKCS#8 in PEM form (RFC 7468).
pub const KEY_FILE: &str = "signing-key.pem";

/// LIMIT: bytes of a key file. A P-256 key in PEM form has some 240 bytes, so a larger file is
/// another one.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// Permission bits of the group and of everybody else.
const OTHERS: u32 = 0o077;

/// Signs with ES256, and publishes the public half of its key.
pub struct Signer {
    key: EncodingKey,
    header: Header,
    public: Jwk,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key could not be created, or what was read is not a P-256 key.
    #[error("{0}")]
    Key(String),
    /// The file could not be read or written.
    #[error("the signing key `{}` cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "the signing key `{}` can be read by others: run `chmod 600` on it, \
         or remove it to have a new one made",
        .0.display()
    )]
    Exposed(PathBuf),
}

impl Signer {
    /// Creates a key that lives as long as the process.
    pub fn in_memory() -> Result<Self, SignerError> {
        Self::from_pem(&generate_pem()?)
    }

    /// Reads the key in `dir`, or creates one at the first start.
    pub fn open(dir: &Path) -> Result<Self, SignerError> {
        let path = dir.join(KEY_FILE);
        if let Some(pem) = read_private(&path)? {
            return Self::from_pem(&pem).map_err(|_| not_a_key(&path));
        }
        create_private(&path, &generate_pem()?)?;
        // The file is read back, since another process may have created it first.
        match read_private(&path)? {
            Some(pem) => Self::from_pem(&pem).map_err(|_| not_a_key(&path)),
            None => Err(file_error(&path, io::ErrorKind::NotFound.into())),
        }
    }

    /// Signs claims as a compact JWS (RFC 7515) whose header names the key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SignerError> {
        jsonwebtoken::encode(&self.header, claims, &self.key)
            .map_err(|error| SignerError::Key(format!("the claims cannot be signed: {error}")))
    }

    /// Returns the key's name: its RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// Returns the public half as a JWK set (RFC 7517 section 5).
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }

    fn from_pem(pem: &str) -> Result<Self, SignerError> {
        let refuse =
            |_| SignerError::Key("the signing key is not a P-256 key in PKCS#8 form".to_owned());
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(refuse)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(refuse)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(refuse)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let header = Header {
            kid: Some(kid),
            ..Header::new(Algorithm::ES256)
        };
        Ok(Self {
            key,
            header,
            public,
        })
    }
}

/// Shows the key's name, and never the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

fn generate_pem() -> Result<String, SignerError> {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| {
                SignerError::Key(
                    "the signing key cannot be made: the system gives no randomness".to_owned(),
                )
            })?;
    let encoded = BASE64_STANDARD.encode(document.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (index, digit) in encoded.chars().enumerate() {
        // RFC 7468 section 2: lines have 64 characters.
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(digit);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(pem)
}

/// Returns the text of a file that only its owner may read, or `None` if there is no file.
fn read_private(path: &Path) -> Result<Option<String>, SignerError> {
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(path, error)),
    };
    // The mode is that of the open file and not of the path, so the file that was checked is the
    // one that is read.
    let mode = file
        .metadata()
        .map_err(|error| file_error(path, error))?
        .mode();
    if mode & OTHERS != 0 {
        return Err(SignerError::Exposed(path.to_owned()));
    }
    let mut text = String::new();
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| file_error(path, error))?;
    Ok(Some(text))
}

/// Creates the file as a whole or not at all, and leaves an existing one alone.
fn create_private(path: &Path, text: &str) -> Result<(), SignerError> {
    let fail = |error| file_error(path, error);
    let draft = path.with_extension(format!("pem.{}", std::process::id()));
    // A draft of an earlier process with this number is useless.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(fail)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    });
    let removed = fs::remove_file(&draft);
    linked.and(removed).map_err(fail)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)
}

fn not_a_key(path: &Path) -> SignerError {
    SignerError::Key(format!(
        "`{}` is not a P-256 key in PKCS#8 form: remove it to have a new one made",
        path.display()
    ))
}

fn file_error(path: &Path, source: io::Error) -> SignerError {
    SignerError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};
    use std::os::unix::fs::PermissionsExt as _;

    fn verify(signer: &Signer, token: &str) -> Value {
        let jwks = signer.jwks();
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(jwks.find(&kid).unwrap()).unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        jsonwebtoken::decode::<Value>(token, &key, &rules)
            .unwrap()
            .claims
    }

    #[test]
    fn what_is_signed_verifies_with_the_published_key_alone() {
        let signer = Signer::in_memory().unwrap();
        let token = signer
            .sign(&json!({ "iss": "https://pdp.example" }))
            .unwrap();
        assert_eq!(
            verify(&signer, &token),
            json!({ "iss": "https://pdp.example" })
        );
    }

    #[test]
    fn the_key_set_has_a_thumbprint_and_no_private_part() {
        let signer = Signer::in_memory().unwrap();
        let jwks = serde_json::to_value(signer.jwks()).unwrap();
        let key = jwks["keys"][0].as_object().unwrap();
        let mut members: Vec<&str> = key.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!(
            (&key["kty"], &key["crv"], &key["use"]),
            (&json!("EC"), &json!("P-256"), &json!("sig"))
        );
        let canonical = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            key["x"], key["y"]
        );
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        assert_eq!(
            signer.kid(),
            base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(hash)
        );
        assert_eq!(key["kid"], signer.kid());
    }

    #[test]
    fn a_second_start_finds_the_key_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = Signer::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Signer::open(dir.path()).unwrap().kid(), first.kid());
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [KEY_FILE]);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Signer::open(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Signer::open(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "the signing key `{}` can be read by others: \
                 run `chmod 600` on it, or remove it to have a new one made",
                path.display()
            )
        );
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        create_private(
            &path,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        )
        .unwrap();
        let error = Signer::open(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "`{}` is not a P-256 key in PKCS#8 form: remove it to have a new one made",
                path.display()
            )
        );
        assert!(path.exists());
    }

    #[test]
    fn a_key_that_is_already_there_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        create_private(&path, "first").unwrap();
        create_private(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    }

    #[test]
    fn the_private_key_is_not_in_its_debug_form() {
        let signer = Signer::in_memory().unwrap();
        assert_eq!(
            format!("{signer:?}"),
            format!("Signer {{ kid: \"{}\", .. }}", signer.kid())
        );
    }
}
