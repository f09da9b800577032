//! Reading a caller's JSON, with the path of every member that occurs twice in its object.
//!
//! `serde_json` alone keeps the last of two members with one name, and other readers keep the first, so a caller cannot
//! know which value counted. Every JSON document of a caller is read here: request bodies, and parameter sets wherever
//! they come from.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The fault of a member that occurs more than once, as a sentence.
pub const REPEATED: &str = "This member occurs more than once; send it once.";

/// The most repeated members that are reported.
const MAX_REPEATED: usize = 50;
/// The most characters of a member's name in a path.
const MAX_NAME_CHARS: usize = 64;

/// A JSON document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its value. Of repeated members it has the last.
    pub value: Value,
    /// The paths of the repeated members, each once and at most 50: `mode`, `params.canvas.width`, `list[2].x`.
    pub repeated: Vec<String>,
}

impl Document {
    /// Reads a document of at most 127 levels.
    ///
    /// # Errors
    /// If the text is not JSON. Repeated members are no error here.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut place = Place::default();
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = reader.deserialize_any(ValueReader(&mut place))?;
        reader.end()?;
        Ok(Self { value, repeated: place.repeated })
    }
}

/// A value that was not read from text, so nothing in it is repeated.
impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self { value, repeated: Vec::new() }
    }
}

/// Where the reader is, and the repeated members so far.
#[derive(Default)]
struct Place {
    path: String,
    repeated: Vec<String>,
}

impl Place {
    /// Adds a member's name to the path. Returns the length to go back to.
    fn enter(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.extend(name.chars().take(MAX_NAME_CHARS));
        length
    }

    /// Adds an index to the path. Returns the length to go back to.
    fn enter_index(&mut self, index: usize) -> usize {
        let length = self.path.len();
        // Writing to a text cannot fail.
        let _ = write!(self.path, "[{index}]");
        length
    }

    fn report(&mut self) {
        if self.repeated.len() < MAX_REPEATED && !self.repeated.contains(&self.path) {
            self.repeated.push(self.path.clone());
        }
    }
}

/// Reads a value. Levels are limited by `serde_json`.
struct ValueReader<'a>(&'a mut Place);

impl<'de> DeserializeSeed<'de> for ValueReader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueReader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Self(place) = self;
        let mut values = Vec::new();
        loop {
            let length = place.enter_index(values.len());
            let value = list.next_element_seed(ValueReader(place))?;
            place.path.truncate(length);
            match value {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let Self(place) = self;
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let length = place.enter(&name);
            if members.contains_key(&name) {
                place.report();
            }
            let value = object.next_value_seed(ValueReader(place))?;
            place.path.truncate(length);
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn repeated(text: &str) -> Vec<String> {
        Document::parse(text.as_bytes()).expect(text).repeated
    }

    #[test]
    fn reports_repeated_members_by_path() {
        let cases: [(&str, &[&str]); 8] = [
            (r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#, &[]),
            (r#"{"a":1,"a":1}"#, &["a"]),
            (r#"{"a":null,"\u0061":1,"a":2}"#, &["a"]),
            (r#"{"a":{"b":{"c":1,"d":2,"c":1}}}"#, &["a.b.c"]),
            (r#"{"a":[0,{"b":1,"b":1},[{"c":1,"c":1}]]}"#, &["a[1].b", "a[2][0].c"]),
            (r#"{"a":{"x":1,"x":1},"a":{"x":1,"x":1}}"#, &["a.x", "a"]),
            (r#"[{"a":1,"a":1}]"#, &["[0].a"]),
            (r#"{"":1,"":1}"#, &[""]),
        ];
        for (text, paths) in cases {
            assert_eq!(repeated(text), paths, "{text}");
        }
        let last = Document::parse(br#"{"a":1,"a":{"b":2}}"#).expect("JSON");
        assert_eq!(last.value, json!({ "a": {"b": 2} }));
    }

    #[test]
    fn reports_a_bounded_number_of_short_paths() {
        let many: Vec<_> = (0..60).map(|n| format!(r#""m{n}":1,"m{n}":2"#)).collect();
        assert_eq!(repeated(&format!("{{{}}}", many.join(","))).len(), MAX_REPEATED);
        let name = "é".repeat(1000);
        assert_eq!(repeated(&format!(r#"{{"{name}":1,"{name}":2}}"#)), ["é".repeat(MAX_NAME_CHARS)]);
    }

    #[test]
    fn rejects_what_is_not_json_and_what_is_too_deep() {
        for text in ["", "{", "{}}", "{} {}", "[1,]", "{\"a\" 1}", "1e999", "\"\\ud800\"", "nul"] {
            let error = Document::parse(text.as_bytes()).expect_err(text);
            let usual = serde_json::from_str::<Value>(text).expect_err(text);
            assert_eq!((error.line(), error.column()), (usual.line(), usual.column()), "{text}");
        }
        let nested = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(Document::parse(&nested(127)).is_ok());
        assert!(Document::parse(&nested(128)).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_every_value_as_serde_json_does(value in value()) {
            let text = value.to_string();
            let document = Document::parse(text.as_bytes()).expect("JSON");
            prop_assert_eq!(&document.value, &serde_json::from_str::<Value>(&text).expect("JSON"));
            prop_assert!(document.repeated.is_empty());
        }
    }
}
