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
    let booleans = wanted
        .resource
        .items
        .iter()
        .filter(|item| item.data_type == DataType::Boolean)
        .map(|item| item.name.as_str());
    for name in booleans {
        for value in records.iter_mut().filter_map(|record| record.get_mut(name)) {
            // SQLite has no booleans.
            match value.as_i64() {
                Some(0) => *value = Value::Bool(false),
                Some(1) => *value = Value::Bool(true),
                _ => {}
            }
        }
    }
    Ok(records)
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || ('\u{4e00}'..='\u{9fff}').contains(&c);
    !text.is_empty() && text.chars().count() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

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
