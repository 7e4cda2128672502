//! Checkpoints of a log: C2SP tlog-checkpoint in a signed note with Ed25519 (C2SP signed-note).

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

use super::merkle::Hash;

/// The longest note that is looked at, in bytes.
pub const MAX_NOTE_BYTES: usize = 16 * 1024;
/// The longest name of a log, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// The signature type of Ed25519 in C2SP signed-note.
const ED25519_TYPE: u8 = 0x01;

/// Which tree a log has committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Why a note is no checkpoint of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("the key name is empty, too long, or holds a space or a plus sign")]
    Name,
    #[error("the signing key is no Ed25519 key in PKCS#8")]
    SigningKey,
    #[error("the verifier key is not of the form `name+hash+key` with Ed25519")]
    VerifierKey,
    #[error("the note is not of the form of a checkpoint")]
    Form,
    #[error("the note has no signature of the key")]
    NotSigned,
    #[error("the signature of the note is wrong")]
    Signature,
    #[error("the checkpoint belongs to another log")]
    Origin,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// Extension lines after the third are allowed and ignored (tlog-checkpoint).
    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(CheckpointError::Form)
        };
        let (origin, size, root) = (line()?, line()?, line()?);
        let parsed: u64 = size.parse().map_err(|_| CheckpointError::Form)?;
        if parsed.to_string() != size {
            return Err(CheckpointError::Form);
        }
        let root = BASE64.decode(root.as_bytes()).map_err(|_| CheckpointError::Form)?;
        Ok(Self {
            origin: origin.to_owned(),
            size: parsed,
            root: root.try_into().map_err(|_| CheckpointError::Form)?,
        })
    }
}

