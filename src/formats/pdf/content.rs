//! Content streams (ISO 32000-2 7.8.2), as far as one must know where something is drawn and which text is shown.
//!
//! Places are an estimate that rather takes too much: clipping is not followed, and glyphs are as wide as most.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::{
    ReadError, View,
    document::Indirect,
    fonts::Codes,
    lexer::{Lexer, is_whitespace},
    object::{Dictionary, Object, Reference},
    work::Work,
};

/// The deepest that drawings may hold drawings.
const MAX_FORMS_DEPTH: usize = 6;

/// The most operands of one operator.
const MAX_OPERANDS: usize = 2_000;

/// The deepest that graphics states are kept.
const MAX_STATES: usize = 64;

/// The most places of one page that are kept; beyond, all of it counts as drawn upon.
const MAX_AREAS: usize = 20_000;

/// How wide a glyph is taken to be, in parts of its height: of a font of one byte a glyph, and of two.
const GLYPH_WIDTH: [f64; 2] = [0.6, 1.0];

/// Left, bottom, right, top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area(pub [f64; 4]);

impl Area {
    /// A rectangle (ISO 32000-2 7.9.5), whichever two of its corners are given.
    pub fn read(object: &Object) -> Option<Self> {
        let [a, b, c, d] = object.as_array()? else { return None };
        let (a, b, c, d) = (number(a)?, number(b)?, number(c)?, number(d)?);
        Some(Self([a.min(c), b.min(d), a.max(c), b.max(d)]))
    }

    fn around(points: &[(f64, f64)]) -> Self {
        let mut area = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        for (x, y) in points {
            area = [area[0].min(*x), area[1].min(*y), area[2].max(*x), area[3].max(*y)];
        }
        Self(area)
    }

    pub fn meets(&self, other: &Self) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        a < g && e < c && b < h && f < d
    }

    /// How much of it lies in another, of 1.
    pub(super) fn part_in(&self, other: &Self) -> f64 {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a.max(e), b.max(f), c.min(g), d.min(h)]).size() / self.size()
    }

    fn size(&self) -> f64 {
        let [left, bottom, right, top] = self.0;
        (right - left).max(0.0) * (top - bottom).max(0.0)
    }
}

