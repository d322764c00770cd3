/** The column of the message list that shows encrypted, signed and verified mail at a glance. */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MARKS } from "../../extension/experiments/list/marks.mjs";
import { Display } from "../support/display.mjs";
import { userAt } from "../support/keyring.mjs";
import { fill, marks, openTable, sortByMark } from "../support/list.mjs";
import { remove, temporaryDirectory, until } from "../support/process.mjs";
import { ROOT, Thunderbird } from "../support/thunderbird.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");

/** Root types of mail, and what is known of it before it was opened. */
const KINDS = {
  plain: "text/plain",
  encrypted: 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
  signed: 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="=_stand-in"',
  sealed: 'application/x-pkcs7-mime; name="smime.p7m"',
};

/** @type {Thunderbird} */
let bob;
/** @type {Display} */
let display;
let directory = "";

before(async () => {
  directory = temporaryDirectory();
  display = await Display.start({ log: join(directory, "display.log") });
  bob = await Thunderbird.start({
    user: userAt(directory),
    account: { email: "bob@example.test", name: "Bob" },
    host: join(ROOT, "tests/support/faulty-host.mjs"),
    display: display.name,
  });
  const kinds = /** @type {(keyof typeof KINDS)[]} */ (Object.keys(KINDS));
  await fill(
    bob,
    "Many",
    Array.from({ length: 200 }, (_, at) => mail(kinds[at % kinds.length] ?? "plain", at)),
  );
});

after(async () => {
  await bob?.stop();
  await display?.stop();
  if (directory) remove(directory);
});

