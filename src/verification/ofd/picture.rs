//! The picture of a seal, for the report.

use data_encoding::BASE64;

use crate::{
    formats::{
        ofd::{first_page, is_package},
        ses::Picture,
    },
    verification::{SealPicture, known::Known},
};

/// The most that all pictures take in a report, in bytes of Base64.
const MAX_SHOWN_BYTES: usize = 512 * 1024;

/// The picture, if it is of a kind that is shown: found by its bytes, whatever the seal calls it. `shown` bytes of others
/// stand in the report already.
pub fn of(picture: &Picture<'_>, shown: usize, known: &Known) -> Option<SealPicture> {
    if picture.data.len() > MAX_SHOWN_BYTES {
        return None;
    }
    let (media_type, base64) = &*known.picture(picture.data, || draw(picture.data))?;
    if shown + base64.len() > MAX_SHOWN_BYTES {
        return None;
    }
    Some(SealPicture {
        media_type: (*media_type).to_owned(),
        base64: base64.clone(),
        width_mm: u32::try_from(picture.width_mm).ok()?,
        height_mm: u32::try_from(picture.height_mm).ok()?,
    })
}

/// Its media type, and the picture in Base64.
fn draw(data: &[u8]) -> Option<(&'static str, String)> {
    // An OFD in the seal is drawn once: the seals in it are not looked at, so there is no end to find.
    Some(if is_package(data) {
        ("image/svg+xml", BASE64.encode(first_page(data)?.as_bytes()))
    } else {
        (media_type(data)?, BASE64.encode(data))
    })
}

/// The type of an image by its first bytes.
pub fn media_type(data: &[u8]) -> Option<&'static str> {
    let text = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data).trim_ascii_start();
    match data {
        _ if data.starts_with(b"\x89PNG\r\n\x1A\n") => Some("image/png"),
        _ if data.starts_with(b"\xFF\xD8\xFF") => Some("image/jpeg"),
        _ if data.starts_with(b"GIF8") => Some("image/gif"),
        _ if data.starts_with(b"BM") => Some("image/bmp"),
        _ if text.starts_with(b"<svg") => Some("image/svg+xml"),
        _ if text.starts_with(b"<?xml") && memchr::memmem::find(text, b"<svg").is_some() => Some("image/svg+xml"),
        _ => None,
    }
}