/// A number, of either kind.
pub fn number(object: &Object) -> Option<f64> {
    match object {
        // Places on a page are far from where this loses anything.
        #[allow(clippy::cast_precision_loss)]
        Object::Integer(value) => Some(*value as f64),
        Object::Real(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// The operands of `re`.
pub(super) fn rectangle(operands: &[Object]) -> Option<Area> {
    let numbers: Option<Vec<f64>> = operands.iter().map(number).collect();
    let [x, y, w, h]: [f64; 4] = numbers?.try_into().ok()?;
    Some(Area([x.min(x + w), y.min(y + h), x.max(x + w), y.max(y + h)]))
}

/// Reads a content stream, operator by operator.
pub(super) fn each(
    data: &[u8],
    work: &Work,
    mut take: impl FnMut(&[u8], &[Object]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut lexer = Lexer::new(data, 0);
    let mut operands = Vec::new();
    let mut entered = 0;
    loop {
        lexer.skip_space();
        work.spend(lexer.position().saturating_sub(entered))?;
        entered = lexer.position();
        match lexer.peek() {
            None => return Ok(()),
            Some(b'/' | b'(' | b'<' | b'[' | b'0'..=b'9' | b'+' | b'-' | b'.') => {
                if operands.len() >= MAX_OPERANDS {
                    return Err(ReadError::Limit("MAX_OPERANDS"));
                }
                operands.push(work.object(&mut lexer)?);
            }
            Some(_) => {
                let word = lexer.word();
                match word {
                    b"true" | b"false" | b"null" => operands.push(Object::Null),
                    b"" => return Err(ReadError::Stream),
                    b"BI" => {
                        step_over_image(&mut lexer)?;
                        take(b"BI", &[])?;
                        operands.clear();
                    }
                    word => {
                        take(word, &operands)?;
                        operands.clear();
                    }
                }
            }
        }
    }
}

/// An image that stands in the content itself (ISO 32000-2 8.9.7).
fn step_over_image(lexer: &mut Lexer<'_>) -> Result<(), ReadError> {
    let rest = lexer.rest();
    let mut at = memchr::memmem::find(rest, b"ID").ok_or(ReadError::Stream)? + 2;
    loop {
        let tail = rest.get(at..).ok_or(ReadError::Stream)?;
        let found = at + memchr::memmem::find(tail, b"EI").ok_or(ReadError::Stream)?;
        let before = found.checked_sub(1).and_then(|at| rest.get(at)).copied();
        let after = rest.get(found + 2).copied();
        if before.is_some_and(is_whitespace) && after.is_none_or(is_whitespace) {
            lexer.advance_to(lexer.position() + found + 2);
            return Ok(());
        }
        at = found + 2;
    }
}

type Matrix = [f64; 6];

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First `one`, then `other`.
fn multiply(one: &Matrix, other: &Matrix) -> Matrix {
    let [a, b, c, d, e, f] = *one;
    let [g, h, i, j, k, l] = *other;
    [
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + l,
    ]
}

fn apply(matrix: &Matrix, (x, y): (f64, f64)) -> (f64, f64) {
    let [a, b, c, d, e, f] = *matrix;
    (a * x + c * y + e, b * x + d * y + f)
}

fn matrix(operands: &[Object]) -> Option<Matrix> {
    let numbers: Option<Vec<f64>> = operands.iter().map(number).collect();
    numbers?.try_into().ok()
}

#[derive(Clone)]
struct State {
    to_page: Matrix,
    text_size: f64,
    wide: bool,
}

/// Where a page is drawn upon, its annotations apart.
pub fn drawn(view: View<'_, '_>, page: &Dictionary) -> Result<Vec<Area>, ReadError> {
    let mut drawing = Drawing {
        view,
        areas: Vec::new(),
        page: inherited(view, page, b"MediaBox")?.as_ref().and_then(Area::read),
    };
    let resources = inherited(view, page, b"Resources")?;
    let resources = resources
        .as_ref()
        .and_then(Object::as_dictionary)
        .cloned()
        .unwrap_or_default();
    // The parts of a page's content are one stream, cut between tokens (ISO 32000-2 7.8.2).
    let mut content = Vec::new();
    let parts = match page.get(b"Contents") {
        Some(Object::Reference(reference)) => match view.object(*reference)? {
            Indirect {
                value: Object::Array(items),
                ..
            } => items,
            _ => vec![Object::Reference(*reference)],
        },
        Some(Object::Array(items)) => items.clone(),
        _ => Vec::new(),
    };
    for part in parts {
        let reference = part.as_reference().ok_or(ReadError::Stream)?;
        content.extend(view.decoded(&view.object(reference)?)?);
        content.push(b'\n');
    }
    drawing.run(&content, &resources, IDENTITY, 0)?;
    Ok(drawing.areas)
}

/// What a page has, or inherits from the nodes above it (ISO 32000-2 7.7.3.4).
fn inherited(view: View<'_, '_>, page: &Dictionary, key: &[u8]) -> Result<Option<Object>, ReadError> {
    let mut node = page.clone();
    for _ in 0..MAX_STATES {
        if let Some(value) = node.get(key) {
            return view.resolve(value).map(Some);
        }
        match view.dictionary(&node, b"Parent")? {
            Some(parent) => node = parent,
            None => break,
        }
    }
    Ok(None)
}

struct Drawing<'d, 'a> {
    view: View<'d, 'a>,
    areas: Vec<Area>,
    page: Option<Area>,
}

impl Drawing<'_, '_> {
    fn add(&mut self, area: Area, is_fill: bool) {
        // A ground that all else stands on hides nothing that lies over it.
        if is_fill && self.page.is_some_and(|page| area.size() >= 0.9 * page.size()) {
            return;
        }
        if self.areas.len() < MAX_AREAS {
            self.areas.push(area);
        } else {
            self.areas.truncate(1);
            self.areas.push(Area([f64::MIN, f64::MIN, f64::MAX, f64::MAX]));
        }
    }

    fn run(&mut self, content: &[u8], resources: &Dictionary, start: Matrix, depth: usize) -> Result<(), ReadError> {
        let view = self.view;
        let mut state = State {
            to_page: start,
            text_size: 0.0,
            wide: false,
        };
        let mut states = Vec::new();
        let (mut line, mut text) = (IDENTITY, IDENTITY);
        let mut leading = 0.0;
        // Each part of the path by itself, as points on the page.
        let mut path: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut forms: Vec<(Vec<u8>, Dictionary, Matrix)> = Vec::new();
        each(content, view.document().work(), |operator, operands| {
            let numbers: Vec<f64> = operands.iter().filter_map(number).collect();
            match (operator, numbers.as_slice()) {
                (b"q", _) if states.len() < MAX_STATES => states.push(state.clone()),
                (b"q", _) => return Err(ReadError::Limit("MAX_STATES")),
                (b"Q", _) => state = states.pop().unwrap_or_else(|| state.clone()),
                (b"cm", _) => {
                    if let Some(matrix) = matrix(operands) {
                        state.to_page = multiply(&matrix, &state.to_page);
                    }
                }
                (b"m", [x, y]) => path.push(vec![apply(&state.to_page, (*x, *y))]),
                (b"l", [x, y]) => {
                    let point = apply(&state.to_page, (*x, *y));
                    let last = path.last().and_then(|part| part.last()).copied().unwrap_or(point);
                    path.push(vec![last, point]);
                }
                (b"c" | b"v" | b"y", points) => {
                    let last = path.last().and_then(|part| part.last()).copied();
                    let pairs = points.chunks_exact(2).filter_map(|pair| match pair {
                        [x, y] => Some(apply(&state.to_page, (*x, *y))),
                        _ => None,
                    });
                    path.push(last.into_iter().chain(pairs).collect());
                }
                (b"re", [x, y, w, h]) => {
                    let corners = [(*x, *y), (x + w, *y), (x + w, y + h), (*x, y + h), (*x, *y)];
                    let corners = corners.map(|corner| apply(&state.to_page, corner));
                    path.extend(corners.windows(2).map(<[_]>::to_vec));
                }
                (b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*", _) => {
                    let points: Vec<_> = path.drain(..).flatten().collect();
                    if !points.is_empty() {
                        self.add(Area::around(&points), true);
                    }
                }
                (b"S" | b"s", _) => {
                    for part in path.drain(..) {
                        let Area([left, bottom, right, top]) = Area::around(&part);
                        self.add(Area([left - 0.5, bottom - 0.5, right + 0.5, top + 0.5]), false);
                    }
                }
                (b"n", _) => path.clear(),
                (b"BT", _) => (line, text) = (IDENTITY, IDENTITY),
                (b"Tf", [size]) => {
                    state.text_size = *size;
                    state.wide = is_wide(view, resources, operands)?;
                }
                (b"TL", [value]) => leading = *value,
                (b"Tm", _) => {
                    if let Some(matrix) = matrix(operands) {
                        (line, text) = (matrix, matrix);
                    }
                }
                (b"Td" | b"TD", [x, y]) => {
                    if operator == b"TD" {
                        leading = -*y;
                    }
                    line = multiply(&[1.0, 0.0, 0.0, 1.0, *x, *y], &line);
                    text = line;
                }
                (b"T*", _) => {
                    line = multiply(&[1.0, 0.0, 0.0, 1.0, 0.0, -leading], &line);
                    text = line;
                }
                (b"Tj" | b"TJ" | b"'" | b"\"", _) => {
                    if matches!(operator, b"'" | b"\"") {
                        line = multiply(&[1.0, 0.0, 0.0, 1.0, 0.0, -leading], &line);
                        text = line;
                    }
                    let bytes = strings(operands).iter().map(|part| part.len()).sum::<usize>();
                    let glyphs = if state.wide { bytes / 2 } else { bytes };
                    let glyphs = f64::from(u32::try_from(glyphs).unwrap_or(u32::MAX));
                    let [narrow, wide] = GLYPH_WIDTH;
                    let width = glyphs * state.text_size * if state.wide { wide } else { narrow };
                    let to_page = multiply(&text, &state.to_page);
                    let (low, high) = (-0.25 * state.text_size, 0.9 * state.text_size);
                    let corners = [(0.0, low), (width, low), (width, high), (0.0, high)];
                    if glyphs > 0.0 {
                        self.add(Area::around(&corners.map(|corner| apply(&to_page, corner))), false);
                    }
                    text = multiply(&[1.0, 0.0, 0.0, 1.0, width, 0.0], &text);
                }
                (b"BI" | b"sh", _) => self.unit(&state.to_page),
                (b"Do", _) => {
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    let objects = view.dictionary(resources, b"XObject")?.unwrap_or_default();
                    let object = objects
                        .reference(name)
                        .map(|reference| view.object(reference))
                        .transpose()?;
                    let form = object.as_ref().and_then(|object| {
                        let dictionary = object.value.as_dictionary()?;
                        (dictionary.name(b"Subtype") == Some(b"Form")).then_some(dictionary)
                    });
                    match (form, &object) {
                        (Some(form), Some(object)) if depth < MAX_FORMS_DEPTH => {
                            let own = form.get(b"Matrix").and_then(Object::as_array).and_then(matrix);
                            let own = multiply(&own.unwrap_or(IDENTITY), &state.to_page);
                            let resources = view.dictionary(form, b"Resources")?;
                            forms.push((view.decoded(object)?, resources.unwrap_or_default(), own));
                        }
                        (None, None) => {}
                        _ => self.unit(&state.to_page),
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        for (content, resources, start) in forms {
            self.run(&content, &resources, start, depth + 1)?;
        }
        Ok(())
    }

    /// The unit square, on which images are drawn.
    fn unit(&mut self, to_page: &Matrix) {
        let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        self.add(Area::around(&corners.map(|corner| apply(to_page, corner))), false);
    }
}

fn strings(operands: &[Object]) -> Vec<&[u8]> {
    let parts = operands.iter().flat_map(|operand| match operand {
        Object::Array(items) => items.as_slice(),
        operand => std::slice::from_ref(operand),
    });
    parts.filter_map(Object::as_string).collect()
}

/// Whether the font that `Tf` names takes two bytes a glyph.
fn is_wide(view: View<'_, '_>, resources: &Dictionary, operands: &[Object]) -> Result<bool, ReadError> {
    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
    let fonts = view.dictionary(resources, b"Font")?.unwrap_or_default();
    let font = view.dictionary(&fonts, name)?.unwrap_or_default();
    Ok(font.name(b"Subtype") == Some(b"Type0"))
}

/// The fonts of one revision that were looked at. A form has many fields, and few fonts.
#[derive(Default)]
pub struct Fonts(RefCell<HashMap<Reference, Option<Rc<Codes>>>>);

/// The text that a form XObject shows; none where it shows anything that could not be read so: pictures, curves, text
/// that is not seen, something painted over text, a font that may draw anything. `is_signed` says of a font, as it stands
/// among the resources, whether it was signed.
pub fn plain_text(
    view: View<'_, '_>,
    form: &Indirect,
    (is_signed, fonts): (&dyn Fn(&Object) -> Result<bool, ReadError>, &Fonts),
) -> Result<Option<String>, ReadError> {
    let mut shown = Shown {
        view,
        is_signed,
        fonts,
        text: String::new(),
        readable: true,
    };
    shown.run(form, 0)?;
    Ok(shown.readable.then_some(shown.text))
}

struct Shown<'s, 'd, 'a> {
    view: View<'d, 'a>,
    is_signed: &'s dyn Fn(&Object) -> Result<bool, ReadError>,
    fonts: &'s Fonts,
    text: String,
    readable: bool,
}

impl Shown<'_, '_, '_> {
    fn run(&mut self, form: &Indirect, depth: usize) -> Result<(), ReadError> {
        let view = self.view;
        let Some(dictionary) = form.value.as_dictionary().filter(|_| depth <= MAX_FORMS_DEPTH) else {
            self.readable = false;
            return Ok(());
        };
        let resources = view.dictionary(dictionary, b"Resources")?.unwrap_or_default();
        let content = view.decoded(form)?;
        let mut forms = Vec::new();
        let (mut font, mut fonts) = (None, Vec::new());
        each(&content, view.document().work(), |operator, operands| {
            match operator {
                b"q" if fonts.len() < MAX_STATES => fonts.push(font.clone()),
                b"q" => return Err(ReadError::Limit("MAX_STATES")),
                b"Q" => font = fonts.pop().flatten(),
                b"Tf" => font = self.codes(&resources, operands)?,
                b"Tj" | b"TJ" | b"'" | b"\"" => {
                    for part in strings(operands) {
                        match font.as_ref().and_then(|font| font.letters(part)) {
                            Some(letters) => self.text.push_str(&letters),
                            None => self.readable &= part.is_empty(),
                        }
                    }
                }
                b"Tr" if operands.first().and_then(Object::as_integer) != Some(0) => self.readable = false,
                b"BI" | b"sh" | b"c" | b"v" | b"y" => self.readable = false,
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"S" | b"s" if !self.text.is_empty() => {
                    self.readable = false;
                }
                // A graphics state may bring a font.
                b"gs" => {
                    let state = resource(view, &resources, b"ExtGState", operands)?;
                    let state = state.map(|state| view.resolve(&state)).transpose()?;
                    let state = state.as_ref().and_then(Object::as_dictionary);
                    self.readable &= state.is_some_and(|state| state.get(b"Font").is_none());
                }
                b"Do" => {
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    let objects = view.dictionary(&resources, b"XObject")?.unwrap_or_default();
                    forms.extend(objects.reference(name));
                }
                _ => {}
            }
            Ok(())
        })?;
        for form in forms {
            let form = view.object(form)?;
            let is_form = form.value.as_dictionary().and_then(|form| form.name(b"Subtype")) == Some(b"Form");
            if is_form && self.readable {
                self.run(&form, depth + 1)?;
            } else {
                self.readable = false;
            }
        }
        Ok(())
    }

    /// What the codes of the font that `Tf` names stand for. One that is not there draws nothing of its own.
    fn codes(&self, resources: &Dictionary, operands: &[Object]) -> Result<Option<Rc<Codes>>, ReadError> {
        // A font of that name may stand among the page's resources, where readers look next.
        let Some(font) = resource(self.view, resources, b"Font", operands)? else {
            return Ok(None);
        };
        let reference = font.as_reference();
        if let Some(known) = reference.and_then(|reference| self.fonts.0.borrow().get(&reference).cloned()) {
            return Ok(known);
        }
        let codes = match self.view.resolve(&font)? {
            Object::Dictionary(dictionary) => Codes::of(self.view, &dictionary, (self.is_signed)(&font)?)?,
            _ => None,
        };
        let codes = codes.map(Rc::new);
        if let Some(reference) = reference {
            self.fonts.0.borrow_mut().insert(reference, codes.clone());
        }
        Ok(codes)
    }
}

/// The resource of a kind that an operator names first.
fn resource(
    view: View<'_, '_>,
    resources: &Dictionary,
    kind: &[u8],
    operands: &[Object],
) -> Result<Option<Object>, ReadError> {
    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
    let all = view.dictionary(resources, kind)?.unwrap_or_default();
    Ok(all.get(name).cloned())
}
