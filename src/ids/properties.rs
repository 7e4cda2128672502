//! Properties of the identifiers with check characters, over made-up numbers.

use proptest::prelude::*;

use super::{CertificateIdentifier, CitizenId, CreditCode};

/// A citizen ID number of the unassigned division 653199.
fn citizen_id() -> impl Strategy<Value = String> {
    (1900_u16..2026, 1_u8..=12, 1_u8..=28, 0_u16..1000).prop_map(|(year, month, day, sequence)| {
        let body = format!("653199{year:04}{month:02}{day:02}{sequence:03}");
        let check = char::from(CitizenId::check_character(body.as_bytes()));
        format!("{body}{check}")
    })
}

fn credit_code() -> impl Strategy<Value = String> {
    "[0-9A-HJ-NPQRTUWXY]{17}".prop_map(|body| {
        let check = CreditCode::check_character(&body).unwrap();
        format!("{body}{check}")
    })
}

/// The text with the character at `place` replaced.
fn replaced(text: &str, place: usize, by: char) -> String {
    text.chars()
        .enumerate()
        .map(|(i, c)| if i == place { by } else { c })
        .collect()
}

/// The text with the characters at `place` and after it swapped.
fn swapped(text: &str, place: usize) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    chars.swap(place, place + 1);
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn a_citizen_id_is_taken_and_shows_nothing_of_itself(id in citizen_id()) {
        let parsed = CitizenId::parse(&id).unwrap();
        prop_assert_eq!(parsed.expose(), &id);
        let shown = format!("{parsed:?}");
        prop_assert!(!shown.contains(&id[6..14]));
    }

    #[test]
    fn one_wrong_digit_of_a_citizen_id_is_always_found(id in citizen_id(), place in 0_usize..17, by in 0_u8..10) {
        let by = char::from(b'0' + by);
        prop_assume!(id.as_bytes()[place] != by as u8);
        prop_assert!(CitizenId::parse(&replaced(&id, place, by)).is_err());
    }

    #[test]
    fn two_swapped_digits_of_a_citizen_id_are_always_found(id in citizen_id(), place in 0_usize..16) {
        prop_assume!(id.as_bytes()[place] != id.as_bytes()[place + 1]);
        prop_assert!(CitizenId::parse(&swapped(&id, place)).is_err());
    }

    #[test]
    fn one_wrong_character_of_a_credit_code_is_always_found(
        code in credit_code(), place in 0_usize..18, by in "[0-9A-HJ-NPQRTUWXY]"
    ) {
        let by = by.chars().next().unwrap();
        prop_assume!(code.as_bytes()[place] != by as u8);
        prop_assert!(CreditCode::parse(&code).is_ok());
        prop_assert!(CreditCode::parse(&replaced(&code, place, by)).is_err());
    }

    #[test]
    fn a_certificate_identifier_is_taken_again_and_one_wrong_character_is_found(
        definer in credit_code(), issuer in credit_code(), number in 0_u16..1000, serial in "[0-9]{1,20}",
        version in 1_u16..=999, place in any::<proptest::sample::Index>(), by in "[0-9A-Z]"
    ) {
        let issuer = CreditCode::parse(&issuer).unwrap();
        let built = CertificateIdentifier::new(&format!("{definer}{number:03}"), &issuer, &serial, version).unwrap();
        prop_assert_eq!(&CertificateIdentifier::parse(built.as_str()).unwrap(), &built);

        let by = by.chars().next().unwrap();
        let place = place.index(built.as_str().len());
        prop_assume!(built.as_str().as_bytes()[place] != by as u8 && built.as_str().as_bytes()[place] != b'.');
        prop_assert!(CertificateIdentifier::parse(&replaced(built.as_str(), place, by)).is_err());
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
        let _ = CitizenId::parse(&text);
        let _ = CreditCode::parse(&text);
        let _ = CertificateIdentifier::parse(&text);
        let _ = CertificateIdentifier::parse(&format!("1.2.156.3005.2.{text}"));
    }
}
