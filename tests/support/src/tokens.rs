//! Creates keys and tokens, good and bad.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// A key pair of an issuer, a client or an attacker.
#[derive(Clone)]
pub struct Key {
    pub kid: String,
    private: EncodingKey,
    public: Jwk,
    algorithm: Algorithm,
}

impl Key {
    /// Creates a P-256 key.
    pub fn new(kid: &str) -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .expect("the system has randomness");
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(document.as_ref())
        );
        let private = EncodingKey::from_ec_pem(pem.as_bytes()).expect("a key");
        let public = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("a public key");
        Self {
            kid: kid.to_owned(),
            private,
            public,
            algorithm: Algorithm::ES256,
        }
    }

    /// Creates an Ed25519 key.
    pub fn ed25519(kid: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .expect("the system has randomness");
        let private = EncodingKey::from_ed_der(document.as_ref());
        let public = Jwk::from_encoding_key(&private, Algorithm::EdDSA).expect("a public key");
        Self {
            kid: kid.to_owned(),
            private,
            public,
            algorithm: Algorithm::EdDSA,
        }
    }

    /// Returns the public half, without a name.
    pub fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(&self.public).expect("a key is JSON");
        jwk.as_object_mut().expect("an object").remove("alg");
        jwk
    }

    /// Returns the public half in a set.
    pub fn published(&self) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!("ES256");
        jwk
    }

    /// Returns the thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> String {
        self.public
            .thumbprint(ThumbprintHash::SHA256)
            .expect("a thumbprint")
    }

    /// Creates a JWS with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, self.algorithm);
        format!("{message}.{}", signature.expect("a signature"))
    }

    /// Creates an access token.
    pub fn access_token(&self, claims: &Value) -> String {
        self.sign(
            &json!({"alg": "ES256", "typ": "at+jwt", "kid": self.kid}),
            claims,
        )
    }

    /// Creates a proof of possession for a token.
    pub fn proof(&self, token: &str, claims: &Value) -> String {
        let mut all = json!({"ath": hash(token)});
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        self.sign(
            &json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk()}),
            &all,
        )
    }
}

/// Creates a JWS with a shared secret.
pub fn sign_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256)
        .expect("a signature");
    format!("{message}.{signature}")
}

/// Returns the two parts before the signature.
pub fn message(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Returns the SHA-256 in base64url.
pub fn hash(text: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_ref()))
}

/// Returns claims with some of them replaced; null removes one.
pub fn with(claims: &Value, over: &Value) -> Value {
    let mut claims = claims.clone();
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in over.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}
