use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How a value is shown. Masks are applied by this node, whatever the provider sent, and are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// As it is.
    #[default]
    None,
    /// First 6 and last 4 characters of an ID number: `653199********0015`.
    IdNumber,
    /// The last character of a name: `***例`.
    Name,
    /// First 3 and last 4 digits: `199****0000`.
    Phone,
    /// Last 4 digits.
    BankAccount,
    /// A band in place of an amount: `5000-10000`.
    AmountBand,
    /// Nothing: `***`.
    Full,
}

/// What stands for a value of which nothing is shown. Its length says nothing of the value's.
const HIDDEN: &str = "***";

/// An ID number of the first generation has 15 characters: what is shorter is no ID number, and nothing of it is shown.
const ID_NUMBER_MIN: usize = 15;

/// A mobile number has 11 digits; of what is shorter nothing is shown.
const PHONE_MIN: usize = 11;

/// Of an account with fewer characters than this, four would be half or more: nothing is shown.
const BANK_ACCOUNT_MIN: usize = 9;

/// Where amount bands begin, in yuan; each reaches to the next, the last has no end.
const BANDS: [u64; 13] = [
    0, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000,
];

impl Mask {
    /// Its name in the API and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::IdNumber => "id_number",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::BankAccount => "bank_account",
            Self::AmountBand => "amount_band",
            Self::Full => "full",
        }
    }

    /// The value as it is shown. It works on characters, not bytes; a value that is too short for the mask's pattern or
    /// of another kind is hidden whole. That a value is missing (`null`) is shown by every mask but `Full`.
    pub fn apply(self, value: Value) -> Value {
        if self == Self::None || (self != Self::Full && value.is_null()) {
            return value;
        }
        let text = match &value {
            Value::String(text) => Cow::Borrowed(text.trim()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            _ => return Value::from(HIDDEN),
        };
        Value::String(match self {
            Self::IdNumber => ends(&text, 6, 4, ID_NUMBER_MIN),
            Self::Name => ends(&text, 0, 1, 1),
            Self::Phone => ends(&text, 3, 4, PHONE_MIN),
            Self::BankAccount => ends(&text, 0, 4, BANK_ACCOUNT_MIN),
            Self::AmountBand => band(&text).unwrap_or_else(|| HIDDEN.to_owned()),
            Self::None | Self::Full => HIDDEN.to_owned(),
        })
    }

    /// How much it opens: 0 everything, 1 a part, 2 nothing.
    pub fn strength(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Full => 2,
            _ => 1,
        }
    }
}

/// The first and last characters, a star for each between them. A name of one character is shown as one star; the dot
/// of a name such as 甲·示例 is a character like the others, so that the lengths of its parts do not show.
fn ends(text: &str, first: usize, last: usize, min: usize) -> String {
    let count = text.chars().count();
    if count == 1 && min == 1 {
        return "*".to_owned();
    }
    if count < min || count <= first + last {
        return HIDDEN.to_owned();
    }
    text.chars()
        .enumerate()
        .map(|(at, c)| if at < first || at >= count - last { c } else { '*' })
        .collect()
}

