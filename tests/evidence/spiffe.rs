//! SPIFFE identities, against the bundle of their own trust domain.

use crate::world::{World, question};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use behest::evidence::{KeySource, TrustDomain};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::NOW_MS;
use support::tokens::{Key, with};
use support::web::Web;

const NOW: i64 = NOW_MS / 1_000;
const NAME: &str = "spiffe://prod.example/ns/mail/sa/bot";

fn domain(name: &str, bundle: KeySource) -> TrustDomain {
    TrustDomain {
        name: name.into(),
        bundle,
        audiences: vec!["pdp".into()],
        entity_type: "agent".into(),
        longest_life: Duration::from_hours(1),
        leeway: Duration::from_secs(30),
    }
}

fn jwt(token: &str) -> Value {
    json!({"type": "jwt_svid", "value": token})
}

async fn who(world: &World, credential: &Value) -> String {
    let body = question("look", std::slice::from_ref(credential));
    let explanation = world.explain(&body).await;
    match explanation["credentials"][0]["chain"][0]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => world.ask(&body).await,
    }
}

/// Two domains, and what a workload of the first has: its key, a header and claims.
struct Domains {
    world: World,
    key: Key,
    stranger: Key,
    header: Value,
    claims: Value,
    _served: [Web; 2],
}

impl Domains {
    fn new() -> Self {
        let (key, stranger) = (Key::new("w1"), Key::new("w1"));
        let (ours, theirs) = (serve(&key), serve(&stranger));
        let domains = vec![
            domain("prod.example", KeySource::Jwks(ours.url.clone())),
            domain("dev.example", KeySource::Jwks(theirs.url.clone())),
        ];
        Self {
            world: World::new(Vec::new(), domains),
            key,
            stranger,
            header: json!({"alg": "ES256", "kid": "w1", "typ": "JWT"}),
            claims: json!({"sub": NAME, "aud": ["pdp"], "exp": NOW + 300, "iat": NOW}),
            _served: [ours, theirs],
        }
    }

    async fn refuses(&self, token: &str, expected: &str) {
        let found = who(&self.world, &jwt(token)).await;
        assert!(found.contains(expected), "{expected}: {found}");
    }

    fn with_claims(&self, over: &Value) -> String {
        self.key.sign(&self.header, &with(&self.claims, over))
    }
}

fn serve(key: &Key) -> Web {
    let mut published = key.published();
    published["use"] = json!("jwt-svid");
    let set = json!({"keys": [published], "spiffe_refresh_hint": 60}).to_string();
    Web::start(move |_| (200, String::new(), set.clone()))
}

#[actix_web::test]
async fn a_jwt_svid_is_verified_by_the_bundle_of_its_domain() {
    let domains = Domains::new();
    let Domains {
        world,
        key,
        header,
        claims,
        ..
    } = &domains;
    assert_eq!(who(world, &jwt(&key.sign(header, claims))).await, NAME);
    domains
        .refuses(&domains.stranger.sign(header, claims), "signature is wrong")
        .await;
    domains.refuses(NAME, "no JWT").await;
    for (over, expected) in [
        (
            json!({"sub": "spiffe://dev.example/x"}),
            "signature is wrong",
        ),
        (
            json!({"sub": "spiffe://other.example/x"}),
            "trust domain is not configured",
        ),
        (json!({"sub": "bot"}), "names no SPIFFE id"),
        (
            json!({"sub": "spiffe://prod.example"}),
            "names no SPIFFE id",
        ),
        (json!({"aud": ["other"]}), "another audience"),
        (json!({"exp": null}), "never expires"),
        (json!({"exp": NOW - 31}), "expired"),
        (json!({"exp": NOW + 3601}), "lives longer"),
    ] {
        domains.refuses(&domains.with_claims(&over), expected).await;
    }
    for (over, expected) in [
        (json!({"kid": null}), "must name its key"),
        (json!({"typ": "at+jwt"}), "not that of a JWT-SVID"),
    ] {
        domains
            .refuses(&key.sign(&with(header, &over), claims), expected)
            .await;
    }
    let named = |issuer: &str| json!({"type": "jwt_svid", "value": key.sign(header, claims), "issuer": issuer});
    assert_eq!(who(world, &named("spiffe://prod.example")).await, NAME);
    for _ in 0..2 {
        assert!(
            who(world, &named("spiffe://dev.example"))
                .await
                .contains("of another trust domain")
        );
    }
}

