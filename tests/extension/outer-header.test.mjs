import assert from "node:assert/strict";
import { test } from "node:test";

import {
  changesFault,
  withFields,
  withoutFields,
} from "../../extension/experiments/compose/modules/outer-header.sys.mjs";

const HEADER =
  "Message-ID: <1@example.test>\r\nSubject: =?UTF-8?Q?A_very?=\r\n =?UTF-8?Q?_long_one?=\r\nKeywords: tea\r\n" +
  "Bcc: carol@example.test,\r\n dora@example.test\r\nTo: bob@example.test\r\n";

test("a field gets its value, with all its folded lines, or is left out", () => {
  const changed = withFields(HEADER, [
    ["Subject", "[...]"],
    ["keywords", null],
    ["Comments", "none there"],
  ]);
  assert.equal(
    changed,
    "Message-ID: <1@example.test>\r\nSubject: [...]\r\nBcc: carol@example.test,\r\n dora@example.test\r\nTo: bob@example.test\r\n",
  );
});

test("a field is taken away whole", () => {
  assert.doesNotMatch(withoutFields(HEADER, ["bcc"]), /carol|dora/);
  assert.equal(withoutFields(HEADER, ["cc"]), HEADER);
});

test("the host changes nothing but what may be hidden, and brings no field in", () => {
  assert.equal(changesFault([["Subject", "[...]"]]), null);
  assert.equal(changesFault([["Comments", null]]), null);
  for (const wrong of [
    {},
    null,
    ["Subject"],
    [["To", "eve@example.test"]],
    [["Message-ID", "<2@example.test>"]],
    [["Content-Type", "text/plain"]],
    [["Subject", "x\r\nBcc: eve@example.test"]],
    [["Subject", "\u00fc"]],
    [["Subject", 7]],
    [["Subject", "x".repeat(1000)]],
  ]) {
    assert.notEqual(changesFault(wrong), null, JSON.stringify(wrong));
  }
});
