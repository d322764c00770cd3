/** Mail on a server: the ways to open it, to answer it, and to find it. */

import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { composed, discard, marks as pills, pressSend, sent } from "../../support/composing.mjs";
import { inMemory } from "../../support/keyring.mjs";
import { marks } from "../../support/list.mjs";
import { field } from "../../support/mime.mjs";
import { until } from "../../support/process.mjs";
import { respond, select, shows } from "../../support/reading.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import { FILE, plainText, SECRET } from "./mails.mjs";
import {
  bob,
  deliver,
  hasVerdict,
  htmlWithFile,
  LOCK_AND_SEAL,
  photograph,
  protectedLetter,
  verdict,
  world,
} from "./scene.mjs";

/** A subject that is hidden on the way. */
const HIDDEN = "How the Knave of Hearts was caught";
const CAROL = "Carol <carol@example.test>";

describe("mail on an IMAP server", () => {
  /** @type {{key: number}} */
  let mail;

  before(async () => {
    mail = await deliver(await protectedLetter({ subject: HIDDEN, cc: CAROL }, htmlWithFile(), "--sign", "--encrypt"));
  });

  const shown = async () => {
    await select(bob, mail);
    return shows(bob, hasVerdict);
  };

  test("opens as in a local folder, and its subject is hidden only from the list", async () => {
    const { text, crypto, subject, ...rest } = await shown();
    assert.ok(text.includes(SECRET));
    assert.deepEqual([subject, crypto], [HIDDEN, LOCK_AND_SEAL]);
    assert.match(verdict({ text, crypto, subject, ...rest }), /Signed by alice@example\.test/);
  });

  test("once opened, the list says what was found", async () => {
    await bob.chrome(() => Services.prefs.setIntPref("mail.threadpane.listview", 1));
    const row = await until("the mark", async () => (await marks(bob)).find(({ mark }) => mark !== ""));
    photograph("reading-imap-list");
    assert.deepEqual([row.subject, row.mark], ["[...]", "encryptedVerified"]);
  });

  test("in a tab it shows the same, and the tab has the real subject", async () => {
    await shown();
    await openBy(2);
    const seen = await shows(bob, (now) => hasVerdict(now) && now.text.includes(SECRET));
    assert.deepEqual([seen.subject, seen.crypto], [HIDDEN, LOCK_AND_SEAL]);
    photograph("reading-tab");
    const { title, session } = await bob.chrome(async () => {
      // What Thunderbird writes down of its tabs, every five minutes and at its end.
      const session = JSON.stringify(mainWindow().getWindowStateForSessionPersistence());
      const tabmail = mainWindow().document.getElementById("tabmail");
      const { title } = tabmail.currentTabInfo;
      tabmail.closeTab();
      await until("the first tab", () => tabmail.currentAbout3Pane);
      return { title, session };
    });
    assert.equal(title, HIDDEN);
    assert.ok(session.includes("mailMessageTab") && !session.includes("Knave"), session);
  });

  test("in a window of its own too", async () => {
    await shown();
    await openBy(0);
    const seen = await bob.chrome(async () => {
      const win = await until("the window", () => Services.wm.getMostRecentWindow("mail:messageWindow"));
      const view = await until("the message", () => win.messageBrowser?.contentWindow);
      const bar = await until("the verdict", () => view.document?.querySelector('[value="dane-smime-verdict"]'));
      await until("the text", () => view.getMessagePaneBrowser().contentDocument?.body?.innerText.includes("tarts"));
      const icon = (id) => /([^/]+)\.svg/.exec(view.document.getElementById(id).src)?.[1];
      return {
        bar: bar.messageText.textContent,
        icons: [icon("encryptedHdrIcon"), icon("signedHdrIcon")],
        subject: view.document.getElementById("expandedsubjectBox").value.textContent.trim(),
      };
    });
    photograph("reading-window");
    await bob.chrome(async () => {
      Services.wm.getMostRecentWindow("mail:messageWindow").close();
      await until("the window to close", () => !Services.wm.getMostRecentWindow("mail:messageWindow"));
    });
    assert.match(seen.bar, /Signed by alice@example\.test/);
    assert.deepEqual([seen.subject, seen.icons], [HIDDEN, [LOCK_AND_SEAL.encrypted, LOCK_AND_SEAL.signed]]);
  });

  test("a reply to all goes to all, and quotes text and subject", async () => {
    await shown();
    const reply = await respond(bob, "cmd_replyall");
    await until("the subject", async () => (await composed(bob, reply)).subject === `Re: ${HIDDEN}`);
    const { to, cc, text } = await composed(bob, reply);
    assert.deepEqual([to, cc], [["alice@example.test"], ["carol@example.test"]]);
    assert.ok(text.includes(SECRET));
    await discard(bob, reply);
  });

  test("redirected, it takes text, attachment and subject along", async () => {
    await shown();
    const window = await respond(bob, "cmd_redirect");
    const { text, attachments, subject } = await composed(bob, window);
    assert.ok(text.includes(SECRET));
    assert.deepEqual([subject, attachments.map(({ name }) => name)], [HIDDEN, ["tarts.bin"]]);
    await discard(bob, window);
  });

  test("an answer that leaves unencrypted does not take the hidden subject along", async () => {
    await shown();
    const reply = await respond(bob);
    await until("the subject", async () => (await composed(bob, reply)).subject === `Re: ${HIDDEN}`);
    await bob.chrome((id) => {
      const win = windowById(id);
      for (const pill of win.document.querySelectorAll("mail-address-pill")) pill.remove();
      win.addressRowAddRecipientsArray(win.document.getElementById("addressRowTo"), ["nobody@example.test"]);
    }, reply);
    await until("the mark", async () => (await pills(bob, reply))["nobody@example.test"] === "missing");
    const before = world.mail.smtp.mails().length;
    await pressSend(bob, reply);
    const asked = await dialog(bob, /nobody@example\.test/);
    photograph("reading-answer-unencrypted");
    await answer(bob, asked, "Send unencrypted");
    await sent(bob, reply);
    const { bytes } = await world.mail.smtp.next(before);
    assert.equal(field(bytes, "Subject"), "Re: [...]");
    assert.ok(!bytes.includes("Knave"), "nor anywhere else");
  });

  test("its attachment is saved as it was sent", async () => {
    await shown();
    const path = join(world.directory, "saved.bin");
    await bob.chrome(async (file) => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      await view.currentAttachments[0].saveToFile(file);
    }, path);
    assert.ok(readFileSync(path).equals(FILE));
  });

  test("its attachment is opened by another program as it was sent", async () => {
    await shown();
    const [program, copy] = [join(world.directory, "open.sh"), join(world.directory, "opened.bin")];
    writeFileSync(program, `#!/bin/sh\ncp "$1" "${copy}.part" && mv "${copy}.part" "${copy}"\n`, { mode: 0o755 });
    await bob.chrome(async (path) => {
      const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
      const [attachment] = view.currentAttachments;
      const types = Cc["@mozilla.org/mime;1"].getService(Ci.nsIMIMEService);
      const how = types.getFromTypeAndExtension(attachment.contentType, "bin");
      const app = Cc["@mozilla.org/uriloader/local-handler-app;1"].createInstance(Ci.nsILocalHandlerApp);
      app.executable = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      app.executable.initWithPath(path);
      how.preferredApplicationHandler = app;
      how.preferredAction = Ci.nsIHandlerInfo.useHelperApp;
      how.alwaysAskBeforeHandling = false;
      Cc["@mozilla.org/uriloader/handler-service;1"].getService(Ci.nsIHandlerService).store(how);
      await attachment.open(view.browsingContext);
    }, program);
    await until("the program to have it", () => existsSync(copy));
    assert.ok(readFileSync(copy).equals(FILE));
  });

  test("the quick filter finds what came in the clear, and nothing that was encrypted", async () => {
    const clear = await deliver(await protectedLetter({ subject: "Clear" }, plainText(), "--sign"));
    await select(bob, clear);
    const found = await bob.chrome(async (words) => {
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      const bar = about3Pane.quickFilterBar;
      const all = about3Pane.gDBView.rowCount;
      bar._showFilterBar(true);
      const states = { sender: false, recipients: false, subject: true, body: true };
      bar.setFilterValue("text", { text: words, states });
      bar.updateSearch();
      await until("the search", () => about3Pane.gDBView.rowCount < all && !about3Pane.gViewWrapper.searching);
      await sleep(300);
      const rows = Array.from({ length: about3Pane.gDBView.rowCount }, (_, at) => about3Pane.gDBView.getMsgHdrAt(at));
      bar._resetFilterState();
      bar._showFilterBar(false);
      await until("all of it", () => about3Pane.gDBView.rowCount === all);
      return rows.map(({ subject }) => subject);
    }, "third oven");
    assert.deepEqual(found, ["Clear"]);
  });

  test("the hidden subject is not written down", async () => {
    const { stdout } = spawnSync(
      "grep",
      ["-rlaF", "--", "Knave of Hearts", world.bob.user.home, inMemory(world.bob.user)],
      {
        encoding: "utf8",
      },
    );
    assert.equal(stdout, "");
  });
});

/**
 * Opens the selected mail as a double click does.
 *
 * @param {0 | 2} how Thunderbird's setting: a window, a tab
 */
async function openBy(how) {
  await bob.chrome((behavior) => {
    Services.prefs.setIntPref("mail.openMessageBehavior", behavior);
    mainWindow().document.getElementById("tabmail").currentAbout3Pane.commandController.doCommand("cmd_openMessage");
    Services.prefs.clearUserPref("mail.openMessageBehavior");
  }, how);
  if (how === 2) {
    await until("the tab", () =>
      bob.chrome(() => {
        const { currentTabInfo, currentAboutMessage } = mainWindow().document.getElementById("tabmail");
        return currentTabInfo.mode.name === "mailMessageTab" && Boolean(currentAboutMessage?.getMessagePaneBrowser);
      }),
    );
  }
}
