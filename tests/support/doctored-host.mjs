#!/usr/bin/env node
/**
 * The real host in the clothes of another version: passes everything through, but says in its hello that it is the version
 * named, and knows of requests only what that version knew.
 *
 *     doctored-host.mjs VERSION REAL-HOST [old] [protocol=2] MANIFEST ADD-ON
 *
 * `old`: it knows the requests and fields of version 0.1 of the first day alone, refuses all others as that did, and its
 * hello names nothing else. `protocol`: the only version of the protocol it speaks.
 */

import { spawn } from "node:child_process";

const [version = "", real = "", ...rest] = process.argv.slice(2);
const option = (/** @type {string} */ name) =>
  rest.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

/** What the first version knew. @type {Record<string, string[]>} */
const FIRST = {
  keys: [],
  lookup: ["addresses"],
  protect: ["from", "to", "cc", "bcc", "sign", "encrypt", "purpose", "headers"],
  open: ["shown_sha256"],
  chunk: ["seq", "data"],
  cancel: [],
};
const EVERY = ["type", "id", "deadline_ms", "body_length"];
const old = rest.includes("old");
const protocol = Number(option("protocol") || 1);
const host = spawn(real, rest.slice(-2), { stdio: ["pipe", "pipe", "inherit"] });

/** @param {object} content */
function frame(content) {
  const json = Buffer.from(JSON.stringify(content));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json]);
}

/** @param {NodeJS.ReadableStream} stream @param {(message: any) => void} take */
function frames(stream, take) {
  let waiting = Buffer.alloc(0);
  stream.on("data", (piece) => {
    waiting = Buffer.concat([waiting, piece]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32LE(0)) {
      const end = 4 + waiting.readUInt32LE(0);
      take(JSON.parse(waiting.subarray(4, end).toString()));
      waiting = waiting.subarray(end);
    }
  });
}

frames(process.stdin, (message) => {
  const refuse = (/** @type {string} */ code, details = {}) =>
    process.stdout.write(
      frame({ type: "error", id: message.id, code, message: `${code}, says the other.`, ...details }),
    );
  const { min, max } = message.protocol ?? {};
  const known = FIRST[message.type];
  if (message.type === "hello") {
    if (protocol < min) refuse("protocol-mismatch", { update: "host" });
    else if (protocol > max) refuse("protocol-mismatch", { update: "add-on" });
    else host.stdin.write(frame(message));
  } else if (old && !known) {
    refuse("unknown-request");
  } else if (old && !Object.keys(message).every((key) => EVERY.includes(key) || known?.includes(key))) {
    refuse("bad-request");
  } else {
    host.stdin.write(frame(message));
  }
});
process.stdin.on("end", () => host.stdin.end());

frames(host.stdout, (message) => {
  const hello = { ...message, host: version, ...(old && { features: Object.keys(FIRST) }) };
  process.stdout.write(frame(message.type === "hello" ? hello : message));
});
host.on("exit", (code) => process.exit(code ?? 1));
