#!/usr/bin/env node
/**
 * A native host that fails on demand. It speaks native-host/PROTOCOL.md with made-up answers, or passes everything through
 * to the real host and disturbs only what it is told to disturb.
 *
 * Its orders are read anew at each request from the JSON file that `DANE_FAULTS` names, `$HOME/faults.json` without it:
 *
 *     { "pass": "/path/to/dane-smime-host",       real host to pass through to; without it, the stand-in answers
 *       "answers": { "lookup": {"results": […]} },  a `result` to give in place of the stand-in's own, by request type
 *       "faults": { "protect": "crash" } }          what goes wrong, by request type
 *
 * Faults: `"crash"` (exits), `"hang"` (never answers), `"garbage"` (a frame that is no JSON), `"oversize"` (announces a frame
 * of 4 GiB), `"cut"` (half a frame, then exits), `"empty"` (a result with an empty body), `"plain"` (hands the body back
 * unprotected), `{"slow": MS}` (answers late), `{"error": {"code": "…", "message": "…", …}}`;
 * with `"when": {FIELD: VALUE}` beside it only for requests with that field, that value in it, or (`"any"`) any. `{"midway": FAULT}` lets the first piece of the
 * stand-in's answer out before it happens; `{"midway": "short"}` says after it that all is there.
 *
 * Every request is noted, without its body, in the file of the orders with `.log` behind its name: one JSON object a line.
 * The stand-in's "encryption" is BASE64 and shields nothing: it is there so that what `protect` made, `open` can read.
 */

import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ORDERS = process.env.DANE_FAULTS ?? join(process.env.HOME ?? "/", "faults.json");
const CHUNK = 512 * 1024;

/** How much of an answer is let out before a fault midway. */
const FIRST_PIECE = 100;

/** @returns {{pass?: string, answers?: Record<string, any>, faults?: Record<string, any>}} */
function orders() {
  try {
    return JSON.parse(readFileSync(ORDERS, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return {};
    throw error;
  }
}

/** @param {Buffer | object} content */
function frame(content) {
  const json = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json]);
}

/** @param {Buffer | object} content */
const send = (content) => process.stdout.write(frame(content));

/**
 * @param {number} id
 * @param {object} fields
 * @param {Buffer} [body]
 */
function result(id, fields, body) {
  for (let at = 0, seq = 0; body && at < body.length; at += CHUNK, seq++) {
    send({ type: "chunk", id, seq, data: body.subarray(at, at + CHUNK).toString("base64") });
  }
  send({ type: "result", id, ...fields, ...(body && { body_length: body.length }) });
}

const FEATURES = ["blind-copies", "header-protection", "protect-certificate", "protect-forms", "readable-header"];
const CERTIFICATE = "00".repeat(32);
const VALID_FOR_EVER = { not_before: "2026-01-01T00:00:00Z", not_after: "2036-01-01T00:00:00Z" };

