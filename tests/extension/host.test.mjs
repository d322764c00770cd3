import assert from "node:assert/strict";
import { test } from "node:test";
import { Host } from "../../extension/background/host.js";
import { explain, HostError } from "../../extension/background/host-error.js";
import { FakeClock, FakePort, greet, settle } from "./support.mjs";

/** A host whose every connection is played by `play`; `ports` fills as they are opened. */
function hostPlayedBy(
  /** @type {(message: any, port: FakePort) => void} */ play,
  /** @type {import("../../extension/background/host.js").Clock} */ clock = globalThis,
) {
  /** @type {FakePort[]} */
  const ports = [];
  const host = new Host({
    version: "0.1.0",
    clock,
    connect: () => {
      ports.push(new FakePort(play));
      return /** @type {any} */ (ports.at(-1));
    },
  });
  return { host, ports };
}

/** A host that greets and then plays. */
const greeting = (
  /** @type {(message: any, port: FakePort) => void} */ play,
  /** @type {import("../../extension/background/host.js").Clock} */ clock = globalThis,
) => hostPlayedBy((message, port) => greet(message, port) || play(message, port), clock);

const code = (/** @type {string} */ expected) => (/** @type {unknown} */ error) =>
  error instanceof HostError && error.code === expected;

/** @type {import("../../extension/types/protocol").ProtectRequest} */
const PROTECT = {
  from: "alice@example.test",
  to: ["bob@example.test"],
  cc: [],
  bcc: [],
  sign: true,
  encrypt: true,
  purpose: "send",
  headers: [],
};

test("hello comes first, once, with both versions; requests carry ids and deadlines", async () => {
  const { host, ports } = greeting((message, port) => port.say({ type: "result", id: message.id, keys: [] }));
  await Promise.all([host.request("keys", {}), host.request("keys", {}, { deadlineMs: 5 })]);
  assert.equal(ports.length, 1);
  const [hello, first, second] = ports[0].sent;
  assert.deepEqual(hello, { type: "hello", id: 1, protocol: { min: 1, max: 1 }, addon: "0.1.0", password_ms: 120_000 });
  assert.deepEqual(first, { type: "keys", id: 2, deadline_ms: 30_000 });
  assert.deepEqual(second, { type: "keys", id: 3, deadline_ms: 5 });
  assert.equal(host.hello?.host, "0.1.0");
});

test("half a character in a field leaves as what stands for one, and the rest as it is", async () => {
  const { host, ports } = greeting((message, port) => port.say({ type: "result", id: message.id }));
  const headers = /** @type {[string, string][]} */ ([["Subject", "\ud83d\ude00 \ude00"]]);
  await host.request("protect", { ...PROTECT, to: ["a\ud83d@example.test"], headers });
  const { to, headers: sent, sign } = ports[0].sent[1];
  assert.deepEqual([to, sent, sign], [["a\ufffd@example.test"], [["Subject", "\ud83d\ude00 \ufffd"]], true]);
});

test("a body goes out in chunks of 512 KiB and comes back whole", async () => {
  const body = new Uint8Array(1_300_000).map((_, i) => i * 7);
  const answer = Buffer.from(body).reverse();
  let received = Buffer.alloc(0);
  const { host, ports } = greeting((message, port) => {
    if (message.type !== "chunk") {
      return;
    }
    received = Buffer.concat([received, Buffer.from(message.data, "base64")]);
    if (received.length === body.length) {
      const { id } = message;
      port.say({ type: "chunk", id, seq: 0, data: answer.subarray(0, 600_000).toString("base64") });
      port.say({ type: "progress", id, stage: "encrypt", done: 1, total: 2 });
      port.say({ type: "chunk", id, seq: 1, data: answer.subarray(600_000).toString("base64") });
      port.say({ type: "result", id, signed: true, encrypted: true, body_length: answer.length });
    }
  });
  /** @type {string[]} */
  const stages = [];
  const { result, body: out } = await host.request(
    "protect",
    { ...PROTECT },
    { body, onProgress: (p) => stages.push(p.stage) },
  );
  assert.ok(Buffer.from(body).equals(received));
  assert.ok(Buffer.from(out).equals(answer));
  assert.equal(result.signed, true);
  assert.deepEqual(stages, ["encrypt"]);
  const chunks = ports[0].sent.filter((m) => m.type === "chunk");
  assert.deepEqual(
    chunks.map((m) => m.seq),
    [0, 1, 2],
  );
  assert.ok(chunks.every((m) => Buffer.from(m.data, "base64").length <= 512 * 1024));
  assert.equal(ports[0].sent.find((m) => m.type === "protect").body_length, body.length);
});

