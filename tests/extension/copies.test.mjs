import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HostError } from "../../extension/background/host-error.js";
import { Converter } from "../../extension/ui/reading/converter.js";
import { isSame, mayBeEncrypted, withContent } from "../../extension/ui/reading/copies.js";
import { pagesOf } from "../../extension/ui/reading/messages.js";

const octets = (/** @type {string} */ text) => Uint8Array.from(Buffer.from(text, "latin1"));
const text = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString("latin1");

const SEALED = octets(
  "From: alice@example.test\r\nSubject: [...]\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n" +
    "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=\r\n",
);
const INSIDE = octets('Content-Type: text/plain; hp="cipher"\r\nSubject: Tarts\r\n\r\nIn the third \xffoven.\r\n');

describe("a copy", () => {
  test("has the original's header, what was inside, and the subject that was hidden", () => {
    assert.equal(
      text(withContent(SEALED, INSIDE, { readable: true })),
      "From: alice@example.test\r\nMessage-ID: <1@x>\r\nSubject: Tarts\r\nMIME-Version: 1.0\r\n" +
        'Content-Type: text/plain; hp="cipher"\r\n\r\nIn the third \xffoven.\r\n',
    );
    assert.match(text(withContent(SEALED, INSIDE, { readable: false })), /^Subject: \[\.\.\.\]$/m);
  });

  test("is made only of what may be encrypted", () => {
    assert.ok(mayBeEncrypted(SEALED));
    assert.ok(!mayBeEncrypted(octets("Content-Type: text/plain\r\n\r\napplication/pkcs7-mime")));
    const signed = (/** @type {string} */ part) =>
      octets(
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n\r\n' +
          `--b\r\nContent-Type: ${part}\r\n\r\nx\r\n--b--\r\n`,
      );
    assert.ok(!mayBeEncrypted(signed("text/plain")));
    assert.ok(mayBeEncrypted(signed("application/pkcs7-mime")));
  });

  test("is the same whatever the line ends, and never the same as nothing", () => {
    const wanted = octets("A: b\r\nC: d\r\n e\r\n\r\nx\r\ny\r\n");
    assert.ok(isSame(octets("A: b\nX-Mozilla-Status: 0\nC: d\n e\n\nx\ny"), wanted));
    assert.ok(!isSame(octets("A: b\r\nC: d\r\n e\r\n\r\nx\r\nz"), wanted), "another body");
    assert.ok(!isSame(octets("A: b\r\n\r\nx\r\ny"), wanted), "a field is missing");
    assert.ok(!isSame(octets("A: b\r\nC: d\r\n\r\nx\r\ny"), wanted), "a fold is missing");
    assert.ok(isSame(octets("A: b\r\n\r\n"), octets("A: b\r\n\r\n")), "a mail of a subject alone");
    assert.ok(!isSame(octets(""), octets("")));
  });

  test("has the subject that the older kind of protection hid", () => {
    const old = octets('Content-Type: text/plain; protected-headers="v1"\r\nSubject: Tarts\r\n\r\nx\r\n');
    assert.match(text(withContent(SEALED, old, { readable: true })), /^Subject: Tarts\r$/m);
  });

  test("of a draft of ours has the header that stands inside, with the blind recipients", () => {
    const draft = octets(
      'Content-Type: text/plain; hp="cipher"\r\nHP-Outer: Subject: [...]\r\nTo: bob@example.test\r\nSubject: Tarts\r\n' +
        "X-DANE-SMIME-Draft: header=inside\r\nX-DANE-SMIME-Draft-Bcc: queen@example.test\r\n\r\nx\r\n",
    );
    const copy = text(withContent(SEALED, draft, { readable: true }));
    for (const field of ["To: bob@example.test", "Subject: Tarts", "Bcc: queen@example.test", "Message-ID: <1@x>"]) {
      assert.ok(copy.includes(`${field}\r\n`), copy);
    }
    assert.doesNotMatch(copy, /X-DANE|HP-Outer|\[\.\.\.\]/);
  });

  test("leaves behind what the folder kept beside the original", () => {
    const kept = octets(
      `X-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: $label1\r\n${text(SEALED)}`,
    );
    assert.deepEqual(withContent(kept, INSIDE, { readable: true }), withContent(SEALED, INSIDE, { readable: true }));
  });
});