/** The stand-in's answers. @type {Record<string, (request: any, body: Buffer) => [object, Buffer?]>} */
const STAND_IN = {
  keys: () => [
    {
      keys: ["alice@example.test", "bob@example.test"].map((address) => ({
        address,
        sha256: CERTIFICATE,
        algorithm: "p-256",
        ...VALID_FOR_EVER,
        can_sign: true,
        can_encrypt: true,
        selected_sign: true,
        selected_encrypt: true,
        retired: false,
      })),
    },
  ],

  keyring: () => [{ locked: false }],

  /** What an address begins with decides: `absent@…`, `bogus@…`; anything else is found. */
  lookup: ({ addresses }) => [
    {
      results: addresses.map((/** @type {string} */ address) => {
        const state = /^(absent|insecure|bogus|unreachable|unusable)/.exec(address)?.[1];
        const secure = !state || state === "unusable";
        return {
          address,
          owner_name: `${"0".repeat(56)}._smimecert.${address.split("@")[1]}.`,
          status: secure ? "secure" : state,
          recipient: state ?? "ready",
          reason: state ? `the stand-in host says ${state}` : "found by the stand-in host",
          records: secure ? [{ usage: 3, selector: 0, matching: 0, data: "3000", ttl: 300 }] : [],
          certificates:
            secure && !state
              ? [
                  {
                    sha256: CERTIFICATE,
                    subject: `CN=${address}`,
                    ...VALID_FOR_EVER,
                    can_sign: true,
                    can_encrypt: true,
                    pem: "",
                  },
                ]
              : [],
        };
      }),
    },
  ],

  protect: (
    { from, to, cc = [], sign, encrypt, purpose, headers, header_protection, hide_header, blind_copy_for, triple },
    body,
  ) => {
    const others = purpose === "draft" ? [] : [...to, ...cc];
    const hide = encrypt && header_protection && hide_header !== false && headers.length > 0;
    const content = hide ? withSubject(body, headers) : body;
    const inner = encrypt ? pretendEnveloped(sign ? pretendSigned(content) : content) : pretendSigned(content);
    const entity = triple ? pretendSigned(inner, "=_stand-in-outer") : inner;
    const contentType = encrypt && !triple ? "application/pkcs7-mime" : "multipart/signed";
    return [
      {
        signed: sign && purpose !== "draft",
        encrypted: encrypt,
        content_type: contentType,
        algorithm: encrypt ? "aes-256-gcm" : "",
        recipients: encrypt ? (blind_copy_for ? [blind_copy_for] : [...others, from]) : [],
        outer_headers: hide ? [["Subject", "[...]"]] : [],
      },
      entity,
    ];
  },

  open: (_request, body) => {
    const message = body.toString("latin1");
    const from = /^From:.*?([^\s<>]+@[^\s<>]+)/im.exec(message)?.[1] ?? "";
    const enveloped = /smime-type="?enveloped-data/i.test(message.split(/\r?\n\r?\n/)[0] ?? "");
    let entity = message;
    if (enveloped) {
      const content = message.slice(message.search(/\r?\n\r?\n/)).trim();
      // Content comes as it was sent, or decoded already where the caller said so.
      entity = /^(Content-|Subject:)/i.test(content) ? content : Buffer.from(content, "base64").toString("latin1");
    }
    const signed = /^Content-Type: multipart\/signed; [^\r\n]*boundary="([^"]+)"/im.exec(entity);
    if (signed) entity = entity.split(`--${signed[1]}\r\n`)[1]?.replace(/\r\n$/, "") ?? "";
    const verdict = {
      from,
      encryption: enveloped
        ? { state: "decrypted", algorithm: "aes-256-gcm", recipient: "bob@example.test", code: "ok", reason: "" }
        : { state: "none", algorithm: "", recipient: "", code: "ok", reason: "" },
      signature: signed
        ? {
            state: "valid",
            type: "originator",
            signer: from,
            binding: "dane-ee",
            certificate_sha256: CERTIFICATE,
            algorithm: "ecdsa-with-SHA256",
            signing_time: "2026-11-22T08:00:00Z",
            code: "ok",
            reason: "",
          }
        : {
            state: "none",
            type: "none",
            signer: "",
            binding: "none",
            certificate_sha256: "",
            algorithm: "",
            signing_time: "",
            code: "ok",
            reason: "",
          },
      subject_hidden: /^Subject: /.test(entity),
      subject: /^Subject: ([^\r\n]*)/m.exec(entity.split("\r\n\r\n")[0] ?? "")?.[1] ?? "",
    };
    return [{ verdict, ...(signed && { domain: from.split("@")[1] }) }, Buffer.from(entity, "latin1")];
  },
};

/** The entity with the subject inside (RFC 9788). @param {Buffer} entity @param {[string, string][]} headers */
function withSubject(entity, headers) {
  const subject = headers.find(([name]) => name.toLowerCase() === "subject")?.[1] ?? "";
  const text = entity.toString("latin1").replace(/^content-type:[^;\r\n]*/im, '$&; hp="cipher"');
  return Buffer.from(`Subject: ${subject}\r\n${text}`, "latin1");
}

/** @param {Buffer} entity */
function pretendEnveloped(entity) {
  const lines = entity.toString("base64").replace(/.{64}/g, "$&\r\n");
  return Buffer.from(
    `Content-Type: application/pkcs7-mime; name="smime.p7m"; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n` +
      `Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n${lines}\r\n`,
  );
}

