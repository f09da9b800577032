//! The part of CloudWatch's metric math that the alarms use, evaluated for one period.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

use std::collections::{BTreeMap, VecDeque};

/// The expressions and the metrics of an alarm, by id. A metric without data in the period has no sum.
pub(crate) struct Period<'a> {
    pub(crate) expressions: BTreeMap<String, String>,
    pub(crate) sums: BTreeMap<&'a str, f64>,
}

impl Period<'_> {
    /// The value of an expression or a metric; `None` for a metric without data.
    pub(crate) fn value(&self, id: &str) -> Option<f64> {
        let Some(expression) = self.expressions.get(id) else { return self.sums.get(id).copied() };
        let mut parser = Parser { period: self, tokens: tokens(expression) };
        let value = parser.disjunction();
        assert!(parser.tokens.is_empty(), "{expression}: {:?} follow", parser.tokens);
        Some(value)
    }
}

/// Names, numbers and operators.
fn tokens(expression: &str) -> VecDeque<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut tokens: VecDeque<String> = VecDeque::new();
    let mut last = ' ';
    for c in expression.chars() {
        let continues = (is_word(last) && is_word(c)) || (matches!(last, '>' | '=') && c == '=');
        match tokens.back_mut() {
            Some(token) if continues => token.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push_back(c.to_string()),
        }
        last = c;
    }
    tokens
}

/// Evaluates while it reads. A method for each precedence, the weakest first.
struct Parser<'a> {
    period: &'a Period<'a>,
    tokens: VecDeque<String>,
}

impl Parser<'_> {
    fn take(&mut self) -> String {
        self.tokens.pop_front().expect("the expression goes on")
    }

    fn accept(&mut self, token: &str) -> bool {
        let is_next = self.tokens.front().is_some_and(|next| next == token);
        if is_next {
            self.tokens.pop_front();
        }
        is_next
    }

    fn expect(&mut self, token: &str) {
        assert!(self.accept(token), "{token} is missing before {:?}", self.tokens);
    }

    fn disjunction(&mut self) -> f64 {
        let mut value = self.conjunction();
        while self.accept("OR") {
            let other = self.conjunction();
            value = number(value != 0.0 || other != 0.0);
        }
        value
    }

    fn conjunction(&mut self) -> f64 {
        let mut value = self.comparison();
        while self.accept("AND") {
            let other = self.comparison();
            value = number(value != 0.0 && other != 0.0);
        }
        value
    }

    fn comparison(&mut self) -> f64 {
        let value = self.sum();
        if self.accept(">=") {
            return number(value >= self.sum());
        }
        if self.accept("==") {
            return number(value == self.sum());
        }
        value
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.accept("+") {
                value += self.product();
            } else if self.accept("-") {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.operand();
        loop {
            if self.accept("*") {
                value *= self.operand();
            } else if self.accept("/") {
                value /= self.operand();
            } else {
                return value;
            }
        }
    }

    fn operand(&mut self) -> f64 {
        let token = self.take();
        match token.as_str() {
            "(" => {
                let value = self.disjunction();
                self.expect(")");
                value
            }
            "IF" => {
                self.expect("(");
                let condition = self.disjunction();
                self.expect(",");
                let then = self.disjunction();
                self.expect(",");
                let otherwise = self.disjunction();
                self.expect(")");
                if condition == 0.0 { otherwise } else { then }
            }
            "FILL" => {
                self.expect("(");
                let id = self.take();
                self.expect(",");
                let filling = self.disjunction();
                self.expect(")");
                self.period.value(&id).unwrap_or(filling)
            }
            _ => match token.parse() {
                Ok(number) => number,
                Err(_) => self.period.value(&token).unwrap_or_else(|| panic!("{token} has no data and is not filled")),
            },
        }
    }
}

/// The result of a comparison.
fn number(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[test]
fn operators_bind_as_in_cloudwatch() {
    let value = |expression: &str| {
        let expressions = BTreeMap::from([("e".to_owned(), expression.to_owned())]);
        Period { expressions, sums: BTreeMap::from([("a", 6.0), ("b", 2.0)]) }.value("e")
    };
    for (expression, expected) in [
        ("a - b - 1", 3.0),
        ("a + 3 * b / 4", 7.5),
        ("(a + 3) * b", 18.0),
        ("a >= 6 AND b == 2", 1.0),
        ("a == 5 OR b >= 3", 0.0),
        ("FILL(a, 0) + FILL(c, 10)", 16.0),
        ("IF((a >= 7) OR (b == 2), 100 * b / a, 0) - 100 / 3", 0.0),
        ("IF(FILL(c, 0) >= 1, 1 / FILL(c, 0), a)", 6.0),
    ] {
        assert_eq!(value(expression), Some(expected), "{expression}");
    }
}
