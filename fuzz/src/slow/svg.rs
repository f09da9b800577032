//! Mutations of an SVG by its structure: elements, attributes, numbers.

use std::ops::Range;

/// Mutations at once, at most.
const MAX_MUTATIONS: usize = 4;

const START: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\"><path d=\"M9 9H90V90z\"/></svg>";

/// Numbers that are small, large or round.
const NUMBERS: [&str; 20] = [
    "0", "1", "2", "3", "10", "50", "100", "255", "1000", "5000", "1e4", "1e5", "1e6", "1e9", ".5", ".1", ".01",
    "1e-3", "1e-6", "-50",
];

/// Elements with everything that makes drawing them take time. `{n}` is a number.
const ELEMENTS: [&str; 24] = [
    "<path d=\"M{n} {n}L{n} {n}L{n} {n}\" fill=\"none\" stroke=\"red\" stroke-width=\"{n}\" stroke-dasharray=\"{n}\"/>",
    "<path d=\"M{n} {n}C{n} {n} {n} {n} {n} {n}\" stroke=\"red\" stroke-width=\"{n}\" stroke-linejoin=\"round\"/>",
    "<path d=\"M0 0A{n} {n} 0 1 1 {n} {n}z\"/>",
    "<path d=\"M0 0Q{n} {n} {n} {n}T{n} {n}\" stroke=\"url(#g)\" fill=\"url(#p)\"/>",
    "<rect width=\"{n}\" height=\"{n}\" rx=\"{n}\" fill=\"url(#g)\"/>",
    "<rect width=\"100%\" height=\"100%\" fill=\"url(#p)\"/>",
    "<circle r=\"{n}\" fill=\"url(#r)\" stroke=\"red\" stroke-dasharray=\"{n} {n}\"/>",
    "<line x2=\"{n}\" y2=\"{n}\" stroke=\"red\" stroke-width=\"{n}\" stroke-linecap=\"round\" stroke-dasharray=\"{n}\"/>",
    "<linearGradient id=\"g\"><stop offset=\".1\" stop-color=\"red\"/><stop offset=\".3\"/></linearGradient>",
    "<radialGradient id=\"r\" fx=\"{n}\" r=\"{n}\" spreadMethod=\"repeat\"><stop/><stop offset=\".5\" stop-color=\"red\"/><stop offset=\"1\"/></radialGradient>",
    "<pattern id=\"p\" width=\"{n}\" height=\"{n}\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate({n})\"><rect width=\"9\" height=\"9\"/></pattern>",
    "<mask id=\"m\"><rect width=\"{n}\" height=\"{n}\" fill=\"url(#g)\"/></mask>",
    "<clipPath id=\"c\"><circle r=\"{n}\"/><rect width=\"{n}\" height=\"{n}\" clip-path=\"url(#d)\"/></clipPath>",
    "<clipPath id=\"d\"><circle r=\"{n}\"/></clipPath>",
    "<marker id=\"k\" markerWidth=\"{n}\" markerHeight=\"{n}\"><circle r=\"{n}\"/></marker>",
    "<filter id=\"f\"><feGaussianBlur stdDeviation=\"{n}\"/></filter>",
    "<filter id=\"f\"><feTurbulence baseFrequency=\"{n}\" numOctaves=\"{n}\"/></filter>",
    "<filter id=\"f\"><feMorphology radius=\"{n}\"/><feTile/></filter>",
    "<filter id=\"f\"><feConvolveMatrix order=\"3\" kernelMatrix=\"1 2 3 4 5 6 7 8 9\"/><feDropShadow stdDeviation=\"{n}\"/></filter>",
    "<filter id=\"f\" x=\"0\" y=\"0\" width=\"1\" height=\"1\"><feDiffuseLighting><fePointLight z=\"{n}\"/></feDiffuseLighting><feMerge><feMergeNode in=\"SourceGraphic\"/><feMergeNode/></feMerge></filter>",
    "<filter id=\"f\"><feImage href=\"#u\"/><feDisplacementMap in=\"SourceGraphic\" in2=\"SourceGraphic\" scale=\"{n}\"/></filter>",
    "<g id=\"u\"><rect width=\"{n}\" height=\"{n}\"/></g>",
    "<use href=\"#u\" x=\"{n}\"/>",
    "<text font-size=\"{n}\">x</text>",
];

/// Attributes for any element.
const ATTRIBUTES: [&str; 22] = [
    "transform=\"scale({n})\"",
    "transform=\"rotate({n})translate({n} {n})\"",
    "transform=\"skewX({n})\"",
    "opacity=\".5\"",
    "fill-opacity=\".5\"",
    "style=\"mix-blend-mode:hue\"",
    "style=\"isolation:isolate\"",
    "filter=\"url(#f)\"",
    "mask=\"url(#m)\"",
    "clip-path=\"url(#c)\"",
    "fill=\"url(#g)\"",
    "fill=\"url(#r)\"",
    "fill=\"url(#p)\"",
    "stroke=\"url(#p)\"",
    "stroke=\"red\"",
    "stroke-width=\"{n}\"",
    "stroke-dasharray=\"{n} {n}\"",
    "stroke-linecap=\"round\"",
    "stroke-miterlimit=\"{n}\"",
    "marker-mid=\"url(#k)\"",
    "fill-rule=\"evenodd\"",
    "shape-rendering=\"crispEdges\"",
];