#[actix_web::test]
async fn other_claims_of_a_jwt_svid_grant_nothing_and_what_would_narrow_it_refuses_it() {
    let domains = Domains::new();
    let scoped = json!({"scope": "read", "iss": "https://a.example", "client_id": NAME,
        "preferred_username": "y", "typ": "Bearer", "acr": "high"});
    let credential = jwt(&domains.with_claims(&scoped));
    assert!(
        domains
            .world
            .ask(&question("read", &[credential]))
            .await
            .starts_with("not_permitted: ")
    );
    for (over, expected) in [
        (
            json!({"act": {"sub": "x"}}),
            "its issuer's profile knows none",
        ),
        (json!({"cnf": {"jkt": "x"}}), "is bound to a key"),
        (json!({"Act": {"sub": "x"}}), "spelled like `act`"),
        (json!({"CNF": {"jkt": "x"}}), "spelled like `cnf`"),
        (json!({"events": {}}), "tells of an event"),
        (json!({"typ": "DPoP"}), "is bound to a key"),
        (json!({"token_type": "DPoP"}), "is bound to a key"),
        (json!({"token_type": "N_A"}), "is no access token"),
        (
            json!({"_claim_names": {"act": "s"}}),
            "its claim `act` elsewhere",
        ),
        (
            json!({"_claim_names": {"cnf": "s"}}),
            "its claim `cnf` elsewhere",
        ),
        (json!({"_claim_names": {"azp": "s"}}), "`azp` elsewhere"),
        (json!({"on_behalf_of": "x"}), "which is not read"),
        (json!({"delegation_chain": ["x"]}), "which is not read"),
        (json!({"agent": {"sub": "x"}}), "which is not read"),
        (json!({"ext": {"act": {"sub": "x"}}}), "which is not read"),
        (json!({"client_id": "x"}), "names a client in `client_id`"),
        (json!({"azp": "x"}), "names a client in `azp`"),
    ] {
        let found = who(&domains.world, &jwt(&domains.with_claims(&over))).await;
        assert!(
            found.starts_with("credential_invalid: ") && found.contains(expected),
            "{over}: {found}"
        );
    }
}

/// An authority, and certificates that it signs.
pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn leaf(&self, names: &[&str], begins: i64, ends: i64, ca: bool) -> String {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| SanType::URI((*name).try_into().unwrap()))
            .collect();
        let at = |seconds: i64| {
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap())
        };
        params.not_before = at(begins);
        params.not_after = at(ends);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
            .signed_by(&KeyPair::generate().unwrap(), &self.0)
            .unwrap()
            .pem()
    }
}

