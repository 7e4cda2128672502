//! The keys that a node makes for itself: made once, with mode 0600, never written anywhere else.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use ring::{hkdf, rand::SecureRandom, signature::Ed25519KeyPair};
use zeroize::Zeroizing;

use crate::ids::PseudonymKey;

/// Why the node's own keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("`{path}` cannot be read or written: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` must be readable by its owner only: chmod 600")]
    Permissions { path: PathBuf },
    #[error("`{path}` does not hold what it should")]
    Form { path: PathBuf },
    #[error("`{path}` is missing, and the database was made with it: bring it back from the backup")]
    Missing { path: PathBuf },
    #[error("no random numbers can be had")]
    Random,
}

/// What the node keeps in `keys.folder`.
pub struct Secrets {
    /// Ed25519, PKCS#8: signs tokens.
    pub token: Zeroizing<Vec<u8>>,
    /// Ed25519, PKCS#8: signs checkpoints.
    pub log: Zeroizing<Vec<u8>>,
    pub pseudonym: PseudonymKey,
    /// AES-256-GCM key of uploaded datasets.
    pub dataset: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// Reads the keys of a folder, making those that are not there. Beside a database that is there already, the two
    /// that it depends on must be too: with a new `data.key` no pseudonym in it would match, and no dataset would open.
    pub fn open(folder: &Path, random: &dyn SecureRandom, database_exists: bool) -> Result<Self, SecretError> {
        fs::create_dir_all(folder).map_err(|source| SecretError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let needed = ["data.key", "log.key"].map(|name| folder.join(name));
        if let Some(path) = needed.into_iter().find(|path| database_exists && !path.exists()) {
            return Err(SecretError::Missing { path });
        }
        let ed25519 = |name: &str| {
            open_or_make(&folder.join(name), || {
                let document = Ed25519KeyPair::generate_pkcs8(random).map_err(|_| SecretError::Random)?;
                Ok(Zeroizing::new(document.as_ref().to_vec()))
            })
        };
        let path = folder.join("data.key");
        let data = open_or_make(&path, || {
            let mut secret = Zeroizing::new(vec![0; 32]);
            random.fill(&mut secret).map_err(|_| SecretError::Random)?;
            Ok(secret)
        })?;
        if data.len() != 32 {
            return Err(SecretError::Form { path });
        }
        let data = hkdf::Salt::new(hkdf::HKDF_SHA256, b"yinxin data.key").extract(&data);
        let derive = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>, SecretError> {
            let mut key = Zeroizing::new([0; 32]);
            data.expand(&[purpose], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(key.as_mut()))
                .map_err(|_| SecretError::Form { path: path.clone() })?;
            Ok(key)
        };
        Ok(Self {
            token: ed25519("token.key")?,
            log: ed25519("log.key")?,
            pseudonym: PseudonymKey::new(&*derive(b"pseudonym")?),
            dataset: derive(b"dataset")?,
        })
    }
}

fn open_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, SecretError>,
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let io_error = |source| SecretError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            return Err(SecretError::Permissions { path: path.to_owned() });
        }
        Ok(_) => return fs::read(path).map(Zeroizing::new).map_err(io_error),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error)),
        Err(_) => {}
    }
    let secret = make()?;
    // Whole or not at all: a crash leaves no half key behind.
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(io_error)?;
    file.write_all(&secret)
        .and_then(|()| file.sync_all())
        .map_err(io_error)?;
    fs::rename(&draft, path).map_err(io_error)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ring::rand::SystemRandom;

    use super::*;
    use crate::ids::SubjectId;

    #[test]
    fn keys_are_made_once_for_their_owner_only_and_a_loose_mode_or_a_lost_key_is_refused() {
        let folder = std::env::temp_dir().join(format!("yinxin-secrets-{}", uuid::Uuid::new_v4()));
        let first = Secrets::open(&folder, &SystemRandom::new(), false).unwrap();
        let again = Secrets::open(&folder, &SystemRandom::new(), false).unwrap();
        assert_eq!(first.token, again.token);
        assert_ne!(first.token, first.log);
        let subject = SubjectId::parse("credit_code", "11430000006122244L").unwrap();
        assert_eq!(first.pseudonym.pseudonym(&subject), again.pseudonym.pseudonym(&subject));

        let path = folder.join("log.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            Secrets::open(&folder, &SystemRandom::new(), false),
            Err(SecretError::Permissions { .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

        assert!(Secrets::open(&folder, &SystemRandom::new(), true).is_ok());
        fs::remove_file(folder.join("data.key")).unwrap();
        assert!(matches!(
            Secrets::open(&folder, &SystemRandom::new(), true),
            Err(SecretError::Missing { .. })
        ));
        fs::remove_dir_all(&folder).unwrap();
    }
}
