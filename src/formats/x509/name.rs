use x509_parser::{der_parser::asn1_rs::Tag, extensions::GeneralName as Parsed, x509::X509Name};

/// A distinguished name, ready to be compared as RFC 5280 7.1 asks: without regard to case, to runs of white space and
/// to the string type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// One a relative name: its attributes sorted, each with its type and its folded value.
    relative: Vec<Vec<u8>>,
}

impl Name {
    pub(super) fn new(name: &X509Name<'_>) -> Self {
        let relative = name.iter_rdn().map(|relative| {
            let mut attributes: Vec<Vec<u8>> = relative
                .iter()
                .map(|attribute| {
                    let value = attribute.attr_value();
                    let mut bytes = Vec::with_capacity(value.data.len() + 16);
                    put(&mut bytes, attribute.attr_type().as_bytes());
                    match text(value.tag(), value.data) {
                        Some(text) => put(&mut bytes, fold(&text).as_bytes()),
                        None => {
                            bytes.extend(value.tag().0.to_be_bytes());
                            put(&mut bytes, value.data);
                        }
                    }
                    bytes
                })
                .collect();
            attributes.sort_unstable();
            attributes.concat()
        });
        Self {
            relative: relative.collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.relative.is_empty()
    }

    /// Whether it lies in the subtree of another: begins with all of its relative names.
    pub fn is_within(&self, base: &Self) -> bool {
        self.relative.starts_with(&base.relative)
    }
}

/// With its length before it, so that two fields cannot run into each other.
fn put(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend(field.len().to_be_bytes());
    bytes.extend_from_slice(field);
}

/// The text of a string type; Teletex is taken as Latin-1, as software that writes it does.
fn text(tag: Tag, data: &[u8]) -> Option<String> {
    match tag {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(data).ok().map(str::to_owned)
        }
        Tag::T61String => Some(data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = data.chunks(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0xD800,
            });
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        _ => None,
    }
}

fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// The text for people: the common name, or the whole name where there is none.
pub(super) fn shown(name: &X509Name<'_>) -> String {
    let common = name
        .iter_common_name()
        .find_map(|common| text(common.attr_value().tag(), common.attr_value().data));
    common.unwrap_or_else(|| name.to_string())
}

/// A name of any kind, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    Directory(Name),
    /// In lower case, as are e-mail addresses and hosts.
    Dns(String),
    Email(String),
    Uri(String),
    Ip(Vec<u8>),
    /// Kinds that are compared as a whole.
    Other(u8, Vec<u8>),
}

impl GeneralName {
    pub(super) fn new(name: &Parsed<'_>) -> Self {
        match name {
            Parsed::DirectoryName(name) => Self::Directory(Name::new(name)),
            Parsed::DNSName(name) => Self::Dns(name.to_ascii_lowercase()),
            Parsed::RFC822Name(name) => Self::Email((*name).to_owned()),
            Parsed::URI(uri) => Self::Uri((*uri).to_owned()),
            Parsed::IPAddress(bytes) => Self::Ip(bytes.to_vec()),
            Parsed::OtherName(oid, value) => Self::Other(0, [oid.as_bytes(), value].concat()),
            Parsed::X400Address(value) => Self::Other(3, value.data.to_vec()),
            Parsed::EDIPartyName(value) => Self::Other(5, value.data.to_vec()),
            Parsed::RegisteredID(oid) => Self::Other(8, oid.as_bytes().to_vec()),
            Parsed::Invalid(tag, value) => Self::Other(u8::try_from(tag.0).unwrap_or(u8::MAX), value.to_vec()),
        }
    }

    /// What kinds are told apart by in a name constraint: the tag of the CHOICE.
    fn kind(&self) -> u8 {
        match self {
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::Other(kind, _) => *kind,
        }
    }

    /// Whether a constraint is about names of this kind.
    pub fn is_like(&self, base: &Self) -> bool {
        self.kind() == base.kind()
    }

    /// Whether it lies in the subtree of a constraint (RFC 5280 4.2.1.10); none where that cannot be told.
    pub fn is_within(&self, base: &Self) -> Option<bool> {
        Some(match (self, base) {
            (Self::Directory(name), Self::Directory(base)) => name.is_within(base),
            (Self::Dns(name), Self::Dns(base)) => host_within(name, base.trim_start_matches('.')),
            (Self::Email(name), Self::Email(base)) => email_within(name, base),
            (Self::Uri(uri), Self::Uri(base)) => {
                let host = host_of(uri)?;
                match base.to_ascii_lowercase().strip_prefix('.') {
                    Some(domain) => host != domain && host_within(&host, domain),
                    None => host == base.to_ascii_lowercase(),
                }
            }
            (Self::Ip(address), Self::Ip(base)) => {
                if base.len() != address.len() * 2 {
                    // The other family: it lies outside, and a base of odd length is no constraint at all.
                    return matches!(base.len(), 8 | 32).then_some(false);
                }
                let (network, mask) = base.split_at_checked(address.len())?;
                let mut pairs = address.iter().zip(network).zip(mask);
                pairs.all(|((address, network), mask)| address & mask == network & mask)
            }
            _ => return None,
        })
    }
}

/// A host or one below it; the empty base holds all.
fn host_within(host: &str, base: &str) -> bool {
    base.is_empty() || host == base || host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
}

/// A mailbox, all of a host, or all of a domain (with a leading dot).
fn email_within(email: &str, base: &str) -> bool {
    let Some((local, host)) = email.rsplit_once('@') else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => base_local == local && base_host.to_ascii_lowercase() == host,
        None => match base.to_ascii_lowercase().strip_prefix('.') {
            Some(domain) => host != domain && host_within(&host, domain),
            None => host == base.to_ascii_lowercase(),
        },
    }
}

/// The host of a URI with an authority.
fn host_of(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split(':').next()?;
    (!host.is_empty() && !host.starts_with('[')).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(name: GeneralName, base: GeneralName) -> Option<bool> {
        name.is_within(&base)
    }

    #[test]
    fn subtrees_of_hosts_mailboxes_and_addresses_end_at_a_label() {
        let dns = |name: &str| GeneralName::Dns(name.to_owned());
        assert_eq!(within(dns("a.example.cn"), dns("example.cn")), Some(true));
        assert_eq!(within(dns("badexample.cn"), dns("example.cn")), Some(false));
        let email = |name: &str| GeneralName::Email(name.to_owned());
        assert_eq!(within(email("x@example.cn"), email("example.cn")), Some(true));
        assert_eq!(within(email("x@a.example.cn"), email("example.cn")), Some(false));
        assert_eq!(within(email("x@a.example.cn"), email(".example.cn")), Some(true));
        assert_eq!(within(email("x@example.cn"), email("X@example.cn")), Some(false));
        let ip = |bytes: &[u8]| GeneralName::Ip(bytes.to_vec());
        let net = ip(&[10, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(within(ip(&[10, 1, 2, 3]), net.clone()), Some(true));
        assert_eq!(within(ip(&[11, 1, 2, 3]), net.clone()), Some(false));
        assert_eq!(within(ip(&[0; 16]), net), Some(false));
        let uri = |name: &str| GeneralName::Uri(name.to_owned());
        assert_eq!(
            within(uri("http://u@a.example.cn:80/x"), uri(".example.cn")),
            Some(true)
        );
        assert_eq!(within(uri("urn:x"), uri("example.cn")), None);
    }

    #[test]
    fn case_and_white_space_do_not_tell_names_apart() {
        assert_eq!(fold("  示例  CA\tRoot "), "示例 ca root");
        assert_ne!(fold("AB"), fold("A B"));
    }
}
