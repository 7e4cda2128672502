use super::problem::Problem;

/// Entries on a page when none is asked for, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

/// Which page of a list that is in order of its keys.
pub struct Paging {
    limit: usize,
    after: Option<String>,
}

impl Paging {
    pub fn new(limit: Option<usize>, cursor: Option<String>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Problem::bad_request(
                "query_invalid",
                format!("limit 应在 1 至 {PAGE_MAX} 之间。"),
                format!("`limit` must be 1 to {PAGE_MAX}."),
            )
            .about("limit"));
        }
        Ok(Self { limit, after: cursor })
    }
}

/// One page, and the key of its last entry where more come after.
pub fn page<T>(all: Vec<T>, paging: &Paging, key: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let is_after = |entry: &T| paging.after.as_deref().is_none_or(|after| key(entry) > after);
    let mut rest = all.into_iter().filter(is_after);
    let page: Vec<T> = rest.by_ref().take(paging.limit).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| key(last).to_owned());
    (page, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let all = || (0..7).map(|n| format!("k{n}")).collect::<Vec<_>>();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let paging = Paging::new(Some(3), cursor).unwrap();
            let (entries, next) = page(all(), &paging, |entry| entry.as_str());
            seen.extend(entries);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all());
    }
}
