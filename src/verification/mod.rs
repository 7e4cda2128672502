//! Any document in, one [`Report`] out. A verdict is a value: a bad, broken or hostile document gives a report, never
//! an error. What is not proven is INDETERMINATE.

mod report;

pub use self::report::*;