describe("one message after the other", () => {
  /** @param {any} [more] what differs from a world in which all goes well */
  function world(
    {
      answer,
      damage = (/** @type {Uint8Array} */ copy) => copy,
      folder = "Test",
      store,
      move,
      there = [],
      isOnline = true,
      patience,
    } = /** @type {any} */ ({}),
  ) {
    /** @type {Record<string, any>} */
    const seen = { imported: [], deleted: [] };
    const files = new Map([[1, SEALED]]);
    const mail = {
      get: async () => ({
        subject: "[...]",
        read: true,
        flagged: false,
        tags: [],
        folder: { id: folder, accountId: "a" },
      }),
      getRaw: async (/** @type {number} */ id) => new Blob([/** @type {any} */ (files.get(id))]),
      import: async (/** @type {Blob} */ file, /** @type {string} */ into) => {
        await store?.();
        files.set(2, damage(new Uint8Array(await file.arrayBuffer())));
        seen.imported.push(into);
        return { id: 2 };
      },
      query: async () => ({ messages: there }),
      delete: async (/** @type {number[]} */ ids) => {
        await move?.();
        seen.deleted.push(...ids);
      },
    };
    const opened = { encryption: { state: "decrypted", code: "ok", reason: "", recipient: "old@example.test" } };
    const host = /** @type {any} */ ({
      request: async (/** @type {string} */ type, /** @type {any} */ fields) => {
        seen[type] = fields;
        if (answer?.[type]) return answer[type]();
        if (type === "keys") return { result: { keys: [{ address: "bob@example.test", selected_encrypt: true }] } };
        if (type === "protect") {
          return { result: { encrypted: true }, body: octets("Content-Type: application/pkcs7-mime\r\n\r\nnew") };
        }
        return { result: { verdict: opened }, body: INSIDE };
      },
    });
    const accounts = { get: async () => ({ identities: [{ email: "bob@example.test" }] }) };
    const cancelling = new AbortController();
    const order = { folderId: "Into", isOnServer: true, removeOriginals: true, signal: cancelling.signal };
    const keepAnswered = async (/** @type {number} */ original, /** @type {number} */ copy) => {
      seen.marked = [original, copy, seen.deleted.length];
    };
    const parts = { host, mail, accounts, keepAnswered, isOnline: () => isOnline, patience };
    const convert = (/** @type {"decrypt" | "reencrypt"} */ mode) =>
      new Converter({ ...parts, mode }).convert(1, order);
    return { seen, convert, cancelling };
  }

  test("is copied, read back, and only then is the original moved away", async () => {
    const { seen, convert } = world();
    assert.deepEqual(await convert("decrypt"), { what: "copied" });
    assert.deepEqual([seen.imported, seen.deleted], [["Into"], [1]]);
    assert.deepEqual(seen.marked, [1, 2, 0], "as answered, before its original goes");
  });

  test("is encrypted to oneself by a key in use", async () => {
    const { seen, convert } = world();
    assert.deepEqual(await convert("reencrypt"), { what: "copied" });
    assert.equal(seen.protect.from, "bob@example.test");
    assert.deepEqual([seen.protect.purpose, seen.protect.sign, seen.protect.encrypt], ["draft", false, true]);
  });

  test("a copy that came out otherwise leaves the original", async () => {
    for (const mode of /** @type {const} */ (["decrypt", "reencrypt"])) {
      const { seen, convert } = world({ damage: (/** @type {Uint8Array} */ copy) => copy.slice(0, -4) });
      assert.deepEqual(await convert(mode), { what: "left", subject: "[...]", cause: "not-the-same", ends: false });
      assert.deepEqual(seen.deleted, []);
    }
  });

  test("what is not opened is not copied", async () => {
    const gone = new HostError("keyring-locked");
    const cases = [
      [() => Promise.reject(gone), gone, true],
      [
        () => ({ result: { verdict: { encryption: { state: "failed", code: "not-for-us" } } }, body: octets("") }),
        "not-for-us",
      ],
      [
        () => ({
          result: { verdict: { encryption: { state: "decrypted", code: "withheld-unauthentic" } } },
          body: octets(""),
        }),
        "withheld-unauthentic",
      ],
    ];
    for (const [open, cause, ends = false] of cases) {
      const { seen, convert } = world({ answer: { open } });
      assert.deepEqual(await convert("decrypt"), { what: "left", subject: "[...]", cause, ends });
      assert.deepEqual([seen.imported, seen.deleted], [[], []]);
    }
  });

  test("a folder that takes no copy, and one that has such a message already", async () => {
    const refuse = () => Promise.reject(new Error("Aborted with status: 2147549183"));
    const full = world({ store: refuse });
    assert.deepEqual(await full.convert("decrypt"), {
      what: "left",
      subject: "[...]",
      cause: "not-stored",
      ends: true,
    });
    const twice = world({ store: refuse, there: [{ id: 7 }] });
    const said = await twice.convert("decrypt");
    assert.deepEqual(said, { what: "left", subject: "[...]", cause: "already-there", ends: false });
    assert.deepEqual([full.seen.deleted, twice.seen.deleted], [[], []]);
  });

  test("nothing is stored on a server while offline", async () => {
    const { seen, convert } = world({ isOnline: false });
    assert.deepEqual(await convert("decrypt"), { what: "left", subject: "[...]", cause: "offline", ends: true });
    assert.deepEqual([seen.imported, seen.deleted], [[], []]);
  });

  test("a folder that never answers is waited for so long, and after Cancel only a moment", async () => {
    const never = () => new Promise(() => {});
    const silent = world({ store: never, patience: { folderMs: 5, cancelledMs: 1e6 } });
    assert.equal(/** @type {any} */ (await silent.convert("decrypt")).cause, "folder-silent");
    /** @type {any} */
    let cancelled;
    const store = () => {
      cancelled.cancelling.abort();
      return never();
    };
    cancelled = world({ store, patience: { folderMs: 1e6, cancelledMs: 5 } });
    assert.equal((await cancelled.convert("decrypt")).cause, "cancelled");
    assert.deepEqual([silent.seen.deleted, cancelled.seen.deleted], [[], []]);
  });

  test("an original that cannot be moved away is said to be there beside its copy", async () => {
    const { seen, convert } = world({ move: () => Promise.reject(new Error("no trash")) });
    assert.equal(/** @type {any} */ (await convert("decrypt")).cause, "not-moved");
    assert.deepEqual(seen.imported, ["Into"]);
  });

  test("nothing is stored that the host did not encrypt, and nothing goes into the folder it lies in", async () => {
    const plain = world({ answer: { protect: () => ({ result: { encrypted: false }, body: INSIDE }) } });
    assert.equal(/** @type {any} */ (await plain.convert("reencrypt")).cause, "not-encrypted-anew");
    assert.deepEqual(plain.seen.imported, []);
    const same = world({ folder: "Into" });
    assert.equal(/** @type {any} */ (await same.convert("decrypt")).cause, "same-folder");
  });
});

describe("which messages", () => {
  /** Thunderbird's lists, which come in pages. */
  const LISTS = /** @type {Record<string, { id: string | null, messages: { id: number }[] }>} */ ({
    "folder 1": { id: "more", messages: [{ id: 1 }, { id: 2 }] },
    more: { id: "last", messages: [{ id: 3 }] },
    last: { id: null, messages: [{ id: 4 }] },
    "folder 2": { id: null, messages: [] },
  });
  const mail = {
    list: async (/** @type {string} */ folder) => LISTS[folder],
    continueList: async (/** @type {string} */ id) => LISTS[id],
  };

  /** @param {import("../../extension/ui/reading/messages.js").Source} source */
  const ids = async (source) => {
    const all = [];
    for await (const page of pagesOf(source, mail)) all.push(...page);
    return all;
  };

  test("are those of all pages of all folders, or of a selection, each once", async () => {
    assert.deepEqual(await ids({ folders: ["folder 1", "folder 2"] }), [1, 2, 3, 4]);
    assert.deepEqual(await ids({ ids: [9], list: "last" }), [9, 4]);
    assert.deepEqual(await ids({ ids: [9], list: null }), [9]);
  });
});
