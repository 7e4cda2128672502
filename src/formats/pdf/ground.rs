//! Two pictures of one form field compared: do they differ in the colour of their ground alone?

use super::{
    ReadError, View,
    content::{Area, each, number, rectangle},
    object::Object,
    work::Work,
};

/// The most operations of two drawings that are compared.
const MAX_COMPARED_OPERATIONS: usize = 5_000;

/// The least difference in brightness between text and its ground, of 1.
const READABLE: f64 = 0.4;

/// The least part of a drawing's space that its ground takes.
const GROUND: f64 = 0.5;

/// Whether two form XObjects draw the same in their space but for the colour of the ground before their text, and the text
/// stays readable on this and on `ground`, the operands of a colour. A ground is one rectangle over most of the space:
/// smaller ones, and other shapes, could be drawn to be read once their colour shows.
pub fn differ_in_ground_alone(
    view: View<'_, '_>,
    (old, new): (&[u8], &[u8]),
    (space, ground): (&Area, Option<&[Object]>),
) -> Result<bool, ReadError> {
    let work = view.document().work();
    let (Some(old), Some(new)) = (operations(old, work)?, operations(new, work)?) else {
        return Ok(false);
    };
    if old.len() != new.len() {
        return Ok(false);
    }
    let mut grounds: Vec<Option<f64>> = ground.map(brightness).into_iter().collect();
    let (mut fill, mut fills, mut texts) = (Some(0.0), Vec::new(), Vec::new());
    let (mut in_text, mut is_other, mut is_moved) = (false, false, false);
    let mut path = Vec::new();
    for ((operator, before), (other, after)) in old.iter().zip(&new) {
        let is_same = before == after;
        match operator.as_slice() {
            _ if operator != other => return Ok(false),
            b"g" | b"rg" | b"k" => {
                fill = brightness(after);
                if !is_same && in_text {
                    return Ok(false);
                }
                if !is_same {
                    grounds.push(fill);
                }
                is_other = !is_same;
            }
            _ if !is_same => return Ok(false),
            b"BT" => in_text = true,
            b"Tj" | b"TJ" | b"'" | b"\"" => texts.push(fill),
            b"q" => fills.push((fill, is_other)),
            b"Q" => (fill, is_other) = fills.pop().unwrap_or((None, true)),
            b"cm" | b"W" | b"W*" => is_moved = true,
            b"re" => path.push(rectangle(after)),
            b"m" | b"l" | b"c" | b"v" | b"y" => path.push(None),
            b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => {
                let is_ground = match path.as_slice() {
                    [Some(only)] => !is_moved && space.part_in(only) >= GROUND,
                    _ => false,
                };
                if is_other && !is_ground {
                    return Ok(false);
                }
                path.clear();
            }
            b"S" | b"s" | b"n" => path.clear(),
            // Colours of other kinds, and what is drawn elsewhere.
            b"cs" | b"sc" | b"scn" | b"gs" | b"sh" | b"Do" | b"BI" => return Ok(false),
            _ => {}
        }
    }
    let readable = |text: &Option<f64>, ground: &Option<f64>| {
        let pair = text.zip(*ground);
        pair.is_some_and(|(text, ground)| (text - ground).abs() >= READABLE)
    };
    Ok(texts
        .iter()
        .all(|text| grounds.iter().all(|ground| readable(text, ground))))
}

type Operation = (Vec<u8>, Vec<Object>);

/// The operations of a content stream; none where they are too many to be compared.
fn operations(content: &[u8], work: &Work) -> Result<Option<Vec<Operation>>, ReadError> {
    let mut found = Vec::new();
    let mut all = true;
    each(content, work, |operator, operands| {
        all = found.len() < MAX_COMPARED_OPERATIONS;
        if all {
            found.push((operator.to_vec(), operands.to_vec()));
        }
        Ok(())
    })?;
    Ok(all.then_some(found))
}

/// How bright a colour is, from 0 to 1, by its operands in gray, RGB or CMYK.
fn brightness(operands: &[Object]) -> Option<f64> {
    // What lies outside is drawn as the nearest that does not (ISO 32000-2 8.6.4).
    let parts: Option<Vec<f64>> = operands
        .iter()
        .map(|part| number(part).map(|part| part.clamp(0.0, 1.0)))
        .collect();
    let of = |red: f64, green: f64, blue: f64| 0.3 * red + 0.59 * green + 0.11 * blue;
    match parts?.as_slice() {
        [gray] => Some(*gray),
        [red, green, blue] => Some(of(*red, *green, *blue)),
        [cyan, magenta, yellow, black] => Some((1.0 - of(*cyan, *magenta, *yellow) - black).max(0.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_no_brighter_than_white() {
        let real = |text: &str| Object::Real(text.as_bytes().to_vec());
        let white = Some(1.0);
        assert_eq!(brightness(&[Object::Integer(5)]), white);
        assert_eq!(brightness(&[Object::Integer(-5)]), Some(0.0));
        for colour in [vec![real("9.5"); 3], vec![real("-2.5"); 4]] {
            assert!(brightness(&colour).is_some_and(|bright| (bright - 1.0).abs() < 1e-9));
        }
    }
}
