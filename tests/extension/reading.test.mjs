/** The parts of reading that need no Thunderbird: what is drawn, what the host is asked, what is remembered, what is said. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HostError } from "../../extension/background/host.js";
import { isKeyringLocked } from "../../extension/background/reading/keyring.js";
import { open } from "../../extension/background/reading/open.js";
import { asMessage, isOpenedByHost, switchedInside } from "../../extension/experiments/reading/draft-message.mjs";
import { DrawnHeaders, messageAt } from "../../extension/experiments/reading/drawn-headers.mjs";
import {
  aroundEntity,
  fieldValue,
  firstPart,
  headerFields,
  isBareText,
  ownName,
  parameter,
  smimeKind,
  smimeType,
  splitEntity,
  toCrlf,
} from "../../extension/experiments/reading/mime-text.mjs";
import { openMessageHead } from "../../extension/experiments/reading/open-message.mjs";
import { asUnauthentic, Openings } from "../../extension/experiments/reading/openings.mjs";
import { PlaintextCache } from "../../extension/experiments/reading/plaintext-cache.mjs";
import { inChrome } from "../../extension/experiments/reading/verdict-words.mjs";
import { MemoryContent } from "../../extension/experiments/shared/bodies.mjs";
import "./support.mjs";

describe("the first part of a signed mail is exactly what stands between its delimiters", () => {
  // The same cases, and the same answers, as in native-host/src/mime/split.rs: a difference would make good mail invalid.
  for (const [what, body, boundary, first] of /** @type {[string, string, string, string | null][]} */ ([
    ["CRLF", "preamble\r\n--b\r\nA: 1\r\n\r\nx \r\n\r\n--b \t\r\ntwo\r\n--b--\r\n", "b", "A: 1\r\n\r\nx \r\n"],
    ["LF", "--b\none\n\n--b\ntwo\n--b--", "b", "one\n"],
    ["a longer boundary is another", "--b\r\none\r\n--bx\r\nstill one\r\n--b--\r\n", "b", "one\r\n--bx\r\nstill one"],
    ["not at the start of a line", "--b\r\none --b\r\n--b--\r\n", "b", "one --b"],
    ["closed by the close delimiter", "--b\r\none\r\n--b--\r\nepilogue", "b", "one"],
    ["nothing closes it", "--b\r\none\r\ntwo", "b", "one\r\ntwo"],
    ["empty", "--b\r\n--b--\r\n", "b", ""],
    ["no part at all", "--b--\r\n--b\r\none", "b", null],
    ["no delimiter", "text\r\n", "b", null],
    ["a boundary of signs", "--a.b+(c)?\r\none\r\n--a.b+(c)?--", "a.b+(c)?", "one"],
  ])) {
    test(what, () => assert.equal(firstPart(body, boundary), first));
  }

  test("a large mail takes no walk over its octets", () => {
    const text = "--almost a delimiter\r\n".repeat(500_000);
    const started = performance.now();
    assert.equal(firstPart(`--b\r\n${text}\r\n--b--\r\n`, "b")?.length, text.length);
    assert.ok(performance.now() - started < 2_000);
  });
});

describe("line ends", () => {
  for (const [given, canonical] of [
    ["a\nb\r\nc\rd\n", "a\r\nb\r\nc\rd\r\n"],
    ["a\r\nb", "a\r\nb"],
    ["\n\n", "\r\n\r\n"],
    ["", ""],
  ]) {
    test(JSON.stringify(given), () => assert.equal(toCrlf(given), canonical));
  }
});

