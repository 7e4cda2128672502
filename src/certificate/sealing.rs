use std::sync::Arc;

use jiff::Timestamp;

use super::{CertificateError, layout::LaidOut, seal_picture::SealPicture};
use crate::{
    department::Department,
    formats::pdf::{self, Appearance, Prepared},
};

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
