//! The admin key: it authorizes every call that needs a key, if no caller is configured or in
//! addition to configured callers.
//!
//! INVARIANT: a generated key is shown once, to the person at the terminal or in a file of mode
//! 0600. It is never logged.

use crate::config::{self, Config, EnvironmentVariables};
use crate::evidence::KEY_PREFIX;
use crate::http::{Caller, CallerCredential, KeyHash, Permission};
use crate::model::Problem;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The environment variable that can hold the key.
const VARIABLE: &str = "BEHEST_ADMIN_KEY";

/// Minimum length of a key in bytes: hashes of keys are plain, so a key must not be guessable.
const MIN_LENGTH: usize = 32;

/// A key with every permission.
pub(super) struct AdminKey {
    key: String,
    made: bool,
}

impl AdminKey {
    /// Returns the key from the environment, even if callers are configured. Without one, generates
    /// a key if no caller is configured.
    pub(super) fn choose(
        config: &Config,
        environment: &EnvironmentVariables,
    ) -> Result<Option<Self>, Problem> {
        let given = environment.get(VARIABLE);
        match given {
            Some(key) if key.len() < MIN_LENGTH || !key.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(Problem::new(format!(
                    "`{VARIABLE}` is shorter than {MIN_LENGTH} bytes, or has a space or a \
                     character beyond ASCII"
                ))
                .help("make one with `openssl rand -hex 32`, or unset it to have one made"))
            }
            Some(key) if config::is_guessable(key.as_bytes()) => Err(Problem::new(format!(
                "`{VARIABLE}` is common, repeats itself, or counts: anybody could try it"
            ))
            .help("make one with `openssl rand -hex 32`, or unset it to have one made")),
            Some(key) => {
                let given = Self {
                    key: key.to_owned(),
                    made: false,
                };
                given.check_own(config)?;
                Ok(Some(given))
            }
            None if !config.callers.is_empty() => Ok(None),
            None => {
                let key = format!(
                    "{KEY_PREFIX}{}",
                    BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?)
                );
                Ok(Some(Self { key, made: true }))
            }
        }
    }

    /// Whether the key was generated, so that nobody knows it yet.
    pub(super) fn is_made(&self) -> bool {
        self.made
    }

    /// Returns the key itself, only to be shown on the terminal.
    pub(super) fn reveal(&self) -> &str {
        &self.key
    }

    fn hash(&self) -> KeyHash {
        KeyHash::of(self.key.as_bytes())
    }

    /// Refuses a key that a configured caller has too: requests with the key would be recorded as
    /// that caller's, and have its permissions.
    pub(super) fn check_own(&self, config: &Config) -> Result<(), Problem> {
        let hash = self.hash();
        let same =
            |caller: &&config::CallerSettings| caller.all_keys().any(|known| known.sha256 == hash);
        match config.callers.iter().find(same) {
            None => Ok(()),
            Some(caller) => Err(Problem::new(format!(
                "`{VARIABLE}` is the key of the caller `{}`",
                caller.name
            ))
            .help(
                "give the admin a key of its own, or unset it and give this caller \
                 the permission `admin`",
            )),
        }
    }

    /// Returns the caller that this key authenticates.
    pub(super) fn caller(&self) -> Caller {
        Caller {
            name: "admin".to_owned(),
            by: CallerCredential::key(self.hash()),
            permissions: Permission::ALL.into_iter().collect(),
            require_actor: false,
            reasons: false,
            rate: None,
            credentials: crate::evidence::CallerScope::default(),
        }
    }

    /// Writes the key to a file that only this user may read: in the data directory, or else in the
    /// directory for files of the session.
    pub(super) fn write(
        &self,
        data: Option<&Path>,
        environment: &EnvironmentVariables,
    ) -> Result<KeyFile, Problem> {
        let path = if let Some(data) = data {
            data.join("admin-key")
        } else {
            let runtime = environment
                .get("XDG_RUNTIME_DIR")
                .map(PathBuf::from)
                .filter(|dir| dir.is_dir());
            let suffix = BASE64_URL_SAFE_NO_PAD.encode(random::<9>()?);
            runtime
                .unwrap_or_else(std::env::temp_dir)
                .join(format!("behest-admin-key-{suffix}"))
        };
        write_new(&path, &self.key).map_err(|error| {
            Problem::new(format!(
                "the admin key cannot be written to `{}`: {error}",
                path.display()
            ))
            .help(format!(
                "give one in `{VARIABLE}`, or configure `[[callers]]`"
            ))
        })?;
        Ok(KeyFile { path })
    }
}

