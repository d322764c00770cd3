#!/usr/bin/env node
/**
 * The real host in the clothes of another version: passes everything through, but says in its hello that it is the version
 * named, and knows of requests only what that version knew.
 *
 *     doctored-host.mjs VERSION REAL-HOST [without=lookup,…] [protocol=2] MANIFEST ADD-ON
 *
 * `without`: requests it has never heard of. `protocol`: the only version of the protocol it speaks.
 */

import { spawn } from "node:child_process";

const [version = "", real = "", ...rest] = process.argv.slice(2);
const option = (/** @type {string} */ name) =>
  rest.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
const without = option("without").split(",").filter(Boolean);
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
  const refuse = (/** @type {string} */ code) =>
    process.stdout.write(frame({ type: "error", id: message.id, code, message: `${code}, says the other version.` }));
  if (message.type === "hello" && (protocol < message.protocol.min || protocol > message.protocol.max)) {
    refuse("protocol-mismatch");
  } else if (without.includes(message.type)) {
    refuse("unknown-request");
  } else {
    host.stdin.write(frame(message));
  }
});
process.stdin.on("end", () => host.stdin.end());

frames(host.stdout, (message) => {
  const hello = {
    ...message,
    host: version,
    features: message.features?.filter((/** @type {string} */ f) => !without.includes(f)),
  };
  process.stdout.write(frame(message.type === "hello" ? hello : message));
});
host.on("exit", (code) => process.exit(code ?? 1));
