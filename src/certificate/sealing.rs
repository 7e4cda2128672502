use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{CertificateError, layout::LaidOut, seal_picture::SealPicture};
use crate::{
    department::Department,
    formats::{
        cms::Signed,
        pdf::{self, Appearance, Prepared},
    },
    keys::{Identity, KeyError},
};

/// How long a key may take to sign: a token that is reached over a network may not answer at all.
const SIGN_TIMEOUT: Duration = Duration::from_secs(10);

/// The most signatures that keys are asked for at a time; more wait, as long as a key may take.
const SIGNING_AT_ONCE: usize = 64;

static SIGNING: Semaphore = Semaphore::const_new(SIGNING_AT_ONCE);

/// What stands along the lower arc of a seal.
pub const LEGEND: &str = "电子印章";
/// The name of the signature field.
const FIELD: &str = "Seal";

/// A document that waits for its seal.
pub struct Sealable {
    pub laid_out: LaidOut,
    pub picture: Arc<SealPicture>,
    pub issuer: Arc<Department>,
}

impl Sealable {
    /// Adds the seal, its picture over the place that the template marked; what is missing is its signature, for which so
    /// many bytes are kept free.
    pub fn prepare(&self, title: &str, time: Timestamp, contents_bytes: usize) -> Result<Prepared, CertificateError> {
        // Points on a page: f32 holds them to a ten-thousandth.
        #[allow(clippy::cast_possible_truncation)]
        let rectangle = self.laid_out.seal.rect.map(|value| value as f32);
        let [left, bottom, right, top] = rectangle;
        let content = format!("/Multiply gs\n{}", self.picture.pdf_operators(f64::from(right - left)));
        let seal = pdf::Seal {
            page: self.laid_out.seal.page,
            rectangle,
            appearance: Appearance {
                content: content.as_bytes(),
                bbox: [0.0, 0.0, right - left, top - bottom],
            },
            field: FIELD,
            description: &format!("{}{LEGEND}", self.issuer.name),
            name: &self.issuer.name,
            reason: Some(title),
            location: None,
            time,
            contents_bytes,
        };
        pdf::prepare(&self.laid_out.pdf, &seal).map_err(|error| CertificateError::Seal(error.to_string()))
    }
}

/// Lets a seal's key sign, off the threads that wait on sockets. To be called when the intent is recorded.
pub async fn sign(seal: &Arc<Identity>, prepared: &Prepared) -> Result<Signed, CertificateError> {
    let pieces = prepared.bytes_to_sign().map(<[u8]>::to_vec);
    Ok(sign_within(SIGN_TIMEOUT, Arc::clone(seal), pieces).await?)
}

async fn sign_within(limit: Duration, seal: Arc<Identity>, pieces: [Vec<u8>; 2]) -> Result<Signed, KeyError> {
    let work = async {
        let permit = SIGNING.acquire().await.map_err(|_| KeyError::Sign)?;
        let work = move || {
            let _permit = permit;
            seal.sign(&pieces.each_ref().map(Vec::as_slice))
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| KeyError::Sign)?
    };
    tokio::time::timeout(limit, work).await.map_err(|_| KeyError::Late)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rustls_pki_types::{CertificateDer, pem::PemObject};

    use super::*;
    use crate::keys::{
        Algorithm, SigningKey, SoftwareKey,
        authority::{Authority, Validity},
    };

    /// A key in a token that signs when it is told to.
    struct Slow {
        key: SoftwareKey,
        told: std::sync::Mutex<mpsc::Receiver<()>>,
    }

    impl SigningKey for Slow {
        fn algorithm(&self) -> Algorithm {
            self.key.algorithm()
        }

        fn public_key(&self) -> &[u8] {
            self.key.public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
            self.told.lock().unwrap().recv().unwrap();
            self.key.sign(message)
        }
    }

    #[tokio::test]
    async fn a_token_that_does_not_answer_is_given_up_and_stops_nobody_else() {
        let validity = Validity::days("2026-11-01T00:00:00Z".parse().unwrap(), 365);
        let issued = Authority::create("示例根", validity).unwrap();
        let issued = issued.seal("示例印章", "示例县", validity).unwrap();
        let (tell, told) = mpsc::channel();
        let key = Slow {
            key: SoftwareKey::from_pem(issued.key_pem.as_bytes(), None).unwrap(),
            told: std::sync::Mutex::new(told),
        };
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()];
        let seal = Arc::new(Identity::new(Box::new(key), chain).unwrap());
        let pieces = || [b"before".to_vec(), b"behind".to_vec()];
        // This thread is the only one of its runtime: were it held up, the limit would never be looked at.
        let late = sign_within(Duration::from_millis(20), Arc::clone(&seal), pieces()).await;
        assert!(matches!(late, Err(KeyError::Late)), "{:?}", late.map(drop));
        // It answers after all, first whoever has left and then the next.
        tell.send(()).unwrap();
        tell.send(()).unwrap();
        assert!(sign_within(Duration::from_secs(600), seal, pieces()).await.is_ok());
    }
}