describe("Content-Type", () => {
  test("parameters are found quoted, folded, escaped, and never inside another one's quotes", () => {
    assert.equal(parameter('multipart/signed; boundary="a b"', "boundary"), "a b");
    assert.equal(parameter("multipart/signed;\r\n\tBoundary=x;micalg=y", "boundary"), "x");
    assert.equal(parameter('m/s; x="; boundary=evil"; boundary=good', "boundary"), "good");
    assert.equal(parameter('m/s; boundary="a\\"b\\\\c"', "boundary"), 'a"b\\c');
    assert.equal(parameter("m/s; boundaryx=1", "boundary"), null);
    assert.equal(parameter("m/s; boundary=1; boundary=2", "boundary"), "1");
    assert.equal(parameter('m/s; boundary*1="b c"; boundary*0=a; boundary*3=d', "boundary"), "ab c");
    assert.equal(parameter("m/s; boundary*0=a; boundary=whole", "boundary"), "whole");
  });

  test("the name of a file is taken as it stands, in pieces too, and never with a line end", () => {
    assert.equal(ownName('application/pkcs7-mime; name="invoice 1.xml.p7m"; x=y'), '; name="invoice 1.xml.p7m"');
    assert.equal(ownName("a/b;\r\n\tName=x.p7m"), ";\tName=x.p7m");
    assert.equal(ownName("a/b; name*0*=UTF-8''a%20; name*1*=b.p7m"), "; name*0*=UTF-8''a%20; name*1*=b.p7m");
    assert.equal(ownName('a/b; x="; name=evil"; name="a\r\n b"'), '; name="a b"');
    for (const none of ["a/b", 'a/b; name="smime.p7m"', "a/b; NAME=SMIME.P7M", "a/b; filename=x"]) {
      assert.equal(ownName(none), "");
    }
  });

  test("what is S/MIME, whatever micalg says", () => {
    for (const [type, kind] of /** @type {const} */ ([
      ["application/pkcs7-mime; smime-type=authEnveloped-data", "cms"],
      ["Application/X-PKCS7-MIME", "cms"],
      ['multipart/signed; protocol="application/pkcs7-signature"; micalg=sha3-512; boundary=b', "signed"],
      ["multipart/signed; protocol=application/x-pkcs7-signature; boundary=b", "signed"],
      ['multipart/signed; protocol="application/pgp-signature"; x="application/pkcs7-signature"', null],
      ["multipart/signed; boundary=b", null],
      ["multipart/encrypted; protocol=application/pgp-encrypted", null],
      ["application/pkcs7-signature", null],
      ["text/plain", null],
    ])) {
      assert.equal(smimeKind(type), kind, type);
    }
    assert.equal(smimeType('application/octet-stream; name="smime.p7m"'), "application/pkcs7-mime");
  });
});

describe("the message that the host is asked about", () => {
  test("carries every From as it was received, and one content type", () => {
    const block = [
      "From - Sun Nov 22 06:00:00 2026",
      "X-Mozilla-Status: 0001",
      "From: Alice\n <alice@example.test>",
      "Content-Type: text/plain",
      "Subject: =?utf-8?q?a?=",
      "fRoM : eve@example.test",
      "Sender: list@example.test",
      "Date: today",
      "Content-Transfer-Encoding: base64",
    ].join("\n");
    assert.equal(
      openMessageHead(block, "application/pkcs7-mime;\r\n\tname=x"),
      [
        "From: Alice\r\n <alice@example.test>",
        "Subject: =?utf-8?q?a?=",
        "fRoM : eve@example.test",
        "Sender: list@example.test",
        "Date: today",
        "MIME-Version: 1.0",
        "Content-Type: application/pkcs7-mime; name=x",
        "Content-Transfer-Encoding: binary",
        "\r\n",
      ].join("\r\n"),
    );
  });

  test("nobody is made up where the header is not to be had", () => {
    assert.doesNotMatch(openMessageHead("", "application/pkcs7-mime"), /from/i);
  });

  test("a content type cannot bring header fields along", () => {
    const head = openMessageHead("", "application/pkcs7-mime\r\nFrom: eve@example.test");
    assert.equal(headerFields(head).filter(({ name }) => name === "from").length, 0);
  });
});

