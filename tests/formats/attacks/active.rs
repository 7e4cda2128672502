//! What acts, what is said about the document, and which layers are shown.

use super::{
    cases::{Case, Modified, case},
    scene::{FIRST_PAGE, Permits, Stage, catalog, signed, unsigned},
    writer::{TRAILER, Writer},
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "catalog and actions";
    let codes: &[&str] = &[
        "catalog_changed",
        "page_changed",
        "page_content_changed",
        "object_replaced",
    ];
    let mut cases = Vec::new();
    for permits in [Permits::Nothing, Permits::Filling, Permits::Unsaid] {
        let mut add = |name: &str, codes, write: &dyn Fn(&mut Writer)| {
            cases.push(case(
                class,
                format!("{name}, {permits:?}"),
                stage.update(permits, write),
                codes,
            ));
        };
        let entries = [
            (
                "a script on opening",
                "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>",
            ),
            ("a jump on opening", "/OpenAction [4 0 R /Fit]"),
            ("a program on opening", "/OpenAction << /S /Launch /F (calc.exe) >>"),
            ("a script on closing", "/AA << /WC << /S /JavaScript /JS (1) >> >>"),
            (
                "named scripts",
                "/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (1) >>] >> >>",
            ),
            (
                "an embedded file",
                "/Names << /EmbeddedFiles << /Names [(a) << /Type /Filespec /F (a.txt) /EF << /F 40 0 R >> >>] >> >>",
            ),
            ("a portfolio", "/Collection << /View /D >>"),
            ("an address", "/URI << /Base (http://example.invalid/) >>"),
            ("outlines", "/Outlines << /Type /Outlines /Count 0 >>"),
            (
                "another way to be shown",
                "/ViewerPreferences << /Direction /R2L >> /PageLayout /TwoPageLeft",
            ),
            ("names of pages", "/PageLabels << /Nums [0 << /S /r >>] >>"),
            ("an unknown entry", "/Yinxin true"),
            (
                "a structure",
                "/StructTreeRoot << /Type /StructTreeRoot >> /MarkInfo << /Marked true >>",
            ),
            (
                "an output intent",
                "/OutputIntents [<< /Type /OutputIntent /S /GTS_PDFA1 >>]",
            ),
        ];
        for (name, entry) in entries {
            add(name, codes, &|w| {
                w.object(1, &catalog(permits, entry))
                    .stream(40, "/Type /EmbeddedFile", "a file");
            });
        }
        add("a layer switched off", codes, &|w| {
            w.object(1, &catalog(permits, "").replace("/ON [16 0 R]", "/OFF [16 0 R]"));
        });
        add("a layer that hides itself on paper", codes, &|w| {
            w.object(
                16,
                "<< /Type /OCG /Name (Layer) /Usage << /Print << /PrintState /OFF >> >> >>",
            );
        });
        add("another group under a layer's name", codes, &|w| {
            w.object(16, "<< /Type /OCMD /OCGs [] /P /AllOff >>");
        });
        add("a script on a page", codes, &|w| {
            w.object(
                3,
                &FIRST_PAGE.replace("/Annots", "/AA << /O << /S /JavaScript /JS (1) >> >> /Annots"),
            );
        });
    }
    cases.extend(description(stage));
    cases
}

fn description(stage: &Stage) -> Vec<Case> {
    let class = "description of the document";
    let codes: &[&str] = &[
        "information_changed",
        "catalog_changed",
        "trailer_changed",
        "object_unused",
    ];
    let update = |write: &dyn Fn(&mut Writer)| stage.update(Permits::Nothing, write);
    let title = update(&|w| {
        w.object(13, "<< /Title (Another agreement) >>");
    });
    let other = update(&|w| {
        w.trailer(&TRAILER.replace("/Info 13", "/Info 40"))
            .object(40, "<< /Title (Another agreement) >>");
    });
    let metadata = retitled(stage);
    let identifier = update(&|w| {
        w.trailer(&TRAILER.replace("[<0011", "[<9911"));
    });
    let unused = update(&|w| {
        w.object(40, "(nothing shows this)");
    });
    vec![
        case(class, "another title", title, codes),
        case(class, "other information", other, codes),
        case(class, "another title in the metadata", metadata, codes),
        case(class, "another identifier", identifier, codes).headline(Modified::NotUnchanged),
        case(class, "an object that nothing uses", unused, codes).headline(Modified::NotUnchanged),
    ]
}

/// A document whose metadata tell its title, and then another.
fn retitled(stage: &Stage) -> Vec<u8> {
    let entries = "/Type /Metadata /Subtype /XML";
    let packet = |title: &str| {
        format!(
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title><rdf:Alt>\
             <rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
        )
    };
    let mut pdf = unsigned(Permits::Nothing);
    pdf.object(1, &catalog(Permits::Nothing, "/Metadata 30 0 R"))
        .stream(30, entries, &packet("Agreement"));
    let mut w = Writer::update(&signed(&pdf.finish(), &stage.identity));
    w.stream(30, entries, &packet("Another agreement")).finish()
}
