use serde_json::{Map, Value};

use super::source::{Record, SourceError};
use crate::{
    catalogue::{DataType, Resource},
    policy::AllowedField,
};

/// The most characters in one text of a provider's.
const MAX_TEXT_CHARS: usize = 2_000;

/// What may leave of a provider's records: the allowed fields of each, checked against their data items and masked. A
/// field that a record does not have is null. One value of the wrong type and nothing leaves.
pub(super) fn filter(
    records: Vec<Record>,
    fields: &[AllowedField],
    resource: &Resource,
) -> Result<Vec<Record>, SourceError> {
    let typed: Vec<_> = fields
        .iter()
        .map(|field| resource.item(&field.name).map(|item| (field, item.data_type)))
        .collect::<Option<_>>()
        .ok_or(SourceError::Garbage)?;
    records
        .into_iter()
        .map(|mut record| {
            let mut released = Map::new();
            for (field, data_type) in &typed {
                let (name, value) = record
                    .remove_entry(field.name.as_str())
                    .unwrap_or_else(|| (field.name.to_string(), Value::Null));
                if !value.is_null() && !is_of_type(&value, *data_type) {
                    return Err(SourceError::Garbage);
                }
                released.insert(name, field.mask.apply(value));
            }
            Ok(released)
        })
        .collect()
}

/// Whether a value, not null, is of a data item's type. Lists and objects are of none.
pub(super) fn is_of_type(value: &Value, data_type: DataType) -> bool {
    match (data_type, value) {
        (DataType::Text, Value::String(text)) => text.chars().count() <= MAX_TEXT_CHARS,
        (DataType::Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
        (DataType::Boolean, Value::Bool(_)) => true,
        (DataType::Amount, Value::String(text)) => is_amount(text),
        (DataType::Date, Value::String(text)) => is_date(text),
        (DataType::Month, Value::String(text)) => text.len() == 7 && is_date(&format!("{text}-01")),
        _ => false,
    }
}

/// `1234.50`: at most 15 digits before the point, two after it.
fn is_amount(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('-')
        .unwrap_or(text)
        .split_once('.')
        .is_some_and(|(yuan, cents)| digits(yuan) && yuan.len() <= 15 && digits(cents) && cents.len() == 2)
}

fn is_date(text: &str) -> bool {
    let form = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    form && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_of_their_data_items_type_only() {
        for (data_type, value, right) in [
            (DataType::Text, json!("甲·示例"), true),
            (DataType::Text, json!("x".repeat(2_001)), false),
            (DataType::Text, json!(1), false),
            (DataType::Text, json!({"a": 1}), false),
            (DataType::Text, json!(["a"]), false),
            (DataType::Integer, json!(12), true),
            (DataType::Integer, json!(1.5), false),
            (DataType::Integer, json!("12"), false),
            (DataType::Boolean, json!(true), true),
            (DataType::Boolean, json!("true"), false),
            (DataType::Amount, json!("1234.50"), true),
            (DataType::Amount, json!("-0.01"), true),
            (DataType::Amount, json!("1234.5"), false),
            (DataType::Amount, json!("1,234.50"), false),
            (DataType::Amount, json!(1234.5), false),
            (DataType::Date, json!("2026-02-28"), true),
            (DataType::Date, json!("2026-02-30"), false),
            (DataType::Date, json!("20260228"), false),
            (DataType::Date, json!("2026-02-28T00:00:00Z"), false),
            (DataType::Month, json!("2026-02"), true),
            (DataType::Month, json!("2026-13"), false),
        ] {
            assert_eq!(is_of_type(&value, data_type), right, "{value} as {data_type:?}");
        }
    }
}