test("an error of one request has code, words and details, and harms no other", async () => {
  const { host, ports } = greeting((message, port) => {
    const { id, type } = message;
    port.say(
      type === "keys"
        ? { type: "result", id, keys: [] }
        : {
            type: "error",
            id,
            code: "recipient-without-certificate",
            message: "No.",
            recipients: [{ address: "c@d", status: "absent", reason: "r" }],
          },
    );
  });
  const failing = host.request("lookup", { addresses: ["c@d"] });
  const fine = host.request("keys", {});
  await assert.rejects(
    failing,
    (error) =>
      code("recipient-without-certificate")(error) &&
      error instanceof HostError &&
      error.hostMessage === "No." &&
      Array.isArray(error.details.recipients),
  );
  await fine;
  assert.equal(ports.length, 1);
});

test("what is unknown in answers is ignored", async () => {
  const { host } = greeting((message, port) => {
    const { id } = message;
    port.say({ type: "gossip", id, text: "?" });
    port.say({ type: "result", id: 999, keys: "not yours" });
    port.say({ type: "error", id: 0, code: "bad-request", message: "" });
    port.say({ type: "result", id, keys: [], from_the_future: 1 });
    port.say({ type: "result", id, keys: "said twice" });
  });
  const { result } = await host.request("keys", {});
  assert.deepEqual(result.keys, []);
});

for (const [name, nonsense] of /** @type {[string, (id: number) => unknown[]][]} */ ([
  ["no object", () => ["hello?"]],
  ["null", () => [null]],
  ["no id", () => [{ type: "result" }]],
  ["a first chunk that is the second", (id) => [{ type: "chunk", id, seq: 1, data: "AAAA" }]],
  [
    "a chunk twice",
    (id) => [
      { type: "chunk", id, seq: 0, data: "AAAA" },
      { type: "chunk", id, seq: 0, data: "AAAA" },
    ],
  ],
  ["a chunk that is no base64", (id) => [{ type: "chunk", id, seq: 0, data: "*" }]],
  ["a chunk without data", (id) => [{ type: "chunk", id, seq: 0 }]],
  [
    "a body shorter than said",
    (id) => [
      { type: "chunk", id, seq: 0, data: "AAAA" },
      { type: "result", id, body_length: 4 },
    ],
  ],
  [
    "a body that was not announced",
    (id) => [
      { type: "chunk", id, seq: 0, data: "AAAA" },
      { type: "result", id },
    ],
  ],
  ["an announced body that never came", (id) => [{ type: "result", id, body_length: 3 }]],
])) {
  test(`nonsense ends the connection and the request: ${name}`, async () => {
    const { host, ports } = greeting((message, port) => {
      for (const answer of nonsense(message.id)) port.say(answer);
    });
    await assert.rejects(host.request("keys", {}), code("host-broken"));
    assert.equal(ports[0].closed, true);
  });
}

test("an answer without end is cut off", async () => {
  const megabyte = Buffer.alloc(786_432).toString("base64");
  const { host, ports } = greeting((message, port) => {
    for (let seq = 0; seq < 1000 && !port.closed; seq++) {
      port.say({ type: "chunk", id: message.id, seq, data: megabyte });
    }
  });
  await assert.rejects(host.request("keys", {}), code("host-broken"));
  assert.equal(ports[0].closed, true);
});

test("a program that dies takes every request with it; the next request starts it anew", async () => {
  let lives = 0;
  const { host, ports } = greeting((message, port) => {
    if (lives === 0) {
      port.die();
    } else {
      port.say({ type: "result", id: message.id, keys: [] });
    }
  });
  const both = await Promise.allSettled([host.request("keys", {}), host.request("keys", {})]);
  assert.deepEqual(
    both.map((r) => r.status === "rejected" && r.reason.code),
    ["host-gone", "host-gone"],
  );
  lives = 1;
  await host.request("keys", {});
  assert.equal(ports.length, 2);
});

test("a program that is not there is told from one that died", async () => {
  const { host } = hostPlayedBy((_message, port) => port.die("No such native application dane_smime"));
  await assert.rejects(host.request("keys", {}), code("host-missing"));
});

test("a port that cannot be opened at all", async () => {
  const host = new Host({
    version: "0",
    connect: () => {
      throw new Error("refused");
    },
  });
  await assert.rejects(host.request("keys", {}), code("host-gone"));
  await assert.rejects(host.request("keys", {}), code("host-gone"));
});

test("no common version", async () => {
  const word = hostPlayedBy((m, port) =>
    port.say({ type: "error", id: m.id, code: "protocol-mismatch", message: "Update." }),
  );
  await assert.rejects(word.host.request("keys", {}), code("protocol-mismatch"));
  const number = hostPlayedBy((m, port) => port.say({ type: "hello", id: m.id, protocol: 2, host: "9", features: [] }));
  await assert.rejects(number.host.request("keys", {}), code("protocol-mismatch"));
  assert.deepEqual(
    number.ports[0].sent.map((m) => m.type),
    ["hello"],
  );
  assert.equal(number.ports[0].closed, true);
});

