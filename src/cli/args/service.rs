//! The arguments that name a running service, and the variables in their place.

use crate::cli::exit::CommandFailure;
use crate::cli::service::{ClientFiles, NamedService};
use crate::model::{Problem, alike, nearest};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use std::path::PathBuf;

/// The variable in the place of `--url`.
const URL_VARIABLE: &str = "BEHEST_URL";

/// The prefix of the program's variables.
const PREFIX: &str = "BEHEST_";

/// Names behind the prefix of the variables that a client reads.
const READ: [&str; 2] = ["URL", "KEY"];

/// A running service.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServiceArguments {
    /// A running service: http://…, https://… or unix:PATH, with the key in `BEHEST_KEY` where it
    /// wants one; without it the address in `BEHEST_URL`
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    url: Option<String>,
    /// With https: the authorities that the service's certificate may be of (PEM), in place of the
    /// system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// With https: the certificate that shows who asks (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key_file: Option<PathBuf>,
    /// Send the key of `BEHEST_KEY` over http to another machine, in the clear: only within a
    /// network that encrypts by itself
    #[arg(long)]
    allow_http: bool,
}

impl ServiceArguments {
    /// Returns the service that is asked in place of a bundle, if one is named. A flag wins over
    /// variables; two variables that name different things are refused.
    pub(in crate::cli) fn instead_of(
        &self,
        bundle: &super::BundleArgument,
    ) -> Result<Option<NamedService>, CommandFailure> {
        let chosen = self.chosen(bundle.is_given())?;
        if chosen.is_some() && self.url.is_none() && bundle.is_in_variable() {
            let told = "`BEHEST_URL` names a service, and `BEHEST_BUNDLE` a bundle";
            return Err(CommandFailure::usage(
                Problem::new(told).help("say which is asked: `--url URL` or `--bundle DIR`"),
            ));
        }
        Ok(chosen)
    }

    /// Returns the service that is named, if one is. The variable does not count where
    /// `is_elsewhere` says that something else is named.
    pub(in crate::cli) fn chosen(
        &self,
        is_elsewhere: bool,
    ) -> Result<Option<NamedService>, CommandFailure> {
        refuse_misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let address = match &self.url {
            Some(url) => Some(url.clone()),
            None if is_elsewhere => None,
            None => variable()?,
        };
        let files = ClientFiles {
            authorities: self.ca.clone(),
            own: self.cert.clone().zip(self.key_file.clone()),
        };
        match address {
            Some(address) => {
                let named = NamedService::new(&address, files)?;
                named.check_key(self.allow_http)?;
                Ok(Some(named))
            }
            None if files == ClientFiles::default() => Ok(None),
            None => Err(CommandFailure::usage(
                Problem::new(
                    "`--ca`, `--cert` and `--key-file` are for a service, and none is named",
                )
                .help("name it with `--url https://…`, or leave them out"),
            )),
        }
    }

    /// Returns the service that is named, or the one at `address`.
    pub(in crate::cli) fn or_at(
        &self,
        address: impl FnOnce() -> Result<String, CommandFailure>,
    ) -> Result<NamedService, CommandFailure> {
        match self.chosen(false) {
            Ok(Some(target)) => Ok(target),
            Ok(None) => NamedService::new(&address()?, ClientFiles::default()),
            Err(failure) => Err(failure),
        }
    }
}

/// Returns the address in the variable. An empty one is refused: it can be meant to name the
/// service that a script depends on.
fn variable() -> Result<Option<String>, CommandFailure> {
    let told = |what: &str| {
        let problem = Problem::new(format!("`{URL_VARIABLE}` {what}"));
        CommandFailure::usage(problem.help("unset it, or give it the address of a service"))
    };
    match std::env::var(URL_VARIABLE) {
        Ok(url) if url.is_empty() => Err(told("is empty")),
        Ok(url) => Ok(Some(url)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(told("is not UTF-8 text")),
    }
}

/// Refuses variables that are spelled nearly like those that are read: passed over, the answer
/// would be that of another service, or of a bundle.
fn refuse_misspelt(names: impl Iterator<Item = String>) -> Result<(), CommandFailure> {
    for name in names {
        let Some((_, behind)) = name
            .split_at_checked(PREFIX.len())
            .filter(|(begin, _)| alike(begin, PREFIX))
        else {
            continue;
        };
        let meant = nearest(&behind.to_ascii_uppercase(), READ);
        let Some(meant) = meant.filter(|meant| name != format!("{PREFIX}{meant}")) else {
            continue;
        };
        return Err(CommandFailure::usage(
            Problem::new(format!("`{name}` is not read")).help(format!(
                "did you mean `{PREFIX}{meant}`? it must be spelled so"
            )),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_nearly_one_that_is_read_is_refused() {
        let found = |name: &str| refuse_misspelt(std::iter::once(name.to_owned()));
        for (name, meant) in [
            ("BEHEST_ULR", "URL"),
            ("BEHEST_URLS", "URL"),
            ("BEHEST_url", "URL"),
            ("behest_URL", "URL"),
            ("BEHEST-URL", "URL"),
            ("BEHEST_Key", "KEY"),
            ("BEHEST_KEYS", "KEY"),
        ] {
            let failure = found(name).unwrap_err();
            assert_eq!(failure.problem.message, format!("`{name}` is not read"));
            let help = failure.problem.help.unwrap();
            assert!(
                help.contains(&format!("`BEHEST_{meant}`")),
                "{name}: {help}"
            );
        }
        for name in [
            "BEHEST_URL",
            "BEHEST_KEY",
            "BEHEST_ADMIN_KEY",
            "BEHEST_BUNDLE",
            "BEHEST_LOG__FILTER",
            "BEHEST_TLS__KEY",
            "BEHESTED",
            "URL",
        ] {
            assert!(found(name).is_ok(), "{name}");
        }
    }
}
