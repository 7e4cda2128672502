//! Forms: what a field shows is not what it holds, or a field does more than it did.

use super::{
    cases::{Case, Modified, case},
    scene::{
        ALL, APPEARANCE, COVER, COVER_FORM, FIRST_PAGE, FORM, Permits, Stage, appearance_in, composite, descendant,
        field, shown, shown_codes, to_unicode,
    },
    writer::Writer,
};

/// Filling in a field is permitted, and what its picture shows is not read: that it is the value cannot be told.
fn headline(name: &str, permits: Permits) -> Modified {
    let filled = [
        "of another value",
        "the value alone",
        "the right value",
        "no picture",
        "ground",
    ];
    if permits != Permits::Nothing && filled.iter().any(|part| name.contains(part)) {
        Modified::NotUnchanged
    } else {
        Modified::Yes
    }
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let swap = "form appearance swap";
    let class = "form";
    let codes: &[&str] = &[
        "annotation_changed",
        "appearance_swapped",
        "appearance_not_proven",
        "field_changed",
        "field_filled",
    ];
    let structure: &[&str] = &[
        "field_added",
        "field_removed",
        "field_changed",
        "form_changed",
        "annotation_changed",
    ];
    let mut cases = Vec::new();
    for permits in ALL {
        let mut add = |class: &'static str, name: &str, codes, write: &dyn Fn(&mut Writer)| {
            let pdf = stage.update(permits, write);
            cases.push(case(class, format!("{name}, {permits:?}"), pdf, codes).headline(headline(name, permits)));
        };
        add(swap, "the picture alone", codes, &|w| {
            w.stream(9, APPEARANCE, &shown("900"));
        });
        add(swap, "a new picture of another value", codes, &|w| {
            w.object(10, &field("200", 40)).stream(40, APPEARANCE, &shown("900"));
        });
        add(swap, "the value alone", codes, &|w| {
            w.object(10, &field("900", 9));
        });
        add(swap, "the right value in a picture that covers the page", codes, &|w| {
            w.object(10, &field("200", 40))
                .stream(40, COVER_FORM, &format!("{COVER} {}", shown("200")));
        });
        for (name, from, to) in [
            ("the ground as dark as the value", "0.9 g", "0.1 g"),
            ("the value as bright as its ground", "BT 0 g", "BT 0.9 g"),
            ("a larger ground", "0 0 200 20 re", "0 0 200 90 re"),
        ] {
            add(swap, name, codes, &|w| {
                w.object(10, &field("100", 40))
                    .stream(40, APPEARANCE, &shown("100").replace(from, to));
            });
        }
        let winansi = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /BaseEncoding /WinAnsiEncoding";
        let procedures = "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /FirstChar 48 \
            /LastChar 57 /Widths [1 1 1 1 1 1 1 1 1 1] /CharProcs << >> /Encoding /WinAnsiEncoding >>";
        let embedded = "<< /Type /Font /Subtype /TrueType /BaseFont /Helvetica /Encoding /WinAnsiEncoding \
            /FontDescriptor << /Type /FontDescriptor /FontFile2 42 0 R >> >>";
        let symbols = "<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>";
        for (name, font) in [
            ("names other glyphs", format!("{winansi} /Differences [50 /nine] >> >>")),
            ("draws them by procedures", procedures.to_owned()),
            ("brings glyphs of its own", embedded.to_owned()),
            ("has symbols alone", symbols.to_owned()),
            (
                "has symbols alone by another name",
                symbols.replace("ZapfDingbats", "SymbolMT,Bold"),
            ),
        ] {
            add(swap, &format!("the right value in a font that {name}"), codes, &|w| {
                w.object(10, &field("200", 40))
                    .stream(40, &appearance_in(41), &shown("200").replace("/F1", "/F2"))
                    .object(41, &font)
                    .stream(42, "", "as if it were a font");
            });
        }
        // Readers look for it among the page's resources.
        add(
            swap,
            "the right value in a font that its picture does not name",
            codes,
            &|w| {
                w.object(10, &field("200", 40))
                    .stream(40, APPEARANCE, &shown("200").replace("/F1", "/F9"));
            },
        );
        add(swap, "the right value in a font of a graphics state", codes, &|w| {
            let picture = APPEARANCE.replace("/Resources <<", "/Resources << /ExtGState << /G 41 0 R >>");
            w.object(10, &field("200", 40))
                .stream(40, &picture, &shown("200").replace("2 5 Td", "/G gs 2 5 Td"))
                .object(41, "<< /Type /ExtGState /Font [42 0 R 12] >>")
                .object(42, symbols);
        });
        let own = "/FontDescriptor << /Type /FontDescriptor /FontFile2 44 0 R >>";
        for (name, font, below) in [
            (
                "has a table of its own",
                composite("/Identity-H /ToUnicode 43 0 R", 42),
                descendant("Identity", own),
            ),
            (
                "brings glyphs for Unicode",
                composite("/UniGB-UCS2-H", 42),
                descendant("GB1", own),
            ),
            (
                "is of another collection",
                composite("/UniGB-UCS2-H", 42),
                descendant("Japan1", ""),
            ),
            (
                "leaves the codes to a stream",
                composite("43 0 R /ToUnicode 43 0 R", 42),
                descendant("Identity", own),
            ),
        ] {
            // The table and the codes say 张三.
            add(
                swap,
                &format!("the right value in Chinese in a font that {name}"),
                codes,
                &|w| {
                    let text = if name.contains("table") || name.contains("codes") {
                        "00010004"
                    } else {
                        "5F204E09"
                    };
                    w.object(10, &field("", 40).replace("()", "<FEFF5F204E09>"))
                        .stream(40, &appearance_in(41), &shown_codes(text))
                        .object(41, &font)
                        .object(42, &below)
                        .stream(43, "", &to_unicode("5F20"))
                        .stream(44, "", "as if it were a font");
                },
            );
        }
        add(
            swap,
            "the right value beside others in the form's own font",
            codes,
            &|w| {
                w.object(10, &field("", 40).replace("()", "<FEFF5F204E09>")).stream(
                    40,
                    &appearance_in(25),
                    &shown_codes("000100040003"),
                );
            },
        );
        add(swap, "no picture", codes, &|w| {
            w.object(10, &field("100", 9).replace("/AP << /N 9 0 R >>", ""));
        });
        add(swap, "a picture of several states", codes, &|w| {
            w.object(
                10,
                &field("100", 9)
                    .replace("/N 9 0 R", "/N << /Off 9 0 R /On 40 0 R >>")
                    .replace("/F 4", "/F 4 /AS /On"),
            )
            .stream(40, APPEARANCE, &shown("900"));
        });
        add(class, "renamed", structure, &|w| {
            w.object(10, &field("100", 9).replace("(amount)", "(other)"));
        });
        add(class, "removed", structure, &|w| {
            w.object(6, &FORM.replace("10 0 R ", ""))
                .object(3, &FIRST_PAGE.replace("10 0 R ", ""))
                .free(10);
        });
        add(class, "a script on the field", structure, &|w| {
            let action = "/AA << /K << /S /JavaScript /JS (event.value = 900) >> >>";
            w.object(10, &field("100", 9).replace("/F 4", &format!("/F 4 {action}")));
        });
        add(class, "an order of calculation", structure, &|w| {
            w.object(6, &FORM.replace("/SigFlags", "/CO [10 0 R] /SigFlags"));
        });
        add(class, "a form of another kind", structure, &|w| {
            w.object(6, &FORM.replace("/SigFlags", "/XFA 40 0 R /SigFlags")).stream(
                40,
                "",
                "<xdp:xdp xmlns:xdp=\"http://ns.adobe.com/xdp/\"/>",
            );
        });
        add(class, "another font for all fields", structure, &|w| {
            w.object(6, &FORM.replace("/F1 8 0 R", "/F1 40 0 R"))
                .object(40, "<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>");
        });
    }
    let structure_only = [Permits::Nothing, Permits::Filling];
    for permits in structure_only {
        let added = stage.update(permits, |w| {
            w.object(6, &FORM.replace("11 0 R]", "11 0 R 40 0 R]"))
                .object(3, &FIRST_PAGE.replace("12 0 R]", "12 0 R 40 0 R]"))
                .object(40, &field("900", 41).replace("amount", "more"))
                .stream(41, APPEARANCE, &shown("900"));
        });
        cases.push(case(class, format!("a field added, {permits:?}"), added, structure));
    }
    let filled = stage.update(Permits::Nothing, |w| {
        w.object(10, &field("900", 40)).stream(40, APPEARANCE, &shown("900"));
    });
    cases.push(case(
        class,
        "filled in though nothing is permitted",
        filled,
        &["field_changed", "field_filled"],
    ));
    cases
}