test("a mismatch of versions says which of the two must be updated", () => {
  const words = (/** @type {string} */ update) =>
    explain(new HostError("protocol-mismatch", "x", update ? { update } : {}), (key) => key);
  assert.deepEqual(["host", "add-on", ""].map(words), [
    "error_protocol_mismatch_host",
    "error_protocol_mismatch_add_on",
    "error_protocol_mismatch",
  ]);
});

test("silence: the request times out, is cancelled, the connection is given up", async () => {
  const clock = new FakeClock();
  const { host, ports } = greeting(() => {}, clock);
  const slow = host.request("keys", {}, { deadlineMs: 1000 });
  const other = host.request("keys", {}, { deadlineMs: 60_000 });
  slow.catch(() => {});
  other.catch(() => {});
  await settle();
  clock.tick(2999);
  assert.equal(ports[0].closed, false, "the host has a grace to answer `deadline` itself");
  clock.tick(1);
  await assert.rejects(slow, code("host-timeout"));
  await assert.rejects(other, code("host-gone"));
  assert.deepEqual(ports[0].sent.at(-1), { type: "cancel", id: 2 });
  assert.equal(ports[0].closed, true);
});

test("a request that asks a person may take longer, once, and whoever waits for it is told", async () => {
  const clock = new FakeClock();
  const { host, ports } = greeting(() => {}, clock);
  let asked = 0;
  const request = host.request("open", {}, { deadlineMs: 10_000, onAsked: () => asked++ });
  request.catch(() => {});
  await settle();
  clock.tick(9_000);
  const say = (/** @type {string} */ stage) => ports[0].say({ type: "progress", id: 2, stage });
  say("opening");
  assert.equal(asked, 0);
  say("password");
  clock.tick(100_000);
  say("working");
  say("password");
  assert.equal(asked, 1);
  assert.equal(ports[0].closed, false);
  clock.tick(32_000);
  await assert.rejects(request, code("host-timeout"));
});

test("a program that never says hello times out, too", async () => {
  const clock = new FakeClock();
  const { host } = hostPlayedBy(() => {}, clock);
  const request = host.request("keys", {});
  request.catch(() => {});
  await settle();
  clock.tick(10_000);
  await assert.rejects(request, code("host-timeout"));
});

test("cancel ends one request at once, and its late answer is ignored", async () => {
  const { host, ports } = greeting(() => {});
  const controller = new AbortController();
  const request = host.request("keys", {}, { signal: controller.signal });
  request.catch(() => {});
  await settle();
  controller.abort();
  await assert.rejects(request, code("cancelled"));
  assert.deepEqual(ports[0].sent.at(-1), { type: "cancel", id: 2 });
  ports[0].say({ type: "result", id: 2, keys: [] });
  assert.equal(ports[0].closed, false);
  await assert.rejects(host.request("keys", {}, { signal: controller.signal }), code("cancelled"));
  assert.equal(ports[0].sent.length, 3, "what was cancelled before it began is never sent");
});

test("an error that comes while the body is being sent stops the sending", async () => {
  const { host, ports } = greeting((message, port) => {
    if (message.type === "chunk" && message.seq === 0) {
      port.say({ type: "error", id: message.id, code: "too-large", message: "" });
    }
  });
  await assert.rejects(host.request("protect", { ...PROTECT }, { body: new Uint8Array(5_000_000) }), code("too-large"));
  assert.equal(ports[0].sent.filter((m) => m.type === "chunk").length, 1);
});

test("close rejects what is under way, though Thunderbird brings no event for it", async () => {
  const { host } = greeting(() => {});
  const request = host.request("keys", {});
  request.catch(() => {});
  await settle();
  host.close();
  await assert.rejects(request, code("host-gone"));
});

test("words: the reader's language, else the host's sentence, else a general one", () => {
  const texts = /** @type {Record<string, string>} */ ({
    error_host_gone: "Das Programm ist weg.",
    error_internal: "Etwas ging schief.",
  });
  const getMessage = (/** @type {string} */ key) => texts[key] ?? "";
  assert.equal(explain(new HostError("host-gone", "gone"), getMessage), "Das Programm ist weg.");
  assert.equal(explain(new HostError("from-the-future", "Do this."), getMessage), "Do this.");
  assert.equal(explain(new HostError("from-the-future"), getMessage), "Etwas ging schief.");
  assert.equal(explain(new TypeError("x is undefined"), getMessage), "Etwas ging schief.");
});

// ---- large bodies by file

const FOLDER = "/run/user/1/dane-smime-bodies/x";
const GIVEN = { folder: FOLDER, name: "body-1", length: 5_000_000 };

