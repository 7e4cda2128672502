//! The API documentation, rendered on the server from the OpenAPI document: no script, no other host.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::{
    error::PageError,
    page::{self, Here, Page},
    visitor::Visitor,
};
use crate::api::openapi;

#[derive(Template)]
#[template(path = "docs.html", config = "src/pages/askama.toml")]
struct Docs<'a> {
    page: Page<'a>,
    document: &'static Document,
}

/// `GET /docs`
pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, PageError> {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let json = serde_json::to_value(openapi::document()).unwrap_or_default();
        Document::read(&json)
    });
    page::show(&Docs {
        page: Page::new(&visitor, visitor.lang().texts().docs, Here::Docs),
        document: &DOCUMENT,
    })
}

/// What the page shows of an OpenAPI 3.1 document.
#[derive(Default)]
struct Document {
    description: Prose,
    operations: Vec<Operation>,
    schemas: Vec<Schema>,
}

struct Operation {
    anchor: String,
    method: String,
    path: String,
    tag: String,
    summary: Prose,
    description: Prose,
    parameters: Vec<Property>,
    bodies: Vec<Body>,
    responses: Vec<Response>,
}

struct Body {
    media_type: String,
    schema: Type,
}

struct Response {
    status: String,
    description: Prose,
    schema: Option<Type>,
}

struct Schema {
    name: String,
    description: Prose,
    properties: Vec<Property>,
    /// What it may be, where it is not an object.
    kind: Type,
}

struct Property {
    name: String,
    /// Where a parameter stands: `path`, `query`, `header`.
    place: String,
    kind: Type,
    required: bool,
    description: Prose,
}

/// A description: texts by turns with code, which stands between backticks there (CommonMark, the only markup we use).
#[derive(Debug, Default, PartialEq, Eq)]
struct Prose(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Code(String),
}

/// A type in words, with the schema that it refers to.
#[derive(Default)]
struct Type {
    text: String,
    link: Option<String>,
}

impl Document {
    fn read(json: &Value) -> Self {
        let mut operations = Vec::new();
        for (path, item) in entries(json.get("paths")) {
            for (method, operation) in entries(Some(item)) {
                if ["get", "post", "put", "patch", "delete", "head"].contains(&method.as_str()) {
                    operations.push(Operation::read(path, method, operation));
                }
            }
        }
        let schemas = entries(json.pointer("/components/schemas"))
            .map(|(name, schema)| Schema::read(name, schema))
            .collect();
        Self {
            description: Prose::read(json.pointer("/info/description")),
            operations,
            schemas,
        }
    }
}