#[actix_web::test]
async fn an_x509_svid_is_verified_by_the_bundle_of_its_domain() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, authority: &Authority| {
        let path = folder.path().join(name);
        std::fs::write(&path, authority.0.pem()).unwrap();
        KeySource::Pem(path)
    };
    let (ours, theirs) = (write("prod.pem", &authority), write("dev.pem", &stranger));
    let world = World::new(
        Vec::new(),
        vec![domain("prod.example", ours), domain("dev.example", theirs)],
    );
    let svid = |pem: &str| json!({"type": "x509_svid", "value": pem});
    let good = authority.leaf(&[NAME], NOW - 60, NOW + 300, false);
    assert_eq!(who(&world, &svid(&good)).await, NAME);
    let explanation = world.explain(&question("look", &[svid(&good)])).await;
    assert_eq!(explanation["credentials"][0]["proof"], "mtls");
    let other = authority.leaf(&[NAME], NOW - 60, NOW + 300, false);
    for (beside, expected) in [
        (json!({"tls": {"certificate": good}}), NAME),
        (
            json!({"tls": {"certificate": other}}),
            "another than the one in `tls.certificate`",
        ),
        (
            json!({"issuer": "spiffe://dev.example"}),
            "of another trust domain",
        ),
        (
            json!({"dpop": {"proof": "x", "method": "GET", "url": "https://a.example/"}}),
            "came with a proof of possession",
        ),
    ] {
        let found = who(&world, &with(&svid(&good), &beside)).await;
        assert!(found.contains(expected), "{expected}: {found}");
    }
    for (pem, expected) in [
        ("A".repeat(32 * 1024 + 1), "are larger than"),
        (
            stranger.leaf(&[NAME], NOW - 60, NOW + 300, false),
            "does not verify",
        ),
        (
            authority.leaf(&["spiffe://dev.example/x"], NOW - 60, NOW + 300, false),
            "does not verify",
        ),
        (
            authority.leaf(&["spiffe://other.example/x"], NOW - 60, NOW + 300, false),
            "trust domain is not configured",
        ),
        (
            authority.leaf(&[], NOW - 60, NOW + 300, false),
            "exactly one URI",
        ),
        (
            authority.leaf(
                &[NAME, "spiffe://prod.example/other"],
                NOW - 60,
                NOW + 300,
                false,
            ),
            "exactly one URI",
        ),
        (authority.leaf(&[NAME], NOW - 60, NOW - 1, false), "expired"),
        (
            authority.leaf(&[NAME], NOW + 60, NOW + 300, false),
            "does not verify",
        ),
        (
            authority.leaf(&[NAME], NOW - 60, NOW + 3600, false),
            "lives longer",
        ),
        (
            authority.leaf(&[NAME], NOW - 60, NOW + 300, true),
            "does not verify",
        ),
        (NAME.to_owned(), "no chain of certificates"),
    ] {
        let found = who(&world, &svid(&pem)).await;
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

/// A bundle may withdraw a certificate that no authority of it is: the holder's, or one between.
#[actix_web::test]
async fn a_certificate_that_its_domain_withdraws_vouches_for_nobody() {
    let root = Authority::new();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let between =
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root.0).unwrap();
    let between = Authority(between);
    let leaf = between.leaf(&[NAME], NOW - 60, NOW + 300, false);
    let chain = format!("{leaf}{}", between.0.pem());
    let svid = json!({"type": "x509_svid", "value": chain});
    let entry = |der: &[u8], over: Value| {
        let entry = json!({"kty": "EC", "use": "x509-svid", "x5c": [BASE64_STANDARD.encode(der)]});
        with(&entry, &over)
    };
    let of_leaf = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
    let ours = entry(root.0.der(), json!({}));
    let (gone, ending) = (json!({"revoked": true}), json!({"exp": NOW + 5}));
    for (more, before, behind) in [
        (None, true, true),
        (Some(entry(between.0.der(), gone.clone())), false, false),
        (Some(entry(&of_leaf, gone)), false, false),
        (Some(entry(between.0.der(), ending.clone())), true, false),
        (Some(entry(&of_leaf, ending)), true, false),
    ] {
        let keys: Vec<Value> = [Some(ours.clone()), more].into_iter().flatten().collect();
        let set = json!({ "keys": keys }).to_string();
        let web = Web::start(move |_| (200, String::new(), set.clone()));
        let bundle = KeySource::Jwks(web.url.clone());
        let world = World::new(Vec::new(), vec![domain("prod.example", bundle)]);
        let vouches = async || who(&world, &svid).await == NAME;
        assert_eq!(vouches().await, before, "{keys:?}");
        world.wait_ms(5_000);
        assert_eq!(vouches().await, behind, "{keys:?}");
    }
}

/// In a bundle, an authority ends as a key does, whether its domain answers then or not.
#[actix_web::test]
async fn an_authority_of_a_bundle_ends_when_its_domain_says_so() {
    let authority = Authority::new();
    let published = json!({"kty": "EC", "use": "x509-svid", "x5c": [BASE64_STANDARD.encode(authority.0.der())]});
    let over = |member: Value| with(&published, &member);
    let ending = over(json!({"exp": NOW + 5}));
    let revoked = over(json!({"revoked": true}));
    let svid =
        json!({"type": "x509_svid", "value": authority.leaf(&[NAME], NOW - 60, NOW + 300, false)});
    for (keys, before, behind) in [
        (json!([published]), true, true),
        (json!([ending]), true, false),
        (json!([published, ending]), true, false),
        (json!([over(json!({"exp": 5}))]), false, false),
        (json!([revoked]), false, false),
        (json!([published, revoked]), false, false),
        (json!([revoked, published]), false, false),
    ] {
        let set = json!({ "keys": keys }).to_string();
        let web = Web::start(move |_| (200, String::new(), set.clone()));
        let bundle = KeySource::Jwks(web.url.clone());
        let world = World::new(Vec::new(), vec![domain("prod.example", bundle)]);
        let vouches = async || who(&world, &svid).await == NAME;
        assert_eq!(vouches().await, before, "{keys}");
        web.set_down(true);
        world.wait_ms(5_000);
        assert_eq!(vouches().await, behind, "{keys}");
    }
}
