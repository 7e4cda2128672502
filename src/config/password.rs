//! Where a password or PIN comes from. It is read when it is needed, wiped afterwards, and shown by nothing.

use std::{
    env, fmt, fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The longest password, in bytes.
const MAX_BYTES: u64 = 1024;

/// `file:PATH`, `env:NAME` or `credential:NAME` (a systemd credential).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// The first line of a file that only its owner may read.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A file of `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=` gives it.
    Credential(String),
}

/// Why there is no password. Never holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// What stands there may be the password itself.
    #[error("where a password comes from is said by file:PATH, env:NAME or credential:NAME")]
    Source,
    #[error("the password file `{path}` cannot be read")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the password file `{0}` must be readable by its owner only (mode 0600)")]
    Permissions(PathBuf),
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    #[error("a password must hold 1 to {MAX_BYTES} bytes of UTF-8 in one line")]
    Form,
}

impl FromStr for PasswordSource {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self::Credential(name.to_owned()))
            }
            _ => Err(PasswordError::Source),
        }
    }
}

impl<'de> Deserialize<'de> for PasswordSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

impl PasswordSource {
    /// Makes a relative path absolute to a folder.
    pub fn resolve(&mut self, base: &Path) {
        if let Self::File(path) = self {
            *path = base.join(&*path);
        }
    }

    pub fn read(&self) -> Result<Zeroizing<String>, PasswordError> {
        match self {
            Self::File(path) => read_file(path, true),
            Self::Credential(name) => {
                let variable = "CREDENTIALS_DIRECTORY";
                let folder = env::var_os(variable).ok_or_else(|| PasswordError::Unset(variable.to_owned()))?;
                // systemd keeps the folder to the service's user, with modes of its own.
                read_file(&Path::new(&folder).join(name), false)
            }
            Self::Environment(name) => {
                let value = env::var(name).map_err(|_| PasswordError::Unset(name.clone()))?;
                checked(Zeroizing::new(value))
            }
        }
    }
}

fn read_file(path: &Path, owner_only: bool) -> Result<Zeroizing<String>, PasswordError> {
    let fault = |source| PasswordError::Io {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if owner_only && metadata.permissions().mode() & 0o077 != 0 {
        return Err(PasswordError::Permissions(path.to_owned()));
    }
    // The whole size at once, so that no half-read copy is left behind by a growing buffer.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_BYTES).unwrap_or(0) + 2));
    file.take(MAX_BYTES + 2).read_to_string(&mut text).map_err(fault)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    checked(Zeroizing::new(line.to_owned()))
}

fn checked(password: Zeroizing<String>) -> Result<Zeroizing<String>, PasswordError> {
    let fits = (1..=MAX_BYTES).contains(&u64::try_from(password.len()).unwrap_or(u64::MAX));
    if fits && !password.contains(['\n', '\r', '\0']) {
        Ok(password)
    } else {
        Err(PasswordError::Form)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_from_a_file_of_its_owners_only() {
        let path = env::temp_dir().join(format!("yinxin-password-{}", uuid::Uuid::new_v4()));
        let source: PasswordSource = format!("file:{}", path.display()).parse().unwrap();
        assert!(matches!(source.read(), Err(PasswordError::Io { .. })));
        fs::write(&path, "示例 pass phrase\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(source.read(), Err(PasswordError::Permissions(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(&*source.read().unwrap(), "示例 pass phrase");
        for bad in ["", "\n", "two\nlines\n"] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(source.read(), Err(PasswordError::Form)), "{bad:?}");
        }
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_password_in_the_place_of_its_source_is_not_repeated() {
        for wrong in ["hunter2hunter2", "hunter2:hunter2", "file:", "credential:../x"] {
            let error = wrong.parse::<PasswordSource>().unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("../x"), "{error}");
        }
        let unset = "env:YINXIN_TEST_NOT_SET".parse::<PasswordSource>().unwrap();
        assert!(matches!(unset.read(), Err(PasswordError::Unset(_))));
    }
}