/** @param {Buffer} entity @param {string} [boundary] */
function pretendSigned(entity, boundary = "=_stand-in") {
  return Buffer.concat([
    Buffer.from(
      `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${boundary}"\r\n\r\n--${boundary}\r\n`,
    ),
    entity,
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n--${boundary}--\r\n`,
    ),
  ]);
}

/**
 * Answers a request whose body is complete, or does to it what the orders say.
 *
 * @param {any} request
 * @param {Buffer} body
 * @param {() => void} answerWell
 */
function handle(request, body, answerWell) {
  appendFileSync(`${ORDERS}.log`, `${JSON.stringify(request)}\n`);
  const { id, type } = request;
  const fault = orders().faults?.[type];
  if (fault === undefined) return answerWell();
  const fits = (/** @type {any} */ [key, value]) =>
    value === "any"
      ? key in request
      : Array.isArray(request[key])
        ? request[key].includes(value)
        : request[key] === value;
  if (!Object.entries(fault.when ?? {}).every(fits)) return answerWell();
  if (fault.midway) {
    const [fields, answer = Buffer.alloc(0)] = STAND_IN[type]?.(request, body) ?? [{}];
    const piece = (/** @type {number} */ seq, /** @type {Buffer} */ octets) =>
      send({ type: "chunk", id, seq, data: octets.toString("base64") });
    piece(0, answer.subarray(0, FIRST_PIECE));
    const end = () => send({ type: "result", id, ...fields, body_length: answer.length });
    if (fault.midway === "short") return end();
    return disturb(request, body, fault.midway, () => {
      piece(1, answer.subarray(FIRST_PIECE));
      end();
    });
  }
  return disturb(request, body, fault, answerWell);
}

/**
 * @param {any} request
 * @param {Buffer} body
 * @param {any} fault
 * @param {() => void} answerWell
 */
function disturb({ id }, body, fault, answerWell) {
  if (fault.slow) return void setTimeout(answerWell, fault.slow);
  if (fault.error) return void send({ type: "error", id, ...fault.error });
  switch (fault) {
    case "crash":
      return process.exit(1);
    case "hang":
      return undefined;
    case "garbage":
      return void send(Buffer.from("this is no JSON"));
    case "oversize":
      return void process.stdout.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7b]));
    case "cut":
      return void process.stdout.write(frame({ type: "result", id }).subarray(0, 9), () => process.exit(1));
    case "empty":
      return result(
        id,
        { signed: true, encrypted: true, content_type: "application/pkcs7-mime", recipients: [] },
        Buffer.alloc(0),
      );
    case "plain":
      return result(
        id,
        { signed: true, encrypted: true, content_type: "application/pkcs7-mime", recipients: [] },
        body,
      );
    default:
      throw new Error(`unknown fault ${JSON.stringify(fault)}`);
  }
}

/** @param {any} request @param {Buffer} body */
function standIn(request, body) {
  const { id, type } = request;
  const ordered = orders().answers?.[type];
  if (ordered) return result(id, ordered, typeof ordered.body === "string" ? Buffer.from(ordered.body) : undefined);
  if (type === "hello") return send({ type: "hello", id, protocol: 1, host: "0.1.0", features: FEATURES });
  if (type === "cancel") return undefined;
  const known = STAND_IN[type];
  if (!known)
    return send({ type: "error", id, code: "unknown-request", message: `The stand-in host knows no ${type}.` });
  const [fields, answer] = known(request, body);
  return result(id, fields, answer);
}

/** Splits a stream into frames. @param {NodeJS.ReadableStream} stream @param {(json: Buffer) => void} each */
function frames(stream, each) {
  let buffered = Buffer.alloc(0);
  stream.on("data", (data) => {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32LE()) {
      const end = 4 + buffered.readUInt32LE();
      each(buffered.subarray(4, end));
      buffered = buffered.subarray(end);
    }
  });
}

/** Where large bodies lie: the real host's folder, or the one that the orders have the stand-in name in its `hello`. */
let folder = "";

/** Hands a request, with its chunks behind it, to the real host. @type {((...contents: (Buffer | object)[]) => void) | undefined} */
let passOn;
const { pass } = orders();
if (pass) {
  const real = spawn(pass, process.argv.slice(2), { stdio: ["pipe", "pipe", "inherit"] });
  frames(real.stdout, (json) => {
    folder ||= JSON.parse(json.toString("utf8")).bodies_folder ?? "";
    send(json);
  });
  real.on("exit", (code) => process.exit(code ?? 1));
  process.stdin.on("end", () => real.stdin.end());
  passOn = (...contents) => {
    for (const content of contents) real.stdin.write(frame(content));
  };
} else {
  process.stdin.on("end", () => process.exit(0));
}

/** Requests whose bodies are still coming in. @type {Map<number, {request: any, chunks: any[], missing: number}>} */
const incoming = new Map();

frames(process.stdin, (json) => {
  const message = JSON.parse(json.toString("utf8"));
  const open = message.type === "chunk" ? incoming.get(message.id) : undefined;
  if (open) {
    open.chunks.push(message);
    open.missing -= Buffer.byteLength(message.data, "base64");
  }
  const { request, chunks, missing } = open ?? {
    request: message,
    chunks: [],
    missing: message.body_file ? 0 : (message.body_length ?? 0),
  };
  if (missing > 0) return void incoming.set(request.id, { request, chunks, missing });
  incoming.delete(request.id);
  const body = request.body_file
    ? readFileSync(join(folder || orders().answers?.hello.bodies_folder, request.body_file))
    : Buffer.concat(chunks.map(({ data }) => Buffer.from(data, "base64")));
  handle(request, body, () => (passOn ? passOn(request, ...chunks) : standIn(request, body)));
});