test("text that somebody forgot to give a header is told from an entity", () => {
  // The same cases as in native-host/src/mime/header.rs.
  for (const text of [
    "meet me at noon\r\n",
    "meet me\r\n\r\nat noon",
    "Note: meet me at noon",
    "Note: meet me\nat noon\n\nAlice",
    " meet me\r\n\r\n",
    "--b\r\n\r\n",
    "meet me at noon\r\n".repeat(100_000),
  ]) {
    assert.ok(isBareText(text), JSON.stringify(text.slice(0, 30)));
  }
  for (const entity of [
    "",
    "\r\nmeet me",
    "Content-Type: text/plain",
    "junk\r\nContent-Type: text/plain\r\n\r\nmeet me",
    "Subject: x\r\n y\r\n\r\nmeet me",
  ]) {
    assert.ok(!isBareText(entity), JSON.stringify(entity));
  }
});

test("a single part is put into a multipart, a multipart stays", () => {
  const wrap = (/** @type {string} */ entity) => aroundEntity(entity, "w").join(entity);
  const leaf = "Content-Type: text/plain\r\n\r\ntext";
  const { head, body } = splitEntity(wrap(leaf));
  assert.equal(firstPart(body, parameter(fieldValue(headerFields(head), "content-type"), "boundary") ?? ""), leaf);
  assert.equal(wrap("\r\nno header").split("--w\r\n")[1], "\r\nno header\r\n--w--\r\n");
  const multipart = "Content-Type:\r\n Multipart/Mixed; boundary=x\r\n\r\n--x--";
  assert.equal(wrap(multipart), multipart);
  const text = "Content-Type: text/plain\r\n\r\nContent-Type: multipart/mixed; boundary=x";
  assert.notEqual(wrap(text), text);
});

describe("a message that fills a compose window", () => {
  const fields = headerFields(
    "From: a@b.test\r\nContent-Type: application/pkcs7-mime\r\nSubject: [...]\r\nMIME-Version: 1.0",
  );

  test("has the outer header and the decrypted entity, a multipart one level down", () => {
    assert.equal(
      asMessage(fields, "Content-Type: multipart/mixed; boundary=x\r\nX-Evil: 1\r\n\r\n--x--", "w"),
      "From: a@b.test\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n" +
        'Content-Type: multipart/mixed; boundary="w"\r\n\r\n' +
        "--w\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n--w--\r\n",
    );
    assert.equal(
      asMessage(fields, "Content-Type: text/plain; format=flowed\r\n\r\ntext", "w"),
      "From: a@b.test\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n" +
        "Content-Type: text/plain; format=flowed\r\n\r\ntext",
    );
  });

  test("has the protected subject where that is the real one, and no other field from inside", () => {
    const inner = (/** @type {string} */ hp) =>
      `Content-Type: text/plain; hp="${hp}"\r\nSubject: real\r\nFrom: eve@x\r\n\r\n`;
    assert.match(asMessage(fields, inner("cipher"), "w"), /^From: a@b\.test\r\nSubject: real\r\nMIME-Version/);
    assert.match(asMessage(fields, inner("clear"), "w"), /^From: a@b\.test\r\nSubject: \[\.\.\.\]\r\nMIME-Version/);
    assert.doesNotMatch(asMessage(fields, inner("cipher"), "w"), /eve@x/);
  });

  test("has all of its header from inside where it is a draft of ours, but for what is of this computer", () => {
    const outside = headerFields(
      "From: a@b.test\r\nTo: mallory@x.test\r\nBcc: mallory@x.test\r\nReply-To: mallory@x.test\r\nX-Identity-Key: id1\r\n" +
        "X-DANE-SMIME-Draft: hide-subject=no",
    );
    const entity =
      'Content-Type: text/plain; hp="cipher"\r\nFrom: a@b.test\r\nTo: bob@b.test\r\nX-Identity-Key: id9\r\n' +
      "X-DANE-SMIME-Draft: header=inside; sign=no\r\nX-DANE-SMIME-Draft-Bcc: carol@b.test,\r\n dave@b.test\r\n" +
      "HP-Outer: To: bob@b.test\r\n\r\ntext";
    assert.equal(
      asMessage(outside, entity, "w"),
      "X-Identity-Key: id1\r\nFrom: a@b.test\r\nTo: bob@b.test\r\nBcc: carol@b.test,\r\n dave@b.test\r\n" +
        'MIME-Version: 1.0\r\nContent-Type: text/plain; hp="cipher"\r\n\r\ntext',
    );
    assert.equal(switchedInside(entity), "header=inside; sign=no");
    assert.equal(switchedInside("Content-Type: text/plain\r\n\r\nX-DANE-SMIME-Draft: x"), "");
  });

  test("waits for the host only where libmime cannot read it by itself", () => {
    const signed = (/** @type {string} */ inner) =>
      `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=s\r\n\r\n--s\r\n${inner}\r\n--s--`;
    assert.ok(isOpenedByHost("Content-Type: application/pkcs7-mime\r\n\r\nMII="));
    assert.ok(isOpenedByHost(signed("Content-Type: application/pkcs7-mime\r\n\r\nMII=")));
    assert.ok(isOpenedByHost(signed("Content-Type: message/rfc822\r\n\r\nFrom: a@b.test\r\n\r\ntext")));
    assert.ok(!isOpenedByHost(signed("Content-Type: text/plain\r\n\r\ntext")));
  });
});