/// A generator of random numbers, by xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn choose<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn number(&mut self) -> String {
        match self.below(3) {
            0 => self.below(120).to_string(),
            1 => format!("{:.4}", self.below(1_000_000) as f64 / 1000.0),
            _ => self.choose(&NUMBERS).to_owned(),
        }
    }

    /// A template with its numbers filled in.
    fn fill_in(&mut self, template: &str) -> String {
        let mut parts = template.split("{n}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str(&self.number());
            text.push_str(part);
        }
        text
    }
}

/// Mutates the first `size` bytes of `data`, and returns the new size.
pub(super) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = match std::str::from_utf8(&data[..size]) {
        Ok(text) if text.contains("</svg>") => text.to_owned(),
        _ => START.to_owned(),
    };
    for _ in 0..=random.below(MAX_MUTATIONS) {
        let before = text.len();
        text = mutated(&text, &mut random);
        if text.len() > max_size && text.len() > before {
            return size.min(max_size);
        }
    }
    let length = text.len().min(max_size).min(data.len());
    data[..length].copy_from_slice(&text.as_bytes()[..length]);
    length
}

fn mutated(text: &str, random: &mut Random) -> String {
    match random.below(8) {
        0 | 1 => {
            let element = random.choose(&ELEMENTS);
            let element = random.fill_in(element);
            let at = elements(text).get(random.below(8)).map_or(text.rfind("</svg>").unwrap_or(0), |tag| tag.start);
            // Never before the root element.
            if at == 0 { text.to_owned() } else { replaced(text, at..at, &element) }
        }
        2 | 3 => {
            let Some(number) = pick(numbers(text), random) else { return text.to_owned() };
            let new = random.number();
            replaced(text, number, &new)
        }
        4 => {
            let Some(tag) = pick(elements(text), random) else { return text.to_owned() };
            let attribute = random.choose(&ATTRIBUTES);
            let attribute = random.fill_in(attribute);
            let name_end = text[tag.clone()].find([' ', '/', '>']).map_or(tag.end, |at| tag.start + at);
            replaced(text, name_end..name_end, &format!(" {attribute}"))
        }
        5 => {
            // Repeats an element that has no contents.
            let Some(tag) = pick(elements(text), random).filter(|tag| text[tag.clone()].ends_with("/>")) else {
                return text.to_owned();
            };
            let copies = text[tag.clone()].repeat(1 + random.below(20));
            replaced(text, tag.end..tag.end, &copies)
        }
        6 => {
            // Repeats a part of path data.
            let Some(data) = pick(path_data(text), random) else { return text.to_owned() };
            let (start, length) = (random.below(data.len()), 1 + random.below(24));
            let part = text.get(data.start + start..(data.start + start + length).min(data.end)).unwrap_or_default();
            replaced(text, data.end..data.end, &part.repeat(1 + random.below(40)))
        }
        _ => {
            // Puts an element that has no contents into a group.
            let Some(tag) = pick(elements(text), random).filter(|tag| text[tag.clone()].ends_with("/>")) else {
                return text.to_owned();
            };
            let attribute = random.choose(&ATTRIBUTES);
            let attribute = random.fill_in(attribute);
            replaced(text, tag.clone(), &format!("<g {attribute}>{}</g>", &text[tag]))
        }
    }
}

fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

fn pick(mut choices: Vec<Range<usize>>, random: &mut Random) -> Option<Range<usize>> {
    (!choices.is_empty()).then(|| choices.swap_remove(random.below(choices.len())))
}

/// The tags that begin an element within the root.
fn elements(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices('<').map(|(at, _)| at);
    let is_element = |at: &usize| {
        let rest = &text[*at..];
        rest[1..].starts_with(|first: char| first.is_ascii_alphabetic()) && !rest.starts_with("<svg")
    };
    starts.filter(is_element).filter_map(|at| Some(at..at + text[at..].find('>')? + 1)).collect()
}

/// The numbers in attributes.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = text.find("<svg").map_or(0, |at| at + 4);
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|byte| !is_part(*byte)).map_or(bytes.len(), |length| at + length);
        if end > at {
            found.push(at..end);
        }
        at = end + 1;
    }
    found
}

fn path_data(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices(" d=\"").map(|(at, start)| at + start.len());
    starts.filter_map(|at| Some(at..at + text[at..].find('"')?)).filter(|data| !data.is_empty()).collect()
}