/** A host that offers a folder and answers each request with these fields. */
function offering(/** @type {object} */ answer, /** @type {object} */ hello = {}) {
  /** @type {(string | null)[]} */
  const told = [];
  /** @type {FakePort[]} */
  const ports = [];
  const host = new Host({
    version: "0.1.0",
    onFolder: (folder) => told.push(folder),
    connect: () => {
      const port = new FakePort((message, self) => {
        const features = ["bodies-by-file"];
        const greeting = { type: "hello", protocol: 1, host: "0.1.0", features, bodies_folder: FOLDER, ...hello };
        self.say({ ...(message.type === "hello" ? greeting : { type: "result", ...answer }), id: message.id });
      });
      ports.push(port);
      return /** @type {any} */ (port);
    },
  });
  return { host, ports, told };
}

test("a body that lies in a file is named, and so is the answer's", async () => {
  const { host, ports, told } = offering({ body_file: "answer-1", body_length: 7_000_000 });
  const { file, body } = await host.request("protect", PROTECT, { body: GIVEN, answerFile: true });
  assert.deepEqual([file, body.length], [{ folder: FOLDER, name: "answer-1", length: 7_000_000 }, 0]);
  assert.equal(ports[0].sent.length, 2, "no chunks");
  const { body_file, body_length, answer_file } = ports[0].sent[1];
  assert.deepEqual([body_file, body_length, answer_file], ["body-1", 5_000_000, true]);
  assert.deepEqual([told, await host.bodiesFolder()], [[FOLDER], FOLDER]);
  host.close();
  assert.deepEqual(told, [FOLDER, null]);
});

test("a host that offers no folder is asked for none, and takes no file", async () => {
  for (const hello of [{ features: [] }, { bodies_folder: undefined }]) {
    const { host, ports, told } = offering({}, hello);
    await host.request("protect", PROTECT, { body: new Uint8Array(1), answerFile: true });
    assert.ok(!("answer_file" in ports[0].sent[1]));
    await assert.rejects(host.request("protect", PROTECT, { body: GIVEN }), code("body-file-refused"));
    host.close();
    assert.deepEqual(told, []);
  }
});

test("a file of another connection is not named to this one", async () => {
  const { host } = offering({});
  const elsewhere = { ...GIVEN, folder: "/run/user/1/dane-smime-bodies/y" };
  await assert.rejects(host.request("protect", PROTECT, { body: elsewhere }), code("body-file-refused"));
});

test("an answer that points out of the folder, or has no length, breaks the connection", async () => {
  for (const answer of [
    { body_file: "../answer", body_length: 1 },
    { body_file: "a/b", body_length: 1 },
    { body_file: "answer-1", body_length: "1" },
    { body_file: "answer-1", body_length: 1024 ** 3 },
  ]) {
    const { host } = offering(answer);
    await assert.rejects(host.request("protect", PROTECT, { body: GIVEN, answerFile: true }), code("host-broken"));
  }
});

test("a file that was refused harms no other request whose answer is under way", async () => {
  /** @type {FakePort} */
  let port = /** @type {any} */ (null);
  const host = new Host({
    version: "0.1.0",
    connect: () => {
      port = new FakePort(({ type, id }, self) => {
        if (type === "hello") {
          self.say({ type, id, protocol: 1, host: "0.1.0", features: ["bodies-by-file"], bodies_folder: FOLDER });
        }
      });
      return /** @type {any} */ (port);
    },
  });
  const asked = [0, 1, 2].map(() => host.request("protect", PROTECT, { body: GIVEN, answerFile: true }));
  const ends = Promise.allSettled(asked);
  await settle();
  const [refused, byFile, other] = port.sent.slice(1).map(({ id }) => id);
  port.say({ type: "error", id: refused, code: "body-file-refused", message: "no" });
  port.say({ type: "result", id: byFile, body_file: "answer-1", body_length: 7_000_000 });
  port.say({ type: "result", id: other });
  const codes = (await ends).map((end) => (end.status === "rejected" ? end.reason.code : "ok"));
  assert.deepEqual(codes, ["body-file-refused", "body-file-refused", "ok"]);
  assert.deepEqual(port.sent.at(-1), { type: "cancel", id: byFile }, "the host removes what nobody takes");
});

test("a host that does not take a file is given no other, and asked for none", async () => {
  const { host, ports, told } = offering({ type: "error", code: "body-file-refused", message: "no" });
  await assert.rejects(host.request("protect", PROTECT, { body: GIVEN, answerFile: true }), code("body-file-refused"));
  await assert.rejects(host.request("protect", PROTECT, { body: new Uint8Array(1), answerFile: true }));
  assert.ok(!("answer_file" in (ports[0].sent.find(({ id }) => id === 3) ?? {})));
  assert.deepEqual([told, await host.bodiesFolder()], [[FOLDER, null], null]);
});
