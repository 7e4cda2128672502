use std::fs;

/// Peak resident memory of a process and its children, in MiB: the sum of their `VmHWM`.
pub fn peak_memory_mib(process: u32) -> f64 {
    let kib: u32 = family(process).iter().filter_map(|id| status_kib(*id, "VmHWM:")).sum();
    f64::from(kib) / 1_024.0
}

/// Processor time that a process and its children have used so far, in seconds.
pub fn processor_seconds(process: u32) -> f64 {
    // proc(5): utime and stime are fields 14 and 15, in clock ticks, of which Linux counts 100 a second.
    let ticks: u32 = family(process)
        .iter()
        .filter_map(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let (_, after_name) = stat.rsplit_once(") ")?;
            let mut fields = after_name.split(' ').skip(11);
            let user: u32 = fields.next()?.parse().ok()?;
            let system: u32 = fields.next()?.parse().ok()?;
            Some(user + system)
        })
        .sum();
    f64::from(ticks) / 100.0
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    std::iter::once(process)
        .chain(children.split_whitespace().filter_map(|id| id.parse().ok()))
        .collect()
}

fn status_kib(process: u32, key: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}