describe("the column", () => {
  test("shows what mail claims to be, and of none that it is verified", async () => {
    await openTable(bob, "Many");
    const rows = await eventually((seen) => seen.length > 8 && seen.every(fits));
    display.picture(join(PICTURES, "list-column.png"));
    assert.ok(rows.some(({ mark }) => mark === "encrypted"));
    assert.ok(rows.every(({ mark, title }) => !mark || title.length > 5));
  });

  test("all of the folder is looked into, not only what is on the screen", async () => {
    await until("all marks", async () => {
      const missing = await bob.chrome(() => {
        const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Many");
        return [...folder.messages].filter((header) => !header.getStringProperty("dane-smime-mark")).length;
      });
      return missing === 0;
    });
  });

  test("is sorted by", async () => {
    await sortByMark(bob);
    const rows = await eventually((seen) => seen.length > 8 && new Set(seen.map(({ mark }) => mark)).size === 1);
    await sortByMark(bob);
    const reversed = await eventually(
      (seen) => seen.length > 8 && seen[0]?.mark !== rows[0]?.mark && new Set(seen.map(({ mark }) => mark)).size === 1,
    );
    assert.deepEqual(new Set([rows[0]?.mark, reversed[0]?.mark]), new Set(["encrypted", ""]));
  });

  test("sorting a folder that was never looked into comes right when it has been", async () => {
    await fill(
      bob,
      "Unseen",
      Array.from({ length: 120 }, (_, at) => mail(at % 40 === 7 ? "encrypted" : "plain", at)),
    );
    await openTable(bob, "Unseen");
    await sortByMark(bob);
    const encrypted = (/** @type {{mark: string}[]} */ seen) =>
      seen.slice(0, 3).every(({ mark }) => mark === "encrypted");
    const backwards = await until("the order", async () => {
      const seen = await marks(bob);
      if (encrypted(seen)) return "no";
      return seen.length > 8 && seen.every(({ mark }) => mark === "") ? "yes" : null;
    });
    if (backwards === "yes") {
      await sortByMark(bob);
      await eventually(encrypted);
    }
  });

  test("mail that cannot be read is not sorted again and again", async () => {
    await fill(
      bob,
      "Unreadable",
      Array.from({ length: 40 }, (_, at) => mail(at % 8 ? "plain" : "encrypted", at)),
    );
    const sorts = await bob.chrome(async () => {
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Unreadable");
      const headers = [...folder.messages];
      for (const header of headers.slice(0, 20)) header.storeToken = "99999999";
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      about3Pane.displayFolder(folder.URI);
      await until("the folder", () => about3Pane.gFolder === folder && about3Pane.gDBView?.rowCount);
      about3Pane.document.getElementById("daneSmimeCol").querySelector("button").click();
      await until("the marks", () => headers.slice(20).every((each) => each.getStringProperty("dane-smime-mark")));
      await sleep(1000);
      const { ThreadPaneColumns } = ChromeUtils.importESModule("chrome://messenger/content/ThreadPaneColumns.mjs");
      const { handler } = ThreadPaneColumns.getCustomColumns().find(({ id }) => id === "daneSmimeCol");
      const asked = handler.getSortLongForRow;
      let count = 0;
      handler.getSortLongForRow = (header) => {
        count++;
        return asked(header);
      };
      await sleep(1000);
      handler.getSortLongForRow = asked;
      return { count, unread: headers.filter((each) => !each.getStringProperty("dane-smime-mark")).length };
    });
    assert.deepEqual(sorts, { count: 0, unread: 20 });
  });

  test("a mail whose header is long is looked into to its end", async () => {
    const long = `X-Trace: ${"a few hops more\r\n ".repeat(800)}end\r\n`;
    await fill(
      bob,
      "Long",
      Array.from({ length: 12 }, (_, at) => long + mail("encrypted", at)),
    );
    await openTable(bob, "Long");
    await eventually((seen) => seen.length > 8 && seen.every(({ mark }) => mark === "encrypted"));
  });

  test("a mail that was opened is marked by what was found, and remembered", async () => {
    await openTable(bob, "Many");
    await bob.chrome(async () => {
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      const header = [...about3Pane.gFolder.messages].find(({ subject }) => subject === "signed 2");
      about3Pane.selectMessage(header);
      await until("the verdict", () =>
        about3Pane.messageBrowser.contentDocument.querySelector('[value="dane-smime-verdict"]'),
      );
      await until("the mark", () => header.getStringProperty("dane-smime-mark") === "verified");
    });
    await eventually((seen) => seen.some(({ subject, mark }) => subject === "signed 2" && mark === "verified"));
    display.picture(join(PICTURES, "list-column-opened.png"));
  });

  test("of each mark there is one icon, with words of its own", async () => {
    await fill(
      bob,
      "Marks",
      MARKS.map((_mark, at) => mail("plain", at)),
    );
    await bob.chrome((all) => {
      const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Marks");
      for (const [at, header] of [...folder.messages].entries()) header.setStringProperty("dane-smime-mark", all[at]);
    }, MARKS);
    await openTable(bob, "Marks");
    const rows = await eventually((seen) => seen.length === MARKS.length);
    assert.deepEqual(
      rows.map(({ mark }) => mark || "plain").sort(),
      [...MARKS].sort(),
      "a mark whose name contains another's shows that one, too",
    );
    assert.equal(new Set(rows.map(({ title }) => title)).size, MARKS.length);
    display.picture(join(PICTURES, "list-column-marks.png"));
  });

  test("goes with the add-on, also from a list that is sorted by it", async () => {
    await sortByMark(bob);
    const left = await bob.chrome(async () => {
      const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
      await (await AddonManager.getAddonByID("dane-smime@dane-smime.org")).disable();
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      await until("the column to go", () => !about3Pane.document.getElementById("daneSmimeCol"));
      return about3Pane.gDBView.sortType === Ci.nsMsgViewSortType.byCustom;
    });
    assert.equal(left, false);
  });
});

/** @param {(rows: Awaited<ReturnType<typeof marks>>) => boolean} wanted */
function eventually(wanted) {
  /** @type {Awaited<ReturnType<typeof marks>>} */
  let rows = [];
  return until("the column", async () => {
    rows = await marks(bob);
    return wanted(rows) && rows;
  }).catch((error) => {
    throw new Error(
      `${error.message}; it shows ${rows.map(({ subject, mark }) => `${subject}: ${mark || "-"}`).join(", ")}`,
    );
  });
}

/** @param {{subject: string, mark: string}} row */
function fits({ subject, mark }) {
  const kind = subject.split(" ")[0];
  return mark === (kind === "plain" ? "" : kind);
}

/** @param {keyof typeof KINDS} kind @param {number} at */
function mail(kind, at) {
  const part = "Content-Type: text/plain\r\n\r\nNothing much.";
  const signature = "Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nMAA=";
  const body = kind === "signed" ? `--=_stand-in\r\n${part}\r\n--=_stand-in\r\n${signature}\r\n--=_stand-in--` : "MAA=";
  return [
    `From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: ${kind} ${at}`,
    `Date: ${new Date(1.79e12 + at * 60_000).toUTCString()}\r\nMessage-ID: <${at}.${kind}.${Math.random()}@example.test>`,
    `MIME-Version: 1.0\r\nContent-Type: ${KINDS[kind]}\r\n\r\n${body}\r\n`,
  ].join("\r\n");
}
