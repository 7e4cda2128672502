use serde_json::{Value, json};
use yinxin::ids::CitizenId;

/// A made-up person: the number is right in form, and the division 653199 is not assigned to anybody.
#[derive(Clone, Debug)]
pub struct Person {
    pub number: String,
    pub name: String,
}

/// The `n`th made-up person, 0 to 999.
pub fn person(n: u16) -> Person {
    let body = format!("65319919910307{n:03}");
    let check = char::from(CitizenId::check_character(body.as_bytes()));
    Person {
        number: format!("{body}{check}"),
        name: format!("示例某{}", char::from(b'A' + u8::try_from(n % 26).unwrap())),
    }
}

impl Person {
    /// The person as the subject of a request.
    pub fn subject(&self) -> Value {
        json!({"id_type": "citizen_id", "id": self.number, "name": self.name})
    }
}

/// The person of `config/demo/data`, of whom every provider of the demo county knows something.
pub fn worker() -> Person {
    Person {
        number: "653199199003070015".to_owned(),
        name: "阿示例·甲".to_owned(),
    }
}