describe("plaintext is kept", () => {
  const cache = (limits = {}, clock = { now: 0 }) =>
    /** @type {const} */ ([
      new PlaintextCache({ entries: 3, octets: 100, ageMs: 10, ...limits }, () => clock.now),
      clock,
    ]);

  test("for some messages only, the longest unused going first", () => {
    const [kept] = cache();
    for (const key of ["a", "b", "c"]) kept.keep(key, key, 1);
    kept.get("a");
    kept.keep("d", "d", 1);
    assert.deepEqual(
      ["a", "b", "c", "d"].map((key) => kept.get(key)),
      ["a", null, "c", "d"],
    );
  });

  test("for so many octets only, and not at all beyond that", () => {
    const [kept] = cache();
    kept.keep("a", "a", 60);
    kept.keep("b", "b", 50);
    assert.deepEqual([kept.get("a"), kept.get("b")], [null, "b"]);
    kept.keep("c", "c", 101);
    assert.deepEqual([kept.get("b"), kept.get("c")], ["b", null]);
    kept.keep("b", "anew", 90);
    assert.equal(kept.get("b"), "anew");
  });

  test("for some time only, from the last use", () => {
    const [kept, clock] = cache();
    kept.keep("a", "a", 1);
    kept.keep("b", "b", 1);
    clock.now = 9;
    kept.get("a");
    clock.now = 12;
    kept.sweep();
    assert.equal(kept.size, 1);
    assert.equal(kept.get("a"), "a");
    clock.now = 22;
    assert.equal(kept.get("a"), null);
    assert.equal(kept.size, 0);
  });

  test("and is let go of when it is too old or all is forgotten, but not while somebody may be about to draw it", () => {
    const clock = { now: 0 };
    /** @type {string[]} */
    const gone = [];
    const kept = new PlaintextCache(
      { entries: 2, octets: 100, ageMs: 10 },
      () => clock.now,
      (value) => gone.push(value),
    );
    for (const key of ["a", "b", "c"]) kept.keep(key, key, 1);
    assert.deepEqual(gone, []);
    clock.now = 5;
    kept.get("c");
    clock.now = 12;
    kept.sweep();
    assert.deepEqual(gone, ["b"]);
    kept.clear();
    assert.deepEqual([gone, kept.size], [["b", "c"], 0]);
  });
});

