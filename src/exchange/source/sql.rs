use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{MAX_RECORDS, Record, SourceError, Wanted};
use crate::catalogue::{DataType, SqlSource, StoreFault};

/// What is read from a provider's table: these columns of the rows of one subject. Every name was checked: 1 to 64 of
/// `A-Z a-z 0-9 _` and Chinese characters.
#[derive(Clone, Copy)]
pub struct Select<'a> {
    pub source: &'a SqlSource,
    pub columns: &'a [&'a str],
    /// The subject's number, in clear: a bound parameter, never text of the statement.
    pub subject: &'a str,
    pub limit: usize,
}

/// Reads tables that providers keep. The database is opened read-only.
pub trait Tables: Send + Sync {
    /// Values as they are stored: text, integers, reals or null.
    fn select<'a>(&'a self, select: Select<'a>) -> BoxFuture<'a, Result<Vec<Record>, StoreFault>>;
}

pub(super) async fn fetch(
    tables: &dyn Tables,
    source: &SqlSource,
    wanted: Wanted<'_>,
) -> Result<Vec<Record>, SourceError> {
    let columns: Vec<&str> = wanted.fields.iter().map(|field| field.name.as_str()).collect();
    let names = [source.table.as_str(), source.subject_column.as_str()];
    let order = source.order_by.as_deref();
    if let Some(name) = names
        .into_iter()
        .chain(order)
        .chain(columns.iter().copied())
        .find(|name| !is_name(name))
    {
        return Err(SourceError::Failed(
            format!("`{name}` is no name of a table or column").into(),
        ));
    }
    let mut records = tables
        .select(Select {
            source,
            columns: &columns,
            subject: wanted.subject.id.expose(),
            limit: MAX_RECORDS + 1,
        })
        .await
        .map_err(SourceError::Failed)?;
    for item in &wanted.resource.items {
        for record in &mut records {
            if let Some(value) = record.get_mut(item.name.as_str()) {
                let stored = std::mem::take(value);
                *value = typed(stored, item.data_type);
            }
        }
    }
    Ok(records)
}

/// SQLite has no booleans, dates or decimals, and a column may hold anything: what is plainly of the data item's type
/// becomes so. Everything else stays, for the filter to refuse.
fn typed(stored: Value, data_type: DataType) -> Value {
    let text = match (&stored, data_type) {
        (Value::String(text), DataType::Text) => return Value::String(text.clone()),
        (Value::String(text), _) if text.is_empty() => return Value::Null,
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), DataType::Amount) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => return Value::String(format!("{whole}.00")),
            (None, Some(real)) => return Value::String(format!("{real:.2}")),
            (None, None) => return stored,
        },
        (Value::Number(number), _) => number.to_string(),
        _ => return stored,
    };
    let parsed = match data_type {
        DataType::Text => Some(Value::String(text)),
        DataType::Integer => text.parse::<i64>().ok().map(Value::from),
        DataType::Boolean => match text.as_str() {
            "0" | "false" => Some(Value::Bool(false)),
            "1" | "true" => Some(Value::Bool(true)),
            _ => None,
        },
        DataType::Amount | DataType::Date | DataType::Month => None,
    };
    parsed.unwrap_or(stored)
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || ('\u{4e00}'..='\u{9fff}').contains(&c);
    !text.is_empty() && text.chars().count() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_table_holds_becomes_of_its_data_items_type_where_it_plainly_is() {
        for (data_type, stored, value) in [
            (
                DataType::Text,
                json!(6_200_000_000_001_234_i64),
                json!("6200000000001234"),
            ),
            (DataType::Text, json!(""), json!("")),
            (DataType::Integer, json!("12"), json!(12)),
            (DataType::Integer, json!("twelve"), json!("twelve")),
            (DataType::Boolean, json!(1), json!(true)),
            (DataType::Boolean, json!("false"), json!(false)),
            (DataType::Boolean, json!(2), json!(2)),
            (DataType::Amount, json!(1234.5), json!("1234.50")),
            (DataType::Amount, json!(1234), json!("1234.00")),
            (DataType::Amount, json!("1234.5"), json!("1234.5")),
            (DataType::Date, json!(""), json!(null)),
            (DataType::Date, json!(20260101), json!(20260101)),
        ] {
            assert_eq!(typed(stored.clone(), data_type), value, "{stored} as {data_type:?}");
        }
    }

    #[test]
    fn names_that_could_end_their_quotes_are_none() {
        for name in ["参保", "social_insurance", "t1"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a\"b", "a b", "a;b", "a.b", "a'b", "a\0b", &"x".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
