//! The plain page about the API, made from the document: every operation with its parameters, fields and answers.

use std::fmt::Write;

use serde_json::Value;

use super::operation::Operation;
use super::operations;
use super::values::SCHEMAS;

/// The page, as it is checked in.
pub(super) fn text(document: &Value) -> String {
    let mut page = Page { document, html: String::new() };
    let info = &document["info"];
    page.line(&format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0} API</title>\n<h1>{0} API</h1>",
        escaped(&info["title"])
    ));
    for paragraph in info["description"].as_str().unwrap_or_default().split("\n\n") {
        page.line(&format!("<p>{}</p>", marked(paragraph)));
    }
    page.line(
        "<p>The whole description, with every schema and example, is the \
         <a href=\"openapi.json\">OpenAPI document</a>: import it into an API browser or a client generator.</p>",
    );
    for operation in &operations::ALL {
        page.operation(operation);
    }
    page.html
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

impl Page<'_> {
    fn line(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    fn operation(&mut self, operation: &Operation) {
        let Operation { method, path, id, .. } = operation;
        let document = self.document;
        let described = &document["paths"][path][method];
        let method = method.to_uppercase();
        self.line(&format!("<h2 id=\"{id}\"><code>{method} {path}</code></h2>"));
        let description = described["description"].as_str().unwrap_or_default();
        self.line(&format!("<p>{}. {}</p>", escaped(&described["summary"]), marked(description)));
        let parameters = described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<_> = parameters.iter().map(|parameter| self.parameter_row(self.resolved(parameter))).collect();
        self.table(["parameter", "in", "meaning"], rows);
        let bodies = &described["requestBody"]["content"];
        for (media_type, body) in bodies.as_object().into_iter().flatten() {
            let schema = &body["schema"];
            let name = schema["$ref"].as_str().unwrap_or_default().trim_start_matches(SCHEMAS);
            self.line(&format!("<p>Body: <code>{media_type}</code> (<code>{name}</code>)</p>"));
            let properties = self.resolved(schema)["properties"].as_object();
            let row = |(name, field): (&String, &Value)| [code(name), self.type_of(field), marked(text_of(field))];
            let rows = properties.into_iter().flatten().map(row).collect();
            self.table(["field", "type", "meaning"], rows);
        }
        let responses = described["responses"].as_object();
        let row = |(status, response): (&String, &Value)| {
            let response = self.resolved(response);
            let schema = response["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
            [status.clone(), code(schema.trim_start_matches(SCHEMAS)), marked(text_of(response))]
        };
        let rows = responses.into_iter().flatten().map(row).collect();
        self.table(["status", "body", "meaning"], rows);
    }

    fn parameter_row(&self, parameter: &Value) -> [String; 3] {
        let name = code(parameter["name"].as_str().unwrap_or_default());
        let place = escaped(&parameter["in"]);
        [name, place, marked(text_of(parameter))]
    }

    fn table(&mut self, titles: [&str; 3], rows: Vec<[String; 3]>) {
        if rows.is_empty() {
            return;
        }
        let [first, second, third] = titles;
        self.line(&format!("<table>\n<tr><th>{first}<th>{second}<th>{third}"));
        for [first, second, third] in rows {
            self.line(&format!("<tr><td>{first}<td>{second}<td>{third}"));
        }
        self.line("</table>");
    }

    /// The value itself, or the component that it refers to.
    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    /// The type of a field, its choices and its range.
    fn type_of(&self, field: &Value) -> String {
        if let Some(any_of) = field["anyOf"].as_array() {
            return any_of.iter().map(|schema| self.type_of(schema)).collect::<Vec<_>>().join(" or ");
        }
        if let Some(reference) = field["$ref"].as_str() {
            return code(reference.trim_start_matches(SCHEMAS));
        }
        if let Some(choices) = field["enum"].as_array() {
            return choices.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>().join(", ");
        }
        let types = match &field["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            name => name.as_str().unwrap_or("any").to_owned(),
        };
        let mut text = types;
        if let (Some(min), Some(max)) = (field["minimum"].as_f64(), field["maximum"].as_f64()) {
            let _ = write!(text, ", {min} to {max}");
        }
        text
    }
}

fn text_of(value: &Value) -> &str {
    value["description"].as_str().unwrap_or_default()
}

fn escaped(text: &Value) -> String {
    escape(text.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", escape(text)) }
}

/// A text in which backquotes mark code.
fn marked(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces.map(|(index, piece)| if index % 2 == 1 { code(piece) } else { escape(piece) }).collect()
}
