use qrcode::{Color, EcLevel, QrCode};

use super::CertificateError;

/// Modules of white that a QR code needs around it (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// The address that a certificate's QR code holds. The code stands in the fragment: browsers do not send that, so it
/// reaches no server's log.
pub fn address(portal: &str, code: &str) -> String {
    format!("{}/verify#c={code}", portal.trim_end_matches('/'))
}

/// A QR code as SVG, one unit a module, a line for dark modules beside each other.
pub fn svg(content: &str) -> Result<String, CertificateError> {
    use std::fmt::Write as _;

    let code = QrCode::with_error_correction_level(content, EcLevel::M)
        .map_err(|error| CertificateError::Template(format!("QR code: {error}")))?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let (left, top, length) = (x + QUIET_ZONE, y + QUIET_ZONE, run.len());
                // Writing to a String cannot fail.
                let _ = write!(path, "M{left} {top}.5h{length}");
            }
            x += run.len();
        }
    }
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="none" stroke="#000" d="{path}"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_stands_in_the_fragment() {
        assert_eq!(
            address("https://localhost:8444/", "0ABC"),
            "https://localhost:8444/verify#c=0ABC"
        );
    }

    #[test]
    fn a_text_that_is_too_long_for_a_qr_code_is_an_error() {
        assert!(svg(&"长".repeat(4_000)).is_err());
    }
}
