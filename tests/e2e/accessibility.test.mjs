/** Pages that everybody can use: with the keyboard alone, by a screen reader, dark, and at twice the size. */

import { strict as assert } from "node:assert";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Page } from "../support/extension-page.mjs";
import { userAt } from "../support/keyring.mjs";
import { remove, temporaryDirectory, until } from "../support/process.mjs";
import { SmtpSpool } from "../support/smtp.mjs";
import { ROOT, Thunderbird } from "../support/thunderbird.mjs";
import { PROGRAMS } from "../support/world.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");

const ALICES = "assistant/assistant.html?address=alice@example.test";

/** As wide as Thunderbird draws them: a popup is not made narrower. */
const POPUPS = ["compose/popup.html", "reading/details.html"];

describe("a user without keys", () => {
  /** @type {string} */
  let home;
  /** @type {SmtpSpool} */
  let smtp;
  /** @type {Thunderbird} */
  let tb;

  before(async () => {
    home = temporaryDirectory();
    smtp = await SmtpSpool.start(join(home, "spool"));
    const system = join(home, "system");
    mkdirSync(system);
    writeFileSync(join(system, "unlock"), "0123456789abcdef0123456789abcdef");
    writeFileSync(join(system, "policy.toml"), `unlock-file = "${join(system, "unlock")}"\nresolver = "127.0.0.1:1"\n`);
    const user = userAt(home);
    user.env.DANE_SMIME_SYSTEM_DIR = system;
    const account = { email: "alice@example.test", name: "Alice", smtp };
    // Two senders: what is named for one of them only shows where there is another.
    const preferences = {
      "mail.account.account1.identities": "id1,id2",
      "mail.identity.id2.useremail": "maximiliane.mustermann-schnellenbach@verwaltung.example.test",
      "mail.identity.id2.valid": true,
    };
    tb = await Thunderbird.start({ user, account, preferences, host: join(PROGRAMS, "dane-smime-host") });
    await tb.addonActive();
  });
  after(async () => {
    await tb?.stop();
    await smtp?.stop();
    remove(home);
  });

  /** Goes on with Tab until something is reached. @param {Page} page @param {RegExp} what */
  async function tabTo(page, what) {
    for (let step = 0; step < 60; step++) {
      const at = await page.move("Tab");
      if (at && what.test(at.name)) return at;
    }
    throw new Error(`Tab never leads to ${what}`);
  }

  test("the assistant, with the keyboard alone: a key, its lines, and back", async () => {
    const page = await Page.open(tb, `ui/${ALICES}`);
    const shows = (/** @type {string} */ selector) =>
      until(selector, () => page.run((wanted) => document.querySelector(wanted) !== null, selector));
    await shows("#make-key");
    await page.enter();
    await tabTo(page, /id="make-key"/);
    await page.picture(join(PICTURES, "keyboard-assistant.png"));
    await page.press("Enter");
    await shows("#mail-lines");
    assert.match((await page.focused())?.name ?? "", /^<h2/, "who cannot see hears the new step first");
    await tabTo(page, /id="published"/);
    await page.press("Enter");
    await shows("#said");
    await tabTo(page, /^<button/);
    await page.press(" ");
    await shows("#mail-lines");
    await page.close();
  });

  test("the settings, with the keyboard alone: a choice is made, a question is left by Escape", async () => {
    const page = await Page.open(tb, "ui/options/options.html");
    await until("everything", () => page.run(() => document.body.dataset.shown === "all"));
    await page.enter();
    await tabTo(page, /^<select/);
    const before = await page.run(() => /** @type {HTMLSelectElement} */ (document.activeElement).value);
    await page.press("ArrowDown");
    await until("the choice", async () =>
      page.run((old) => /** @type {HTMLSelectElement} */ (document.activeElement).value !== old, before),
    );
    const asked = await tabTo(page, /class="danger"/);
    await page.picture(join(PICTURES, "keyboard-settings.png"));
    await page.press("Enter");
    const inDialog = () => page.run(() => document.querySelector("dialog[open]")?.contains(document.activeElement));
    await until("the question to have the keyboard", inDialog);
    await page.picture(join(PICTURES, "keyboard-question.png"));
    assert.deepEqual(await page.faults(), [], "the question is named and told");
    await page.press("Escape");
    await until("the question to go", () => page.run(() => !document.querySelector("dialog[open]")));
    assert.deepEqual(await page.focused(), asked, "one goes on from where one was");
    assert.ok(await page.run(() => document.querySelector("#keys .danger") !== null), "nothing was deleted");
    await page.close();
  });

  // What has to be there before a page is looked at; the keys of the tests above are.
  const pages = {
    "assistant/assistant.html": ".choice",
    [`${ALICES}&step=key`]: "#other-ways",
    [`${ALICES}&step=publish`]: "#published",
    [`${ALICES}&step=request`]: "#answer-file",
    [`${ALICES}&step=check`]: "#said",
    [`${ALICES}&step=test`]: "#panel h2",
    "compose/popup.html": "#settings",
    "options/options.html": "[data-shown=all]",
    "reading/convert.html": "main",
    "reading/details.html": "main",
  };
  test("no page is forgotten", () => {
    const all = readdirSync(join(ROOT, "extension/ui"), { recursive: true, encoding: "utf8" });
    const looked = new Set(Object.keys(pages).map((path) => path.split("?")[0]));
    assert.deepEqual(all.filter((path) => path.endsWith(".html")).sort(), [...looked].sort());
  });

  for (const [path, there] of Object.entries(pages)) {
    test(`${path}: axe-core finds nothing, in all colours and sizes; each control says what it is; Tab reaches everything`, async () => {
      const page = await Page.open(tb, `ui/${path}`);
      await until("the page", () => page.run((wanted) => document.querySelector(wanted) !== null, there));
      await page.run(() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
      });
      assert.equal(await page.run(() => document.documentElement.lang), "en");
      const told = await page.spoken();
      assert.deepEqual(
        told.filter((words, index) => / ""/.test(words) || told.indexOf(words) !== index),
        [],
        "read aloud alone, each says what it is",
      );
      for (const how of [
        {},
        { forced: true },
        { dark: true },
        { dark: true, zoom: 2 },
        ...(POPUPS.includes(path) ? [] : [{ width: 320 }]),
      ]) {
        await page.draw(how);
        const drawn = JSON.stringify(how);
        await page.picture(join(PICTURES, `page-${path.replaceAll(/\W+/g, "-")}-${drawn.replaceAll(/\W+/g, "")}.png`));
        assert.deepEqual(await page.faults(), [], drawn);
        assert.ok((await page.overflow()) <= 1, `${drawn}: nothing has to be scrolled sideways`);
      }
      assert.deepEqual(await page.outOfReach(), []);
      await page.close();
    });
  }

  test("Enter in a field does what the button below it does, and the keyboard stays there", async () => {
    const page = await Page.open(tb, "ui/options/options.html");
    await until("everything", () => page.run(() => document.body.dataset.shown === "all"));
    await page.enter();
    await tabTo(page, /id="ca_file"/);
    await page.press("Enter");
    await until("it to be saved", () =>
      page.run(() => document.querySelector("#host-settings [role=status]")?.textContent === "Saved."),
    );
    assert.match((await page.focused())?.name ?? "", /id="ca_file"/);
    await page.close();
  });

  test("whoever retires and deletes a key by the keyboard goes on at the keys", async () => {
    const page = await Page.open(tb, "ui/options/options.html");
    await until("everything", () => page.run(() => document.body.dataset.shown === "all"));
    await page.enter();
    for (const [button, gone] of /** @type {[RegExp, string][]} */ ([
      [/>Retire …</, "#keys tr:not(.retired)"],
      [/class="danger"/, "#keys .danger"],
    ])) {
      await tabTo(page, button);
      await page.press("Enter");
      await until("the question", () => page.run(() => document.querySelector("dialog[open]") !== null));
      await tabTo(page, /data-action="0"/);
      await page.press("Enter");
      await until("the key to change", () => page.run((what) => document.querySelector(what) === null, gone));
      assert.deepEqual(await page.faults(), []);
      await until("the keyboard to be somewhere", async () => /^<h2/.test((await page.focused())?.name ?? ""));
      assert.match((await page.focused())?.name ?? "", /data-text="options_keys"/);
    }
    await page.close();
  });
});
