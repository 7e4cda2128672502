//! The signature's dictionary: what it says of itself is changed, or another takes its place.

use super::{
    cases::{Case, Modified, case},
    find,
    scene::{ALL, FORGED_CONTENT, FORM, Permits, Stage, catalog, reference, seal_field},
    writer::{exchange, last},
};

/// The signature dictionary as it stands, to be written again with something changed.
fn dictionary(pdf: &[u8]) -> String {
    let start = last(pdf, b"20 0 obj\n") + 9;
    let end = start + find(&pdf[start..], b"\nendobj");
    String::from_utf8(pdf[start..end].to_vec()).unwrap()
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "signature dictionary";
    let codes: &[&str] = &[
        "signature_changed",
        "signature_stray",
        "field_removed",
        "permissions_changed",
        "form_changed",
    ];
    let mut cases = Vec::new();
    for permits in ALL {
        let own = dictionary(stage.base(permits));
        let time = stage.update(permits, |w| {
            w.object(20, &own.replace("D:2026", "D:2016"));
        });
        let signer = stage.update(permits, |w| {
            w.object(
                20,
                &own.replace("/Type /Sig ", "/Type /Sig /Name (Somebody else) /Reason (Forged) "),
            );
        });
        let emptied = stage.update(permits, |w| {
            w.object(11, &seal_field("/AP << /N 17 0 R >>"))
                .stream(5, "", FORGED_CONTENT);
        });
        let other = stage.update(permits, |w| {
            w.object(11, &seal_field("/V 40 0 R /AP << /N 17 0 R >>"))
                .object(40, &own)
                .stream(5, "", FORGED_CONTENT);
        });
        let unfielded = stage.update(permits, |w| {
            w.object(6, &FORM.replace(" 11 0 R", ""));
        });
        let freed = stage.update(permits, |w| {
            w.free(20).stream(5, "", FORGED_CONTENT);
        });
        cases.extend([
            case(class, format!("another time, {permits:?}"), time, codes),
            case(class, format!("another name and reason, {permits:?}"), signer, codes),
            case(class, format!("the field emptied, {permits:?}"), emptied, codes),
            case(class, format!("a copy takes its place, {permits:?}"), other, codes),
            case(
                class,
                format!("the field taken out of the form, {permits:?}"),
                unfielded,
                codes,
            ),
            case(class, format!("freed, {permits:?}"), freed, codes),
        ]);
    }
    for permits in [Permits::Nothing, Permits::Filling] {
        let own = dictionary(stage.base(permits));
        let wider = own.replace(&reference(permits), &reference(Permits::Annotations));
        assert_ne!(wider, own);
        let wider = stage.update(permits, |w| {
            w.object(20, &wider);
        });
        let none = stage.update(permits, |w| {
            w.object(20, &own.replace(&reference(permits), ""));
        });
        let unlisted = stage.update(permits, |w| {
            w.object(1, &catalog(Permits::Unsaid, ""));
        });
        cases.extend([
            case(class, format!("more is permitted, {permits:?}"), wider, codes),
            case(
                class,
                format!("nothing is said of what is permitted, {permits:?}"),
                none,
                codes,
            ),
            case(class, format!("no longer certified, {permits:?}"), unlisted, codes),
        ]);
    }
    let base = stage.base(Permits::Nothing);
    let in_place: [(&str, Vec<u8>); 4] = [
        ("the time in place", exchange(base, "D:2026", "D:2016")),
        ("the level in place", exchange(base, "/P 1 /V", "/P 3 /V")),
        ("the method in place", exchange(base, "/DocMDP /", "/DacMDP /")),
        (
            "the filter in place",
            exchange(base, "/Adobe.PPKLite", "/Adobe.PPKMS  "),
        ),
    ];
    for (name, pdf) in in_place {
        cases.push(case(class, name, pdf, &["digest_differs"]));
    }
    let unsaid = stage.base(Permits::Unsaid);
    let claimed = stage.update(Permits::Unsaid, |w| {
        w.object(1, &catalog(Permits::Nothing, ""));
    });
    let stray = stage.update(Permits::Unsaid, |w| {
        w.object(40, &dictionary(unsaid));
    });
    cases.extend([
        case(
            class,
            "certified after it was signed",
            claimed,
            &["catalog_changed", "permissions_changed"],
        ),
        case(
            class,
            "a copy that no field names",
            stray,
            &["signature_stray", "byte_range_elsewhere"],
        )
        .headline(Modified::NotUnchanged),
    ]);
    cases
}