describe("the header of a message that was drawn", () => {
  test("is found again for each part of it", () => {
    for (const [drawn, part] of [
      ["mailbox:///m/Inbox?number=7", "mailbox:///m/Inbox?number=7&part=1.2&filename=a.bin"],
      ["imap://u@h:143/fetch%3EUID%3E/INBOX%3E5", "imap://u@h:143/fetch%3EUID%3E/INBOX%3E5?header=quotebody"],
      ["file:///a.eml?type=application/x-message-display&number=0", "file:///a.eml?number=0&part=1.2"],
    ]) {
      assert.equal(messageAt(drawn), messageAt(part));
    }
    assert.notEqual(messageAt("mailbox:///m/Inbox?number=7"), messageAt("mailbox:///m/Inbox?part=1.2&number=77"));
  });

  test("is forgotten when others have come", () => {
    const headers = new DrawnHeaders();
    for (let at = 0; at < 20; at++) {
      headers.remember(`m${at}`, `From: ${at}`);
    }
    headers.remember("m0", "From: again");
    headers.remember("one more", "");
    assert.equal(headers.of("m0"), "From: again");
    assert.equal(headers.of("m1"), null);
  });
});

describe("the host is asked", () => {
  const verdict = (/** @type {any} */ state) => ({
    from: "alice@example.test",
    encryption: { state: "decrypted", code: "ok", reason: "" },
    signature: { state, code: "ok", reason: "" },
  });
  const TEXT = new MemoryContent(new ArrayBuffer(4));
  const sealed = (/** @type {string} */ key) => ({
    head: "",
    bytes: { length: 1, buffer: new ArrayBuffer(1), stream: null },
    shown: null,
    key,
  });
  const openings = (/** @type {any} */ answer) => {
    let asked = 0;
    const cache = new PlaintextCache({ entries: 5, octets: 100, ageMs: 1000 }, () => 0);
    const ask = async () => {
      asked++;
      return answer();
    };
    const made = new Openings({ ask, cache });
    return { made, asked: () => asked };
  };

  test("once for the same message, also while the answer is on its way", async () => {
    const { made, asked } = openings(() => ({ ok: true, verdict: verdict("valid"), content: TEXT }));
    const [first, second] = await Promise.all([made.open(sealed("k")), made.open(sealed("k"))]);
    assert.equal(first, second);
    assert.equal(made.known(sealed("k")), first);
    assert.equal(asked(), 1);
    await made.open(sealed("other"));
    assert.equal(asked(), 2);
  });

  test("who waits for it learns that a PIN is asked for", async () => {
    const { made } = openings(() => new Promise(() => {}));
    let told = "";
    made.open(sealed("k"));
    made.asked(sealed("k")).then(() => (told += "k"));
    made.asked(sealed("other")).then(() => (told += "other"));
    made.tellAsked("k");
    made.tellAsked("nobody's");
    await Promise.resolve();
    assert.equal(told, "k");
  });

  test("again where nobody vouched or could be asked, though the text is still there for a reply", async () => {
    const unchecked = verdict("valid");
    unchecked.signature.code = "valid-when-first-seen-unchecked";
    for (const found of [verdict("unknown"), unchecked]) {
      const { made } = openings(() => ({ ok: true, verdict: found, content: TEXT }));
      await made.open(sealed("k"));
      assert.equal(made.known(sealed("k")), null);
      assert.equal(made.kept(sealed("k"))?.content, TEXT);
    }
  });

  test("again after a failure, and a failure never throws", async () => {
    const { made, asked } = openings(() => {
      throw Object.assign(new Error("gone"), { code: "host-gone" });
    });
    assert.deepEqual(await made.open(sealed("k")), { ok: false, code: "host-gone", message: "gone" });
    await made.open(sealed("k"));
    assert.equal(asked(), 2);
    assert.equal(made.kept(sealed("k")), null);
  });

  test("through the event page: body and hash there, verdict and content back", async () => {
    /** @type {any} */
    let request;
    const host = /** @type {any} */ ({
      request: async (/** @type {any[]} */ ...args) => {
        request = args;
        return {
          result: { verdict: verdict("valid"), domain: "example.test" },
          body: new Uint8Array([1, 2]),
          file: null,
        };
      },
    });
    const answer = /** @type {any} */ (
      await open(host, { message: new Uint8Array([7]).buffer, shownSha256: "ab", deadlineMs: 5 })
    );
    assert.deepEqual(request.slice(0, 2), ["open", { shown_sha256: "ab" }]);
    assert.deepEqual([...request[2].body, request[2].deadlineMs], [7, 5]);
    assert.deepEqual([...new Uint8Array(answer.content), answer.domain], [1, 2, "example.test"]);
    await open(host, { message: new ArrayBuffer(0), shownSha256: null, deadlineMs: 5 });
    assert.deepEqual(request[1], {});
  });

  test("what the reader asks for although its signature does not fit is asked of the host, and not kept for the next time", async () => {
    /** @type {any} */
    let fields;
    const host = /** @type {any} */ ({
      request: async (/** @type {any} */ _type, /** @type {any} */ given) => {
        fields = given;
        return { result: { verdict: verdict("invalid") }, body: new Uint8Array([1]), file: null };
      },
    });
    await open(host, { message: new ArrayBuffer(0), shownSha256: null, unauthentic: true, deadlineMs: 5 });
    assert.deepEqual(fields, { show_unauthentic: true });
    const { made } = openings(() => ({ ok: true, verdict: verdict("invalid"), content: TEXT }));
    await made.open(asUnauthentic(sealed("k")));
    assert.equal(made.known(sealed("k")), null);
    assert.equal(made.kept(sealed("k")), null);
    assert.equal(made.kept(asUnauthentic(sealed("k")))?.content, TEXT);
  });

  test("plaintext goes when the keyring is locked, and when nobody can tell", async () => {
    const says = (/** @type {() => any} */ answer) => /** @type {any} */ ({ request: async () => answer() });
    const fails = (/** @type {string} */ code) =>
      says(() => {
        throw new HostError(code);
      });
    assert.deepEqual(await isKeyringLocked(says(() => ({ result: { locked: false } }))), { locked: false });
    assert.deepEqual(await isKeyringLocked(says(() => ({ result: { locked: true } }))), { locked: true });
    assert.deepEqual(await isKeyringLocked(says(() => ({ result: {} }))), { locked: true });
    assert.deepEqual(await isKeyringLocked(fails("host-gone")), { locked: true });
    assert.deepEqual(await isKeyringLocked(fails("keyring-missing")), { locked: true });
    assert.deepEqual(await isKeyringLocked(fails("unknown-request")), { locked: false });
  });

  test("and a host that fails is told by its code", async () => {
    const failing = (/** @type {Error} */ error) => /** @type {any} */ ({ request: () => Promise.reject(error) });
    const job = { message: new ArrayBuffer(0), shownSha256: null, deadlineMs: 5 };
    assert.deepEqual(await open(failing(new HostError("keyring-locked", "Locked.")), job), {
      failure: { code: "keyring-locked", message: "Locked." },
    });
    assert.deepEqual(await open(failing(new TypeError("secret detail")), job), {
      failure: { code: "internal", message: "" },
    });
  });
});

