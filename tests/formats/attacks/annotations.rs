//! Annotations that hide or replace what was signed: evil (EAA) and sneaky (SSA) on certified documents.

use super::{
    cases::{Case, Modified, case},
    scene::{
        APPEARANCE, COVER, COVER_FORM, FIRST_PAGE, FORM, NOTE, Permits, Stage, field, ranged, reference, seal_field,
        shown, signature,
    },
    writer::Writer,
};

const WHOLE_PAGE: &str = "/Rect [0 0 595 842] /F 4 /P 3 0 R";

fn with_annotation(w: &mut Writer, annotation: &str) {
    w.object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
        .object(40, annotation)
        .stream(41, COVER_FORM, COVER);
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = evil(stage);
    cases.extend(sneaky(stage));
    cases
}

fn evil(stage: &Stage) -> Vec<Case> {
    let class = "evil annotation";
    let codes: &[&str] = &[
        "annotation_added",
        "annotation_changed",
        "annotation_removed",
        "change_covers_content",
    ];
    let mut cases = Vec::new();
    for permits in [Permits::Nothing, Permits::Filling, Permits::Annotations] {
        // Where annotations are permitted, whether they hide anything cannot be told: nor that nothing changed.
        let headline = match permits {
            Permits::Annotations => Modified::NotUnchanged,
            _ => Modified::Yes,
        };
        for kind in ["FreeText", "Stamp", "Square", "Redact", "Ink", "Highlight", "Watermark"] {
            let pdf = stage.update(permits, |w| {
                let rest = "/QuadPoints [0 842 595 842 0 0 595 0] /InkList [[0 0 595 842]] /DA (/F1 12 Tf 0 g)";
                with_annotation(
                    w,
                    &format!("<< /Type /Annot /Subtype /{kind} {WHOLE_PAGE} {rest} /AP << /N 41 0 R >> >>"),
                );
            });
            cases.push(case(class, format!("{kind} over the page, {permits:?}"), pdf, codes).headline(headline));
        }
        let moved = stage.update(permits, |w| {
            w.object(12, &NOTE.replace("[300 600 400 620]", "[0 0 595 842]"))
                .stream(18, COVER_FORM, COVER);
        });
        let appearance = stage.update(permits, |w| {
            w.object(12, &NOTE.replace("[300 600 400 620]", "[60 690 400 730]"))
                .stream(
                    18,
                    APPEARANCE,
                    "1 g 0 0 200 20 re f 0 g BT /F1 12 Tf 2 5 Td (Pay 900 yuan) Tj ET",
                );
        });
        cases.push(
            case(
                class,
                format!("an annotation grown over the page, {permits:?}"),
                moved,
                codes,
            )
            .headline(headline),
        );
        cases.push(
            case(
                class,
                format!("an annotation moved over the sum, {permits:?}"),
                appearance,
                codes,
            )
            .headline(headline),
        );
    }
    for permits in [Permits::Nothing, Permits::Filling] {
        let removed = stage.update(permits, |w| {
            w.object(3, &FIRST_PAGE.replace(" 12 0 R]", "]")).free(12);
        });
        let hidden = stage.update(permits, |w| {
            w.object(12, &NOTE.replace("/F 4", "/F 2"));
        });
        let text = stage.update(permits, |w| {
            w.object(12, &NOTE.replace("(note)", "(nothing)"))
                .stream(18, APPEARANCE, &shown("nothing"));
        });
        cases.push(case(
            class,
            format!("an annotation removed, {permits:?}"),
            removed,
            codes,
        ));
        cases.push(case(class, format!("an annotation hidden, {permits:?}"), hidden, codes));
        cases.push(case(
            class,
            format!("an annotation says something else, {permits:?}"),
            text,
            codes,
        ));
    }
    cases
}

/// A signature of a stranger, or an empty field for one, whose picture covers the page.
fn sneaky(stage: &Stage) -> Vec<Case> {
    let class = "sneaky signature";
    let codes: &[&str] = &[
        "field_added",
        "field_changed",
        "signature_added",
        "appearance_swapped",
        "change_covers_content",
    ];
    let mut cases = Vec::new();
    for permits in [Permits::Nothing, Permits::Filling, Permits::Annotations] {
        let covering = |value: &str| {
            format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Sneaky) {WHOLE_PAGE} {value} /AP << /N 41 0 R >> >>")
        };
        let form = FORM.replace("11 0 R]", "11 0 R 40 0 R]");
        let empty = stage.update(permits, |w| {
            with_annotation(w, &covering(""));
            w.object(6, &form);
        });
        let signed = {
            let mut w = Writer::update(stage.base(permits));
            with_annotation(&mut w, &covering("/V 42 0 R"));
            w.object(6, &form).object(42, &signature(&reference(Permits::Unsaid)));
            let (mut pdf, gap) = ranged(&w.finish());
            let message = stage
                .stranger
                .sign_detached(&[&pdf[..gap.start], &pdf[gap.end..]])
                .unwrap();
            let digits = data_encoding::HEXLOWER.encode(&message);
            pdf[gap.start + 1..gap.start + 1 + digits.len()].copy_from_slice(digits.as_bytes());
            pdf
        };
        let own_picture = stage.update(permits, |w| {
            w.stream(17, APPEARANCE, COVER);
        });
        let own_place = stage.update(permits, |w| {
            w.object(
                11,
                &seal_field("/V 20 0 R /AP << /N 40 0 R >>").replace("[400 100 500 150]", "[0 0 595 842]"),
            )
            .stream(40, COVER_FORM, COVER);
        });
        let seal_hidden = stage.update(permits, |w| {
            w.object(
                11,
                &seal_field("/V 20 0 R /AP << /N 17 0 R >>").replace("/F 132", "/F 134"),
            );
        });
        let widget_moved = stage.update(permits, |w| {
            w.object(10, &field("100", 9).replace("[72 600 272 620]", "[0 0 595 842]"));
        });
        cases.extend([
            case(
                class,
                format!("an empty field over the page, {permits:?}"),
                empty,
                codes,
            ),
            case(
                class,
                format!("a stranger signs over the page, {permits:?}"),
                signed,
                codes,
            )
            .headline(if permits == Permits::Nothing {
                Modified::Yes
            } else {
                Modified::NotUnchanged
            }),
            case(
                class,
                format!("the seal's own picture is swapped, {permits:?}"),
                own_picture,
                codes,
            ),
            case(
                class,
                format!("the seal is grown over the page, {permits:?}"),
                own_place,
                codes,
            ),
            case(class, format!("the seal is hidden, {permits:?}"), seal_hidden, codes),
            case(
                class,
                format!("a filled field is grown over the page, {permits:?}"),
                widget_moved,
                codes,
            ),
        ]);
    }
    cases
}
