//! The work of the benchmark as a plugin in Rust.

use tidemark_plugin::*;

#[path = "../../work/work.rs"]
mod work;

fn run(r: &Row, out: &mut Out) -> Result<(), String> {
    if !work::keeps(r.bytes(1)) {
        return Ok(());
    }
    out.emit();
    let mut took = None;
    out.write(0, |to| took = work::mask(to, r.bytes(0)));
    if let Some(ms) = took {
        out.i64(1, ms);
    }
    Ok(())
}

plugin!("work", "1.0.0", "", [transform("work", "message:utf8,level:utf8", "message:utf8,took_ms:i64", run)]);