describe("what is shown", () => {
  /** @returns {any} */
  const opened = (/** @type {any} */ { encryption = {}, signature = {}, ...more } = {}) => ({
    ok: true,
    content: "",
    certificate: null,
    domain: null,
    ...more,
    verdict: {
      from: "alice@example.test",
      encryption: { state: "none", code: "ok", reason: "", ...encryption },
      signature: { state: "none", code: "ok", reason: "", ...signature },
      ...more.verdict,
    },
  });
  const decrypted = { state: "decrypted" };

  test("a seal only where the host says valid", () => {
    for (const state of ["none", "invalid", "unknown", "something new"]) {
      const { signature, level, panel } = inChrome(opened({ encryption: decrypted, signature: { state } }), "cms");
      assert.notEqual(signature, "verified", state);
      assert.notEqual(panel, "SUCCESS", state);
      assert.notEqual(level, "good", state);
    }
    const display = inChrome(
      opened({ encryption: decrypted, signature: { state: "valid", signer: "a@b.test" }, domain: "b.test" }),
      "cms",
    );
    assert.deepEqual([display.encryption, display.signature, display.level], ["ok", "verified", "good"]);
    assert.deepEqual(display.sentences, [{ keys: ["reading_valid_dane"], args: ["a@b.test", "b.test"] }]);
  });

  test("the domain is named only where it vouches", () => {
    const [said] = inChrome(opened({ signature: { state: "valid", signer: "a@b.test" } }), "signed").sentences;
    assert.deepEqual(said?.keys, ["reading_valid_anchor"]);
  });

  test("no seal and no lock for what was not shown, even if a signature inside fits", () => {
    const display = inChrome(
      opened({ encryption: { state: "decrypted", code: "withheld-unauthentic" }, signature: { state: "valid" } }),
      "cms",
    );
    assert.deepEqual([display.encryption, display.signature, display.level], ["notok", null, "bad"]);
  });

  test("no lock at all, broken or not, where nothing was encrypted", () => {
    const display = inChrome(opened({ encryption: { state: "none", code: "certificates-only" } }), "cms");
    assert.deepEqual([display.encryption, display.signature, display.level], [null, null, "info"]);
    assert.deepEqual(display.sentences[0]?.keys, ["reading_encryption_certificates_only", "reading_encryption_none"]);
  });

  test("trying again is offered where the signature could not be checked today", () => {
    const seen = (/** @type {string} */ code) => inChrome(opened({ signature: { state: "valid", code } }), "signed");
    assert.deepEqual(
      ["valid-when-first-seen-unchecked", "valid-when-first-seen"].map((code) => seen(code).retry),
      [true, false],
    );
  });

  test("the host's own words where there are none of ours", () => {
    const [said] = inChrome(
      opened({ signature: { state: "invalid", code: "new-one", reason: "Why." } }),
      "cms",
    ).sentences;
    assert.deepEqual([said?.keys, said?.fallback], [["reading_signature_new_one"], "Why."]);
    const [mute] = inChrome(opened({ signature: { state: "invalid", code: "new-one" } }), "cms").sentences;
    assert.ok(mute?.keys.includes("reading_signature_invalid"));
  });

  test("a warning takes the good look off a valid signature", () => {
    const warnings = [{ code: "from-mismatch", reason: "It differs.", address: "eve@example.test" }];
    const display = inChrome(opened({ signature: { state: "valid" }, verdict: { warnings } }), "signed");
    assert.equal(display.level, "warning");
    assert.equal(display.sentences[1]?.args?.[2], "eve@example.test");
  });

  test("no sentence has a hole where there is no sender", () => {
    const warnings = [{ code: "from-mismatch", reason: "It differs.", address: "eve@example.test" }];
    const none = opened({
      signature: { state: "invalid", code: "from-not-single" },
      verdict: { from: null, warnings },
    });
    const [why, warning] = inChrome(none, "signed").sentences;
    assert.ok(why?.keys.includes("reading_signature_from_not_single"));
    assert.deepEqual([warning?.keys, warning?.fallback], [[], "It differs."]);
  });

  test("a host that fails: no content for encrypted mail, a mark on clear-signed mail, and a way to try again", () => {
    const failure = /** @type {const} */ ({ ok: false, code: "host-gone", message: "" });
    const [encrypted, signed] = [inChrome(failure, "cms"), inChrome(failure, "signed")];
    assert.deepEqual([encrypted.encryption, encrypted.level, encrypted.retry], ["notok", "bad", true]);
    assert.deepEqual(
      [signed.encryption, signed.signature, signed.level, signed.retry],
      [null, "unknown", "warning", true],
    );
    assert.ok(signed.sentences.at(-1)?.keys.includes("error_host_gone"));
  });
});
