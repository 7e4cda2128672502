/// The longest path in a package, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;

/// Whether the name of an entry is a plain relative path: no root, no drive, no step up, no second way to write it.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    name.len() <= MAX_PATH_BYTES
        && !name.contains(|c: char| c.is_control() || matches!(c, '\\' | ':' | '\u{FFFD}'))
        && name.split('/').all(plain)
}

/// The path in the package that a location (ST_Loc, GB/T 33190 table 2) in a file leads to: absolute from the root of
/// the package, or relative to the folder of the file. None where it leads out of the package or nowhere.
pub fn resolve(file: &str, location: &str) -> Option<String> {
    let location = location.trim();
    if location.is_empty() || location.len() > MAX_PATH_BYTES || location.contains('\\') {
        return None;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (start, rest) = match location.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (folder, location),
    };
    let mut path: Vec<&str> = start.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in rest.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            other => path.push(other),
        }
    }
    let path = path.join("/");
    is_plain(&path).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_absolute_or_relative_to_its_file_and_never_leaves_the_package() {
        let file = "Doc_0/Signs/Sign_0/Signature.xml";
        assert_eq!(
            resolve(file, "/Doc_0/Document.xml").as_deref(),
            Some("Doc_0/Document.xml")
        );
        assert_eq!(
            resolve(file, "Seal.esl").as_deref(),
            Some("Doc_0/Signs/Sign_0/Seal.esl")
        );
        assert_eq!(
            resolve(file, "../../Document.xml").as_deref(),
            Some("Doc_0/Document.xml")
        );
        assert_eq!(
            resolve("OFD.xml", "./Doc_0//Document.xml").as_deref(),
            Some("Doc_0/Document.xml")
        );
        for out in ["../../../../etc/passwd", "/..", "C:/x", "a\\b", "", "  "] {
            assert_eq!(resolve(file, out), None, "{out}");
        }
    }

    #[test]
    fn a_name_has_one_way_to_be_written() {
        assert!(is_plain("Doc_0/Pages/页 1/Content.xml"));
        for name in ["/a", "a//b", "a/./b", "a/../b", "..", "a\\b", "C:a", "a\nb", ""] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
