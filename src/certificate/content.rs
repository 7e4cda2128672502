use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value as Json, json};

use super::{
    CertificateError, code,
    layout::Sheet,
    qr,
    types::{TypeDefinition, Value},
};
use crate::{
    department::Department,
    ids::{CertificateIdentifier, Subject, SubjectId},
};

/// Everything that a certificate says.
pub struct Content<'a> {
    pub definition: &'a Arc<TypeDefinition>,
    pub issuer: &'a Department,
    pub holder: &'a Subject,
    /// As released for it, ordered, no more than its type allows.
    pub records: &'a [Map<String, Json>],
    pub identifier: &'a CertificateIdentifier,
    /// 证照编号: the serial within issuer and type.
    pub number: &'a str,
    pub verification_code: &'a str,
    /// The address of the public portal, such as `https://localhost:8444`.
    pub portal: &'a str,
    pub issued_at: Timestamp,
    pub valid_from: Date,
    pub valid_until: Date,
}

impl Content<'_> {
    /// What the template is laid out with.
    pub fn sheet(&self) -> Result<Sheet, CertificateError> {
        let form = &self.definition.form;
        let records = self.printed();
        let titles: BTreeMap<&str, &str> = form
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.title.as_str()))
            .collect();
        let metadata = self.metadata(records.last());
        let content = json!({
            "title": form.title,
            "title_en": form.title_en,
            "identifier": self.identifier.as_str(),
            "number": self.number,
            "code": code::grouped(self.verification_code),
            "verify_at": format!("{}/verify", self.portal.trim_end_matches('/')),
            "issuer": self.issuer.name,
            "issuer_code": self.issuer.credit_code.as_str(),
            "issued_on": self.valid_from.to_string(),
            "valid_until": self.valid_until.to_string(),
            "holder": records.last(),
            "titles": titles,
            "records": records,
        });
        let attachment = serde_json::to_vec_pretty(&json!({
            "standard": "GB/T 36903-2018",
            "metadata": metadata,
            "titles": titles,
            "records": records,
        }))
        .map_err(|error| CertificateError::Template(error.to_string()))?;
        Ok(Sheet {
            template: self.definition.template.as_str().into(),
            frame: Arc::clone(&self.definition.frame),
            content,
            content_name: "certificate.json",
            attachment,
            metadata: metadata
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            qr: qr::svg(&qr::address(self.portal, self.verification_code))?,
            identifier: self.identifier.to_string(),
            issued_at: self.issued_at,
        })
    }

    /// The records as they are shown: fields of the type only, each with its mask.
    fn printed(&self) -> Vec<BTreeMap<&str, Json>> {
        let fields = &self.definition.form.fields;
        let show = |record: &Map<String, Json>| {
            fields
                .iter()
                .map(|field| {
                    let value = record.get(field.name.as_str()).cloned().unwrap_or_default();
                    (field.name.as_str(), field.mask.apply(value))
                })
                .collect()
        };
        self.records.iter().map(show).collect()
    }

    fn metadata(&self, newest: Option<&BTreeMap<&str, Json>>) -> BTreeMap<&str, String> {
        let form = &self.definition.form;
        let field = |name: &str| match newest.and_then(|record| record.get(name)) {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let value = |source: &Value| match source {
            Value::Text(text) => text.clone(),
            Value::Title => form.title.clone(),
            Value::TypeCode => form.code.clone(),
            Value::Number => self.number.to_owned(),
            Value::Identifier => self.identifier.to_string(),
            Value::IssuerName => self.issuer.name.clone(),
            Value::IssuerCode => self.issuer.credit_code.to_string(),
            Value::IssuedOn | Value::ValidFrom => self.valid_from.to_string(),
            Value::ValidUntil => self.valid_until.to_string(),
            Value::HolderName => field(form.holder.name.as_str()),
            Value::HolderId => field(form.holder.id.as_str()),
            Value::HolderIdType => match self.holder.id {
                SubjectId::Citizen(_) => "111".to_owned(),
                SubjectId::Organisation(_) => "001".to_owned(),
            },
            Value::Field(name) => field(name.as_str()),
        };
        form.metadata
            .iter()
            .map(|(name, source)| (name.as_str(), value(source)))
            .collect()
    }
}
