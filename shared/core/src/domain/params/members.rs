//! Reading the members of a JSON object while collecting every fault with its path.
//!
//! Serde stops at the first fault. Someone who writes a set by hand is better served by all of them at once, so objects
//! are read here and serde reads only the values.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::values::Expected;
use crate::domain::rendering::OutOfRange;

/// A fault of a parameter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamFault {
    /// The path of the value: `shadow_top.blur`, `variations[2]`. Empty for the document itself.
    pub path: String,
    /// What the value must be, as a sentence.
    pub message: String,
}

impl fmt::Display for ParamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// The document is not a valid parameter set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct InvalidParams(
    /// Its faults, at least one and at most `MAX_FAULTS`, in the order in which they were found.
    pub Vec<ParamFault>,
);

/// The most faults that are reported.
pub(super) const MAX_FAULTS: usize = 50;

/// The path of a value, and the faults so far.
pub(super) struct Cursor<'a> {
    path: String,
    faults: &'a mut Vec<ParamFault>,
}

impl<'a> Cursor<'a> {
    /// The document itself.
    pub(super) fn root(faults: &'a mut Vec<ParamFault>) -> Self {
        Self { path: String::new(), faults }
    }

    pub(super) fn fault(&mut self, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(ParamFault { path: self.path.clone(), message: message.into() });
        }
    }

    /// The value one step further: a member's name or an index in brackets.
    pub(super) fn inner(&mut self, step: &str) -> Cursor<'_> {
        let joint = if self.path.is_empty() || step.starts_with('[') { "" } else { "." };
        Cursor { path: format!("{}{joint}{step}", self.path), faults: self.faults }
    }

    /// Whether no fault was found anywhere.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether no fault was found at or below this path.
    pub(super) fn is_clean_here(&self) -> bool {
        self.faults.iter().all(|fault| !fault.path.starts_with(&self.path))
    }
}

/// An object's members that are still unread.
pub(super) struct Members<'a> {
    pub(super) cursor: Cursor<'a>,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// The members of an object. Any other value is a fault.
    pub(super) fn of(mut cursor: Cursor<'a>, value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self { cursor, members, known: Vec::new() }),
            _ => {
                cursor.fault("This value must be an object.");
                None
            }
        }
    }

    /// Takes a member out. Null counts as missing.
    pub(super) fn take(&mut self, name: &'static str) -> Option<(Cursor<'_>, Value)> {
        self.known.push(name);
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        Some((self.cursor.inner(name), value))
    }

    pub(super) fn object(&mut self, name: &'static str) -> Option<Members<'_>> {
        let (cursor, value) = self.take(name)?;
        Members::of(cursor, value)
    }

    /// A value that JSON holds as a string.
    pub(super) fn text<T: FromStr<Err = OutOfRange> + Expected>(&mut self, name: &'static str) -> Option<T> {
        let (cursor, value) = self.take(name)?;
        expected(cursor, value.as_str().and_then(|text| text.parse().ok()))
    }

    /// A value that JSON holds as a number.
    pub(super) fn number<T: TryFrom<f64, Error = OutOfRange> + Expected>(&mut self, name: &'static str) -> Option<T> {
        let (cursor, value) = self.take(name)?;
        expected(cursor, value.as_f64().and_then(|number| T::try_from(number).ok()))
    }

    pub(super) fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (mut cursor, value) = self.take(name)?;
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=4e9).contains(number));
        let whole = number.map(|number| number as u32).filter(|whole| range.contains(whole));
        if whole.is_none() {
            cursor.fault(format!("This value must be a whole number from {} to {}.", range.start(), range.end()));
        }
        whole
    }

    pub(super) fn switch(&mut self, name: &'static str) -> Option<bool> {
        let (mut cursor, value) = self.take(name)?;
        let read = value.as_bool();
        if read.is_none() {
            cursor.fault("This value must be true or false.");
        }
        read
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let (cursor, value) = self.take(name)?;
        choice(cursor, &value, choices)
    }

    /// Reports every member that is left: a misspelled name must not pass as a setting.
    pub(super) fn end(mut self) {
        let known = self.known.join(", ");
        for name in std::mem::take(&mut self.members).into_iter().map(|(name, _)| name) {
            let short: String = name.chars().take(64).collect();
            self.cursor.inner(&short).fault(format!("There is no such setting. Known here: {known}."));
        }
    }
}

/// The value, or a fault that says what it must be.
fn expected<T: Expected>(mut cursor: Cursor<'_>, value: Option<T>) -> Option<T> {
    if value.is_none() {
        cursor.fault(format!("This value must be {}.", T::EXPECTED));
    }
    value
}

/// The choice that a value names.
pub(super) fn choice<T: Copy>(mut cursor: Cursor<'_>, value: &Value, choices: &[(&'static str, T)]) -> Option<T> {
    let found = choices.iter().find(|(name, _)| value.as_str() == Some(name));
    if found.is_none() {
        let names = choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        cursor.fault(format!("This value must be one of: {names}."));
    }
    found.map(|(_, value)| *value)
}