/// Does not show the key.
impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminKey")
            .field("made", &self.made)
            .finish_non_exhaustive()
    }
}

/// The file with a generated key. It is removed when the service ends: the next start generates
/// another key.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        // The key is worthless by now; a file that cannot be removed is replaced, or left to the
        // cleaning of the system.
        let _gone = fs::remove_file(&self.path);
    }
}

fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| {
        Problem::new("the system gives no random bytes").help(format!("give a key in `{VARIABLE}`"))
    })?;
    Ok(bytes)
}

/// Writes the key to a new file, never into an existing one, whose mode and owner may differ.
fn write_new(path: &Path, key: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};
    use std::os::unix::fs::PermissionsExt;

    const KEY: &str = "a-key-that-nobody-would-guess-01";

    fn choose(variables: &[(&str, &str)]) -> Result<Option<AdminKey>, Problem> {
        let environment: EnvironmentVariables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        AdminKey::choose(
            &load(&Flags::default(), &environment).unwrap(),
            &environment,
        )
    }

    #[test]
    fn a_key_that_is_made_is_long_and_another_each_time() {
        let one = choose(&[]).unwrap().unwrap();
        let other = choose(&[]).unwrap().unwrap();
        assert!(one.reveal().starts_with("behest_") && one.reveal().len() == 50 && one.is_made());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(format!("{one:?}"), "AdminKey { made: true, .. }");
    }

    #[test]
    fn a_key_that_is_given_must_not_be_guessable() {
        let key = KEY.to_owned();
        assert_eq!(choose(&[(VARIABLE, &key)]).unwrap().unwrap().reveal(), key);
        for short in [&key[1..], &format!("{key} "), &format!("{key}é")] {
            let message = choose(&[(VARIABLE, short)]).unwrap_err().message;
            assert!(
                message.starts_with("`BEHEST_ADMIN_KEY` is shorter than 32 bytes")
                    && !message.contains("nobody")
            );
        }
        for guessable in [
            "0".repeat(64),
            "k".repeat(MIN_LENGTH),
            "deadbeef".repeat(8),
            "changeme".repeat(4),
            "0123456789".repeat(4),
            "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
            (0..32).map(|byte| format!("{byte:02x}")).collect(),
            "correct horse battery staple".repeat(2).replace(' ', "-"),
        ] {
            let problem = choose(&[(VARIABLE, &guessable)]).unwrap_err();
            assert!(
                problem.message.starts_with("`BEHEST_ADMIN_KEY` is common"),
                "{guessable}"
            );
        }
    }

    #[test]
    fn a_key_beside_configured_callers_is_an_admins_beside_them() {
        let caller = format!(
            "[{{name=\"a\",key_sha256=\"{}\",permissions=[\"decide\"]}}]",
            "a".repeat(64)
        );
        assert!(choose(&[("BEHEST_CALLERS", &caller)]).unwrap().is_none());
        let key = KEY;
        let chosen = choose(&[("BEHEST_CALLERS", &caller), (VARIABLE, key)])
            .unwrap()
            .unwrap();
        assert_eq!((chosen.reveal(), chosen.is_made()), (key, false));
        let hash = KeyHash::of(key.as_bytes()).bytes();
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let same = caller.replace(&"a".repeat(64), &hash);
        let problem = choose(&[("BEHEST_CALLERS", &same), (VARIABLE, key)]).unwrap_err();
        assert_eq!(
            problem.message,
            "`BEHEST_ADMIN_KEY` is the key of the caller `a`"
        );
    }

    #[test]
    fn the_file_is_for_its_owner_and_goes_with_the_service() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("admin-key");
        fs::write(&old, "old").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
        let key = choose(&[]).unwrap().unwrap();
        let file = key
            .write(Some(dir.path()), &EnvironmentVariables::default())
            .unwrap();
        assert_eq!(
            fs::read_to_string(file.path()).unwrap().trim_end(),
            key.reveal()
        );
        assert_eq!(
            fs::metadata(file.path()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(file);
        assert!(!old.exists());
    }
}