/// Signs the checkpoints of one log. The key's name is the log's name.
pub struct Signer {
    key: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl Signer {
    /// From an Ed25519 key in PKCS#8 (DER, version 1 or 2).
    pub fn from_pkcs8(name: &str, der: &[u8]) -> Result<Self, CheckpointError> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| CheckpointError::SigningKey)?;
        Self::new(name, key)
    }

    fn new(name: &str, key: Ed25519KeyPair) -> Result<Self, CheckpointError> {
        let mut public = [0; 32];
        public.copy_from_slice(key.public_key().as_ref());
        let verifier = VerifierKey::new(name, public)?;
        Ok(Self { key, verifier })
    }

    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signed note over the tree of this size and root.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let origin = self.verifier.name.clone();
        self.sign_text(&Checkpoint { origin, size, root }.text())
    }

    /// Any text, which ends with a line break, as a signed note.
    pub(super) fn sign_text(&self, text: &str) -> String {
        let mut signature = self.verifier.hash.to_vec();
        signature.extend_from_slice(self.key.sign(text.as_bytes()).as_ref());
        format!("{text}\n— {} {}\n", self.verifier.name, BASE64.encode(&signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// What a log's checkpoints are verified with, written `name+hash+key` (a "vkey").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    /// The first four bytes of SHA-256(name || 0x0A || type || key).
    hash: [u8; 4],
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Result<Self, CheckpointError> {
        let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES;
        if !fits || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(CheckpointError::Name);
        }
        let digest = digest(
            &SHA256,
            &[name.as_bytes(), b"\n", &[ED25519_TYPE], public.as_slice()].concat(),
        );
        let (head, _) = digest.as_ref().split_at(4);
        let mut hash = [0; 4];
        hash.copy_from_slice(head);
        Ok(Self {
            name: name.to_owned(),
            hash,
            public,
        })
    }

    /// Parses a vkey; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CheckpointError::VerifierKey);
        };
        let key = BASE64
            .decode(key.as_bytes())
            .map_err(|_| CheckpointError::VerifierKey)?;
        let Some((&ED25519_TYPE, public)) = key.split_first() else {
            return Err(CheckpointError::VerifierKey);
        };
        let public = public.try_into().map_err(|_| CheckpointError::VerifierKey)?;
        let parsed = Self::new(name, public)?;
        if HEXLOWER.encode(&parsed.hash) != hash {
            return Err(CheckpointError::VerifierKey);
        }
        Ok(parsed)
    }

    /// The name of the log and of its key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a signed note: the checkpoint in it, when this key has signed it.
    pub fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::parse(self.open_text(note, MAX_NOTE_BYTES)?)?;
        if checkpoint.origin != self.name {
            return Err(CheckpointError::Origin);
        }
        Ok(checkpoint)
    }

    /// The text of a signed note of at most so many bytes, when this key has signed it.
    pub(super) fn open_text<'a>(&self, note: &'a str, most: usize) -> Result<&'a str, CheckpointError> {
        if note.len() > most {
            return Err(CheckpointError::Form);
        }
        // The text ends with the last empty line; its own line break belongs to it.
        let at = note.rfind("\n\n").ok_or(CheckpointError::Form)?;
        let (text, signatures) = note.split_at_checked(at + 1).ok_or(CheckpointError::Form)?;
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let mut found = CheckpointError::NotSigned;
        for line in signatures.split('\n').skip(1) {
            let (name, signature) = line
                .strip_prefix("— ")
                .and_then(|line| line.split_once(' '))
                .ok_or(CheckpointError::Form)?;
            let signature = BASE64.decode(signature.as_bytes()).map_err(|_| CheckpointError::Form)?;
            let (hash, signature) = signature.split_at_checked(4).ok_or(CheckpointError::Form)?;
            // Signatures of other keys (witnesses) are passed over.
            if name != self.name || hash != self.hash {
                continue;
            }
            found = CheckpointError::Signature;
            let key = UnparsedPublicKey::new(&ED25519, self.public);
            if key.verify(text.as_bytes(), signature).is_ok() {
                return Ok(text);
            }
        }
        Err(found)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[ED25519_TYPE].as_slice(), self.public.as_slice()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            HEXLOWER.encode(&self.hash),
            BASE64.encode(&key)
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// The example of Go's golang.org/x/mod/sumdb/note, where the format comes from.
    const GO_KEY: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn go_signer() -> Signer {
        let key = BASE64.decode(GO_KEY.as_bytes()).unwrap();
        Signer::new("PeterNeumann", Ed25519KeyPair::from_seed_unchecked(&key[1..]).unwrap()).unwrap()
    }

    #[test]
    fn the_note_that_go_signs_is_the_note_that_we_sign() {
        let (text, _) = GO_NOTE.split_at(GO_NOTE.find("\n\n").unwrap() + 1);
        assert_eq!(go_signer().sign_text(text), GO_NOTE);
        assert_eq!(go_signer().verifier_key().to_string(), GO_VKEY);
        assert_eq!(
            VerifierKey::parse(GO_VKEY).unwrap().open_text(GO_NOTE, MAX_NOTE_BYTES),
            Ok(text)
        );
    }

    #[test]
    fn a_signed_checkpoint_opens_with_its_key_only() {
        let signer = go_signer();
        let note = signer.sign(42, [7; 32]);
        let key = VerifierKey::parse(&signer.verifier_key().to_string()).unwrap();
        let opened = key.open(&note).unwrap();
        assert_eq!((opened.size, opened.root), (42, [7; 32]));

        let der = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        let other = Signer::from_pkcs8("PeterNeumann", der.as_ref()).unwrap();
        assert_eq!(other.verifier_key().open(&note), Err(CheckpointError::NotSigned));
        let named = Signer::from_pkcs8("another.example/log", der.as_ref()).unwrap();
        assert_eq!(named.verifier_key().open(&note), Err(CheckpointError::NotSigned));
    }

    #[test]
    fn an_altered_checkpoint_does_not_open() {
        let signer = go_signer();
        let note = signer.sign(42, [7; 32]);
        let key = signer.verifier_key();
        assert_eq!(
            key.open(&note.replace("\n42\n", "\n41\n")),
            Err(CheckpointError::Signature)
        );
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(altered) = String::from_utf8(bytes) {
                assert!(key.open(&altered).is_err(), "byte {at}");
            }
        }
        for end in 0..note.len() {
            if let Some(cut) = note.get(..end) {
                assert!(key.open(cut).is_err(), "cut at {end}");
            }
        }
    }

    #[test]
    fn a_signature_of_a_witness_beside_ours_is_passed_over() {
        let signer = go_signer();
        let note = format!("{}— witness.example AAAAAAAAAAA=\n", signer.sign(1, [1; 32]));
        assert_eq!(signer.verifier_key().open(&note).unwrap().size, 1);
    }

    #[test]
    fn a_note_of_ours_that_is_no_checkpoint_is_refused() {
        let signer = go_signer();
        for text in [
            "PeterNeumann\n",
            "PeterNeumann\n1\nAAAA\n",
            "PeterNeumann\n01\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
        ] {
            let note = signer.sign_text(text);
            assert_eq!(signer.verifier_key().open(&note), Err(CheckpointError::Form), "{text}");
        }
        let foreign = signer.sign_text("else.example\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
        assert_eq!(signer.verifier_key().open(&foreign), Err(CheckpointError::Origin));
    }

    #[test]
    fn a_verifier_key_with_a_wrong_hash_name_or_type_is_refused() {
        for text in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNewman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc",
        ] {
            assert_eq!(VerifierKey::parse(text), Err(CheckpointError::VerifierKey), "{text}");
        }
    }
}
