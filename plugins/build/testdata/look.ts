// Says what the SDK sees in a text from a byte on; text_test.go knows what it should.
import { Block, ByteSet, copy, func, Out, plugin, Row, runEnd, runStart } from "./tidemark";

export { tm_abi_1, tm_manifest, tm_init, tm_alloc, tm_call } from "./tidemark";

const sets = [new ByteSet("0-9a-zA-Z_-"), new ByteSet("\x00@\u00c3-\u00df"), new ByteSet("0-9a-zA-Z_-").not()];
const block = new Block();

plugin("look", "1.0.0");
func("look", "text:utf8,at:i64", "seen:utf8", (r: Row, out: Out): void => {
  const text = r.start(0);
  const end = r.end(0);
  const from = text + <usize>r.i64(1);
  block.take(text, end, from);
  let said = "";
  for (let i = 0; i < 3; i++) {
    const mask = block.within(sets[i]);
    said += `${mask.toString(16)} ${(runEnd(text, end, from, sets[i]) - text).toString(16)} ${(runStart(text, end, from, sets[i]) - text).toString(16)} `;
    if (mask != 0) said += ctz(mask).toString(16) + " ";
  }
  out.text(0, said + `${block.is(97).toString(16)} ${block.between(48, 57).toString(16)} `);
});
func("same", "text:utf8", "text:utf8", (r: Row, out: Out): void => {
  const n = r.end(0) - r.start(0);
  copy(out.room(0, n), r.start(0), n);
  out.used(0, n);
});