/// The band of an amount: from (included) to (excluded).
fn band(text: &str) -> Option<String> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if negative {
        return Some("<0".to_owned());
    }
    let yuan: u64 = whole.parse().unwrap_or(u64::MAX);
    let above = BANDS.iter().position(|from| *from > yuan);
    match above {
        Some(at) => Some(format!("{}-{}", BANDS.get(at.checked_sub(1)?)?, BANDS.get(at)?)),
        None => Some(format!("{}+", BANDS.last()?)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ALL: [Mask; 6] = [
        Mask::IdNumber,
        Mask::Name,
        Mask::Phone,
        Mask::BankAccount,
        Mask::AmountBand,
        Mask::Full,
    ];

    fn shown(mask: Mask, value: Value) -> String {
        mask.apply(value).as_str().unwrap().to_owned()
    }

    #[test]
    fn each_mask_shows_what_its_definition_says() {
        for (mask, value, expected) in [
            (Mask::IdNumber, json!("653199199003070015"), "653199********0015"),
            (Mask::IdNumber, json!("653199900307001"), "653199*****7001"),
            (Mask::IdNumber, json!("6531991990"), "***"),
            (Mask::Name, json!("甲·示例"), "***例"),
            (Mask::Name, json!("示例某"), "**某"),
            (Mask::Name, json!("示例"), "*例"),
            (Mask::Name, json!("例"), "*"),
            (Mask::Name, json!(""), "***"),
            (Mask::Name, json!(" 示例 "), "*例"),
            (Mask::Phone, json!("19900000001"), "199****0001"),
            (Mask::Phone, json!(19_900_000_001_u64), "199****0001"),
            (Mask::Phone, json!("0000123"), "***"),
            (Mask::BankAccount, json!("6200000000000001234"), "***************1234"),
            (Mask::BankAccount, json!("12345678"), "***"),
            (Mask::AmountBand, json!("0.00"), "0-1000"),
            (Mask::AmountBand, json!("999.99"), "0-1000"),
            (Mask::AmountBand, json!("1000.00"), "1000-2000"),
            (Mask::AmountBand, json!(5_000), "5000-10000"),
            (Mask::AmountBand, json!(7_312.5), "5000-10000"),
            (Mask::AmountBand, json!("99999999999999999999999"), "5000000+"),
            (Mask::AmountBand, json!("-0.01"), "<0"),
            (Mask::AmountBand, json!("7,312"), "***"),
            (Mask::AmountBand, json!("1e3"), "***"),
            (Mask::Full, json!("甲·示例"), "***"),
            (Mask::Full, json!(null), "***"),
        ] {
            assert_eq!(shown(mask, value.clone()), expected, "{mask:?} of {value}");
        }
    }

    #[test]
    fn a_value_that_is_no_text_or_number_is_hidden_whole() {
        for mask in ALL {
            for value in [json!(true), json!(["653199199003070015"]), json!({"name": "甲·示例"})] {
                assert_eq!(mask.apply(value), json!("***"));
            }
        }
    }

    /// How many characters a mask may show at the start and at the end.
    fn open(mask: Mask) -> (usize, usize) {
        match mask {
            Mask::IdNumber => (6, 4),
            Mask::Name => (0, 1),
            Mask::Phone => (3, 4),
            Mask::BankAccount => (0, 4),
            _ => (0, 0),
        }
    }

    proptest! {
        #[test]
        fn two_values_that_differ_only_where_the_mask_hides_look_the_same(
            text in "[0-9\u{4e00}-\u{4eff}A-Z·]{1,40}", other in "[0-9\u{4e00}-\u{4eff}]{40}", which in 0..4_usize
        ) {
            let mask = ALL[which];
            let (first, last) = open(mask);
            let chars: Vec<char> = text.chars().collect();
            let swapped: String = chars
                .iter()
                .zip(other.chars())
                .enumerate()
                .map(|(at, (own, new))| {
                    let hidden = chars.len() <= first + last || (at >= first && at < chars.len() - last);
                    if hidden { new } else { *own }
                })
                .collect();
            prop_assert_eq!(mask.apply(json!(text)), mask.apply(json!(swapped)));
        }

        #[test]
        fn the_output_is_as_long_as_the_value_or_hides_it_whole(text in "\\PC{0,40}", which in 0..6_usize) {
            let mask = ALL[which];
            let out = shown(mask, json!(text));
            if mask != Mask::AmountBand && out != HIDDEN {
                prop_assert_eq!(out.chars().count(), text.trim().chars().count());
            }
        }

        #[test]
        fn masking_twice_shows_the_same_as_once(text in "\\PC{2,40}", which in 0..6_usize) {
            let mask = ALL[which];
            let once = mask.apply(json!(text));
            if mask != Mask::AmountBand {
                prop_assert_eq!(mask.apply(once.clone()), once);
            }
        }

        #[test]
        fn an_amount_lies_in_its_band(cents in 0_u64..1_000_000_000) {
            let out = shown(Mask::AmountBand, json!(format!("{}.{:02}", cents / 100, cents % 100)));
            let holds = match out.split_once('-') {
                Some((from, to)) => {
                    from.parse::<u64>().unwrap() * 100 <= cents && cents < to.parse::<u64>().unwrap() * 100
                }
                None => out == "5000000+" && cents >= 500_000_000,
            };
            prop_assert!(holds, "{cents} in {out}");
        }
    }
}