impl Operation {
    fn read(path: &str, method: &str, json: &Value) -> Self {
        let parameters = items(json.get("parameters"))
            .map(|parameter| Property {
                name: text(parameter.get("name")),
                place: text(parameter.get("in")),
                kind: Type::read(parameter.get("schema")),
                required: parameter.get("required").and_then(Value::as_bool).unwrap_or(false),
                description: Prose::read(parameter.get("description")),
            })
            .collect();
        let bodies = entries(json.pointer("/requestBody/content"))
            .map(|(media_type, content)| Body {
                media_type: media_type.clone(),
                schema: Type::read(content.get("schema")),
            })
            .collect();
        let responses = entries(json.get("responses"))
            .map(|(status, response)| Response {
                status: status.clone(),
                description: Prose::read(response.get("description")),
                schema: entries(response.get("content"))
                    .next()
                    .map(|(_, content)| Type::read(content.get("schema"))),
            })
            .collect();
        let slug = path.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Self {
            anchor: format!("{method}{slug}"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            tag: items(json.get("tags"))
                .map(|tag| text(Some(tag)))
                .next()
                .unwrap_or_default(),
            summary: Prose::read(json.get("summary")),
            description: Prose::read(json.get("description")),
            parameters,
            bodies,
            responses,
        }
    }
}

impl Schema {
    fn read(name: &str, json: &Value) -> Self {
        let required: Vec<&str> = items(json.get("required")).filter_map(Value::as_str).collect();
        let properties = entries(json.get("properties"))
            .map(|(name, property)| Property {
                name: name.clone(),
                place: String::new(),
                kind: Type::read(Some(property)),
                required: required.contains(&name.as_str()),
                description: Prose::read(property.get("description")),
            })
            .collect();
        Self {
            name: name.to_owned(),
            description: Prose::read(json.get("description")),
            properties,
            kind: Type::read(Some(json)),
        }
    }
}

impl Prose {
    fn read(value: Option<&Value>) -> Self {
        let text = text(value);
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((words, after)) = rest.split_once('`')
            && let Some((code, after)) = after.split_once('`')
        {
            pieces.push(Piece::Words(words.to_owned()));
            pieces.push(Piece::Code(code.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Words(String::new()));
        Self(pieces)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Type {
    fn read(schema: Option<&Value>) -> Self {
        let Some(schema) = schema else {
            return Self::default();
        };
        if let Some(name) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.rsplit('/').next())
        {
            return Self {
                text: name.to_owned(),
                link: Some(format!("schema-{name}")),
            };
        }
        let alternatives: Vec<&Value> = ["oneOf", "anyOf", "allOf"]
            .iter()
            .flat_map(|key| items(schema.get(*key)))
            .collect();
        if !alternatives.is_empty() {
            let kinds: Vec<Self> = alternatives.into_iter().map(|each| Self::read(Some(each))).collect();
            let link = kinds.iter().find_map(|kind| kind.link.clone());
            let mut words: Vec<String> = kinds.into_iter().map(|kind| kind.text).collect();
            words.dedup();
            return Self {
                text: words.join(" | "),
                link,
            };
        }
        let values: Vec<String> = items(schema.get("enum")).map(|value| text(Some(value))).collect();
        if !values.is_empty() {
            return Self {
                text: values.join(" | "),
                link: None,
            };
        }
        let of_items = Self::read(schema.get("items"));
        let mut kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds
                .iter()
                .map(|kind| text(Some(kind)))
                .collect::<Vec<_>>()
                .join(" | "),
            kind => text(kind),
        };
        if let Some(format) = schema.get("format").and_then(Value::as_str) {
            kind = format!("{kind} ({format})");
        }
        if !of_items.text.is_empty() {
            kind = format!("{kind}: {}", of_items.text);
        }
        Self {
            text: kind,
            link: of_items.link,
        }
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let read = |text: &str| Prose::read(Some(&json!(text))).0;
        let (words, code) = (|t: &str| Piece::Words(t.into()), |t: &str| Piece::Code(t.into()));
        assert_eq!(
            read("`a`, `b` or c"),
            [code("a"), words(", "), code("b"), words(" or c")]
        );
        assert_eq!(read("one ` alone"), [words("one ` alone")]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn an_operation_shows_its_parameters_bodies_and_answers() {
        let document = Document::read(&json!({
            "info": {"title": "T"},
            "paths": {"/v1/a/{id}": {"post": {
                "summary": "S",
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
                "responses": {"404": {"description": "None"}}
            }}},
            "components": {"schemas": {"A": {
                "type": "object",
                "required": ["x"],
                "properties": {"x": {"type": ["integer", "null"], "format": "int64"}, "y": {"type": "array", "items": {"$ref": "#/B"}}}
            }}}
        }));
        let operation = &document.operations[0];
        assert_eq!(
            (operation.anchor.as_str(), operation.method.as_str()),
            ("post-v1-a--id-", "POST")
        );
        assert!(operation.parameters[0].required && operation.parameters[0].place == "path");
        assert_eq!(operation.bodies[0].schema.link.as_deref(), Some("schema-A"));
        assert_eq!(operation.responses[0].status, "404");
        let properties = &document.schemas[0].properties;
        assert_eq!(properties[0].kind.text, "integer | null (int64)");
        assert!(properties[0].required && !properties[1].required);
        assert_eq!(properties[1].kind.text, "array: B");
    }
}
