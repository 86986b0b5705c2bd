// The work of the benchmark as a plugin in AssemblyScript.
import { Out, plugin, Row, transform } from "../../../../../sdk/assemblyscript/tidemark";
import { keeps, mask, took } from "../../work/work";

export { tm_abi_1, tm_manifest, tm_init, tm_alloc, tm_call } from "../../../../../sdk/assemblyscript/tidemark";

plugin("work", "1.0.0");
transform("work", "message:utf8,level:utf8", "message:utf8,took_ms:i64", (r: Row, out: Out): void => {
  if (!keeps(r.start(1), r.end(1) - r.start(1))) return;
  out.emit();
  const from = r.start(0);
  const to = r.end(0);
  const room = out.room(0, 2 * (to - from) + 16);
  out.used(0, mask(from, to, room) - room);
  if (took >= 0) out.i64(1, took);
});
