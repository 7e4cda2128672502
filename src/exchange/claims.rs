use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::{
    ExchangeError,
    filter::is_of_type,
    source::{Record, SourceError},
};
use crate::{catalogue::Resource, ids::FieldName};

/// Claims must be values of their data items' types: what is of another type could never hold, and says that the
/// caller misread the catalogue.
pub(super) fn check(claims: &BTreeMap<FieldName, Value>, resource: &Resource) -> Result<(), ExchangeError> {
    let wrong = claims.iter().find(|(name, value)| {
        resource
            .item(name)
            .is_none_or(|item| !is_of_type(value, item.data_type))
    });
    match wrong {
        Some((name, _)) => Err(ExchangeError::Claim(name.clone())),
        None => Ok(()),
    }
}

/// One yes or no a claim, always all of them. They are about one record, the one that agrees with most claims (the
/// first of such): yes to two claims never means one month's wage and another month's employer. With no record at all,
/// no claim holds.
pub(super) fn compare(
    claims: &BTreeMap<FieldName, Value>,
    records: &[Record],
    resource: &Resource,
) -> Result<Vec<(FieldName, bool)>, SourceError> {
    let mut best = vec![false; claims.len()];
    for record in records {
        let mut holds = Vec::with_capacity(claims.len());
        for (name, claim) in claims {
            let value = record.get(name.as_str()).unwrap_or(&Value::Null);
            let item = resource.item(name).ok_or(SourceError::Garbage)?;
            if !value.is_null() && !is_of_type(value, item.data_type) {
                return Err(SourceError::Garbage);
            }
            holds.push(same(claim, value));
        }
        let count = |answers: &[bool]| answers.iter().filter(|yes| **yes).count();
        if count(&holds) > count(&best) {
            best = holds;
        }
    }
    Ok(claims.keys().cloned().zip(best).collect())
}

fn same(claim: &Value, value: &Value) -> bool {
    match (claim, value) {
        (Value::String(a), Value::String(b)) => plain(a) == plain(b),
        _ => claim == value,
    }
}

/// Names such as 甲·示例 are typed with any of several dots; the space around a text says nothing.
fn plain(text: &str) -> Cow<'_, str> {
    const DOTS: [char; 7] = ['•', '‧', '∙', '・', '･', '．', '⋅'];
    let text = text.trim();
    if text.contains(DOTS) {
        Cow::Owned(text.replace(DOTS, "·"))
    } else {
        Cow::Borrowed(text)
    }
}
