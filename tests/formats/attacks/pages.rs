//! Pages: added, removed, swapped, shown otherwise.

use super::{
    cases::{Case, case},
    scene::{ALL, COVER, FIRST_PAGE, FORGED_CONTENT, SECOND_PAGE, Stage},
    writer::Writer,
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "pages";
    let tree: &[&str] = &["pages_changed", "page_content_changed"];
    let shown: &[&str] = &["pages_changed", "page_content_changed", "page_changed"];
    let mut cases = Vec::new();
    for permits in ALL {
        let mut add = |name: &str, codes, write: &dyn Fn(&mut Writer)| {
            cases.push(case(
                class,
                format!("{name}, {permits:?}"),
                stage.update(permits, write),
                codes,
            ));
        };
        add("one added at the end", tree, &|w| {
            w.object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R 40 0 R] /Count 3 >>")
                .object(40, &SECOND_PAGE.replace("7 0 R", "41 0 R"))
                .stream(41, "", FORGED_CONTENT);
        });
        add("one added in front", tree, &|w| {
            w.object(2, "<< /Type /Pages /Kids [40 0 R 3 0 R 4 0 R] /Count 3 >>")
                .object(40, &SECOND_PAGE.replace("7 0 R", "41 0 R"))
                .stream(41, "", FORGED_CONTENT);
        });
        add("the last removed", tree, &|w| {
            w.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        });
        add("swapped", tree, &|w| {
            w.object(2, "<< /Type /Pages /Kids [4 0 R 3 0 R] /Count 2 >>");
        });
        add("shown twice", tree, &|w| {
            w.object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R 4 0 R] /Count 3 >>");
        });
        add("swapped by their objects", tree, &|w| {
            w.object(3, SECOND_PAGE).object(4, FIRST_PAGE);
        });
        add("more content", shown, &|w| {
            w.object(3, &FIRST_PAGE.replace("/Contents 5 0 R", "/Contents [5 0 R 40 0 R]"))
                .stream(40, "", COVER);
        });
        add("no content", shown, &|w| {
            w.object(4, &SECOND_PAGE.replace("/Contents 7 0 R", ""));
        });
        add("a window on a part", shown, &|w| {
            w.object(4, &SECOND_PAGE.replace("/Contents", "/CropBox [0 0 10 10] /Contents"));
        });
        add("another size", shown, &|w| {
            w.object(4, &SECOND_PAGE.replace("595 842", "595 600"));
        });
        add("turned", shown, &|w| {
            w.object(4, &SECOND_PAGE.replace("/Contents", "/Rotate 180 /Contents"));
        });
        add("turned by inheritance", shown, &|w| {
            w.object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /Rotate 180 >>");
        });
        add("another picture under the same name", shown, &|w| {
            w.object(3, &FIRST_PAGE.replace("/X1 14 0 R", "/X1 40 0 R")).stream(
                40,
                "/Type /XObject /Subtype /Form /BBox [0 0 595 842]",
                COVER,
            );
        });
        add("another font under the same name", shown, &|w| {
            w.object(3, &FIRST_PAGE.replace("/F1 8 0 R", "/F1 40 0 R"))
                .object(40, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
        });
        add("another unit", shown, &|w| {
            w.object(4, &SECOND_PAGE.replace("/Contents", "/UserUnit 10 /Contents"));
        });
    }
    cases
}
