//! What a revision can change: stable codes, and sentences for people.

use super::super::super::{Bilingual, Change, findings::Code, words};

/// What a signature must permit for a change to be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Validation data, document timestamps and what goes with them (ISO 32000-2 table 257, P).
    Nothing,
    /// Filling in forms and signing.
    Forms,
    Annotations,
    /// No signature permits it.
    Never,
}

/// One difference between a revision and the one before it.
#[derive(Clone, Debug)]
pub struct Difference {
    pub revision: u32,
    pub kind: Kind,
    pub needs: Needs,
    pub page: Option<u32>,
    /// The full name of the field that it is about, where a lock may forbid it.
    pub field: Option<String>,
    /// What fills its sentences.
    pub detail: String,
    /// Why it is not proven to be harmless though it is permitted.
    pub doubt: Option<Code>,
}

/// What lies under an annotation or a signature's picture that came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covered {
    Nothing,
    /// What whoever may add it may change or remove as well; or, under a signature's picture, that of another.
    Annotations,
    /// The page's content or a field, or it cannot be told.
    Content,
}

impl Covered {
    pub fn doubt(self) -> Option<Code> {
        match self {
            Self::Nothing => None,
            Self::Annotations => Some(Code::ChangeCoversAnnotation),
            Self::Content => Some(Code::ChangeCovers),
        }
    }
}

impl Difference {
    /// Enters why it is not proven to be harmless. What leaves more open stays.
    pub fn doubted(&mut self, doubt: Option<Code>) {
        if matches!(self.doubt, None | Some(Code::ChangeCoversAnnotation)) {
            self.doubt = doubt.or(self.doubt);
        }
    }

    pub fn change(&self, permitted: bool) -> Change {
        let (zh, en) = self.kind.sentences();
        let detail = match self.kind {
            Kind::AnnotationAdded | Kind::AnnotationChanged | Kind::AnnotationRemoved => {
                words::annotation(&self.detail)
            }
            _ => words::said(&self.detail, &self.detail),
        };
        Change {
            revision: self.revision,
            code: self.kind.as_str().to_owned(),
            page: self.page,
            permitted,
            message: Bilingual {
                zh: zh.replace("{}", &detail.zh),
                en: en.replace("{}", &detail.en),
            },
        }
    }
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $zh:literal, $en:literal;)*) => {
        /// What was changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($name),* }

        impl Kind {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Its stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            fn sentences(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($zh, $en)),* }
            }
        }
    };
}

kinds! {
    ValidationData = "validation_data_added",
        "添加了验证数据（证书、吊销信息）。", "Validation data (certificates, revocation data) were added.";
    TimestampAdded = "timestamp_added", "添加了文档时间戳：{}。", "A document timestamp was added: {}.";
    Bookkeeping = "document_information",
        "更新了文件的登记信息（修改时间、制作软件等）。",
        "What the file says of itself was updated (time of modification, program and the like).";
    StructureExtended = "structure_extended",
        "随签名域或批注调整了文件的结构标记。", "The document's structure follows its signature fields and annotations.";
    SignatureAdded = "signature_added", "添加了签名：{}。", "A signature was added: {}.";
    FieldFilled = "field_filled", "填写了表单域：{}。", "A form field was filled in: {}.";
    FormResources = "form_resources", "为表单添加了字体等资源。", "Fonts or other resources were added to the form.";
    UnusedObject = "object_unused", "添加了未被使用的对象（{}）。", "An object that nothing uses was added ({}).";
    AnnotationAdded = "annotation_added", "添加了批注（{}）。", "An annotation was added ({}).";
    AnnotationChanged = "annotation_changed", "更改了批注（{}）。", "An annotation was changed ({}).";
    AnnotationRemoved = "annotation_removed", "删除了批注（{}）。", "An annotation was removed ({}).";

    SignatureChanged = "signature_changed", "更改或删除了已有的签名：{}。", "A signature was changed or removed: {}.";
    FieldAdded = "field_added", "添加了表单域：{}。", "A form field was added: {}.";
    FieldRemoved = "field_removed", "删除了表单域：{}。", "A form field was removed: {}.";
    FieldChanged = "field_changed", "更改了表单域（不只是填写）：{}。", "A form field was changed beyond filling it in: {}.";
    AppearanceSwapped = "appearance_swapped",
        "表单域的值未变而显示内容被更换：{}。", "What a form field shows was exchanged while its value stayed: {}.";
    AppearanceShared = "appearance_shared",
        "被更换的显示内容还用于文件的其他地方：{}。", "What a form field showed is used elsewhere in the document too: {}.";
    WidgetStray = "widget_stray",
        "页面上添加了不属于任何表单域的域外观。", "A field's picture that belongs to no form field was added to a page.";
    FormRemoved = "form_removed", "删除了表单。", "The form was removed.";
    FormChanged = "form_changed", "更改了表单的设置（{}）。", "The form's settings were changed ({}).";
    PageContent = "page_content_changed", "更改了页面内容。", "The content of a page was changed.";
    PageChanged = "page_changed", "更改了页面的设置（{}）。", "A page's settings were changed ({}).";
    PagesChanged = "pages_changed", "添加、删除、替换或重排了页面。", "Pages were added, removed, exchanged or reordered.";
    CatalogChanged = "catalog_changed", "更改了文件目录中的登记项（{}）。", "An entry of the document's catalog was changed ({}).";
    PermissionsChanged = "permissions_changed",
        "更改了文件的权限设置（Perms）。", "The document's permissions (Perms) were changed.";
    StructureChanged = "structure_changed", "更改了文件的结构标记。", "The document's structure was changed.";
    InformationChanged = "information_changed",
        "更改了文件信息中的 {}。", "{} of the document's information was changed.";
    TrailerChanged = "trailer_changed", "更改了文件尾部的登记项（{}）。", "An entry at the end of the file was changed ({}).";
    ObjectReplaced = "object_replaced",
        "更换了不允许更改的对象（{}）。", "An object that must not change was replaced ({}).";
    RevisionMalformed = "revision_malformed",
        "修订中有交叉引用未列出的内容。", "The revision holds bytes that its cross-references do not name.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own_and_speaks_both_languages() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let (zh, en) = kind.sentences();
            assert!(zh.ends_with('。') && en.ends_with('.'), "{}", kind.as_str());
            assert_eq!(zh.contains("{}"), en.contains("{}"), "{}", kind.as_str());
        }
    }
}
