/**
 * A desk of a thousand: a real Thunderbird under a policy, with programs of other versions, looked after by the doctor.
 */

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { closeAll, from, marks, openCompose, pressSend, saveDraft, sent } from "../support/composing.mjs";
import { Page } from "../support/extension-page.mjs";
import { userAt } from "../support/keyring.mjs";
import { FAULTY_HOST, requestsSeen } from "../support/orders.mjs";
import { thunderbirdUnder } from "../support/policies.mjs";
import { remove, temporaryDirectory, until } from "../support/process.mjs";
import { SmtpSpool } from "../support/smtp.mjs";
import { ADDON_ID, profileOf, ROOT, Thunderbird } from "../support/thunderbird.mjs";
import { answer, dialog } from "../support/windows.mjs";
import { PROGRAMS } from "../support/world.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");

/** @type {string} */
let home;
/** @type {SmtpSpool} */
let smtp;
/** @type {Thunderbird} */
let tb;
/** @type {string} */
let addon;
/** @type {string} */
let newer;

before(async () => {
  home = temporaryDirectory();
  smtp = await SmtpSpool.start(join(home, "spool"));
  addon = packed("0.1.0");
  newer = packed("0.1.1");
});

after(async () => {
  await tb?.stop();
  await smtp?.stop();
  remove(home);
});

/** The add-on packed, as of some version. @param {string} version */
function packed(version) {
  const output = join(home, `package-${version}`);
  execFileSync(join(ROOT, "scripts/package"), ["xpi", "--output", output], { stdio: "pipe" });
  const [file = ""] = readdirSync(output);
  const manifest = JSON.parse(readFileSync(join(ROOT, "extension/manifest.json"), "utf8"));
  writeFileSync(join(home, "manifest.json"), JSON.stringify({ ...manifest, version }));
  execFileSync("zip", ["-q", join(output, file), "manifest.json"], { cwd: home });
  return join(output, file);
}

/**
 * @param {object} ours the add-on's part
 * @param {string} [xpi]
 */
function policies(ours, xpi = addon) {
  const install = { installation_mode: "force_installed", install_url: `file://${xpi}`, updates_disabled: true };
  return {
    policies: {
      ExtensionSettings: { [ADDON_ID]: install },
      "3rdparty": { Extensions: { [ADDON_ID]: ours } },
    },
  };
}

/**
 * @param {string} host
 * @param {string} [program]
 * @param {string} [system] where an administrator's files for the host lie
 */
async function start(host, program, system) {
  await tb?.stop();
  const user = userAt(system ? join(system, "home") : home);
  if (system) user.env.DANE_SMIME_SYSTEM_DIR = system;
  tb = await Thunderbird.start({
    user,
    account: { email: "alice@example.test", name: "Alice", smtp },
    host,
    addon: null,
    program,
  });
  await tb.addonActive();
}

/** The add-on as Thunderbird has it. */
const installed = () =>
  tb.chrome(async (id) => {
    const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
    const { version, permissions, isActive } = await AddonManager.getAddonByID(id);
    return {
      version,
      active: isActive,
      removable: Boolean(permissions & (AddonManager.PERM_CAN_UNINSTALL | AddonManager.PERM_CAN_DISABLE)),
    };
  }, ADDON_ID);

afterEach(async () => {
  if (!tb) return;
  await closeAll(tb);
  smtp.clear();
});

/** Opens the settings page and waits for its accounts. */
async function settingsPage() {
  const page = await Page.open(tb, "ui/options/options.html");
  await until("the senders", async () => (await page.text()).includes("alice@example.test"));
  return page;
}

/** Has everything checked, by the button. @param {Page} page @returns {Promise<string>} all that was found */
async function examined(page) {
  await page.run(() => document.getElementById("doctor-run")?.click());
  await until(
    "the doctor",
    () => page.run(() => !(/** @type {any} */ (document.getElementById("doctor-run")).disabled)),
    60_000,
  );
  return page.run(() => document.getElementById("doctor-all")?.textContent ?? "");
}

describe("under a policy", () => {
  before(() =>
    start(
      FAULTY_HOST,
      thunderbirdUnder(
        join(home, "app"),
        policies({
          defaults: { sign: "always", encrypt: "never" },
          accounts: [
            {
              match: "legal@example.test",
              encrypt: "required",
              certificate: "AB".repeat(32),
              forms: ["triple", "nocerts"],
            },
          ],
          encrypt_to: ["*@bank.test"],
          offer_unencrypted: false,
          locked: ["defaults", "accounts"],
        }),
      ),
    ),
  );

  test("the add-on is there at the first start, and nobody can remove it", async () => {
    assert.deepEqual(await installed(), { version: "0.1.0", active: true, removable: false });
  });

  test("what it sets is in force: recipients that need encryption, and no way round", async () => {
    const mail = await openCompose(tb, { to: "absent@bank.test", subject: "Account", body: "<p>12345</p>" });
    await pressSend(tb, mail);
    const said = await dialog(tb, /absent@bank\.test/);
    assert.match(said.text, /Encryption is required/);
    assert.ok(!said.buttons.some((label) => /unencrypted/i.test(label)), said.buttons.join());
    await answer(tb, said, said.buttons[0] ?? "");
    assert.equal(smtp.mails().length, 0);
  });

  test("others get what the policy wishes by default", async () => {
    const mail = await openCompose(tb, { to: "absent@other.test", subject: "Hello", body: "<p>Hello</p>" });
    await pressSend(tb, mail);
    await sent(tb, mail);
    const [{ bytes } = { bytes: Buffer.alloc(0) }] = smtp.mails();
    assert.match(bytes.toString("latin1"), /multipart\/signed/);
  });

  test("the certificate and the forms that it sets for a sender are asked of the program, by From and changed with it", async () => {
    const protects = () => requestsSeen(home).filter(({ type }) => type === "protect");
    const mail = await openCompose(tb, { to: "bob@example.test", subject: "Account", body: "<p>12345</p>" });
    await from(tb, mail, "Legal <legal@example.test>");
    await until("the new sender's wishes", async () => (await marks(tb, mail))["bob@example.test"] === "found");
    await saveDraft(tb, mail);
    const draft = protects().at(-1);
    assert.deepEqual([draft.purpose, draft.certificate, draft.triple], ["draft", "ab".repeat(32), undefined]);
    await pressSend(tb, mail);
    await sent(tb, mail);
    const { sign, encrypt, certificate, triple, nocerts, opaque } = protects().at(-1);
    assert.deepEqual(
      { sign, encrypt, certificate, triple, nocerts, opaque },
      { sign: true, encrypt: true, certificate: "ab".repeat(32), triple: true, nocerts: true, opaque: undefined },
    );
    assert.match(
      smtp.mails()[0]?.bytes.toString("latin1") ?? "",
      /^Content-Type: multipart\/signed[\s\S]*smime-type=enveloped/m,
    );

    const again = await openCompose(tb, { to: "bob@example.test", subject: "Account", body: "<p>12345</p>" });
    await from(tb, again, "Legal <legal@example.test>");
    await from(tb, again, "Alice <alice@example.test>");
    await pressSend(tb, again);
    await sent(tb, again);
    assert.deepEqual([protects().at(-1).certificate, protects().at(-1).triple], [undefined, undefined]);
  });

  test("what it sets is shown as set, and cannot be changed", async () => {
    const page = await settingsPage();
    const choices = await page.run(() =>
      [...document.querySelectorAll("#accounts select")].map((select) => {
        const { disabled, value } = /** @type {HTMLSelectElement} */ (select);
        return { disabled, value };
      }),
    );
    assert.deepEqual(
      choices.map(({ disabled }) => disabled),
      choices.map(() => true),
    );
    assert.deepEqual(
      choices.slice(0, 2).map(({ value }) => value),
      ["always", "never"],
    );
    assert.match(await page.text(), /Set by your administrator/);
    await page.run(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    const open = await page.run(() =>
      [...document.querySelectorAll("#accounts input, #patience")]
        .filter((input) => !(/** @type {any} */ (input).disabled))
        .map(({ id }) => id),
    );
    assert.deepEqual(open, ["patience"], "what it leaves open stays open");
    await page.picture(join(PICTURES, "settings-locked.png"));
    await page.close();
  });

  test("a newer add-on of the package is taken at the next start; a mistake in the policy is told", async () => {
    const program = thunderbirdUnder(
      join(home, "app"),
      policies({ defaults: { encrypt: "requierd" }, resolver: "127.0.0.1" }, newer),
    );
    await start(FAULTY_HOST, program);
    assert.deepEqual(await installed(), { version: "0.1.1", active: true, removable: false });
    await until("the log to tell", () => /policy for DANE S\/MIME is wrong.*defaults\.encrypt/.test(tb.log()));
    const page = await settingsPage();
    const found = await examined(page);
    assert.match(found, /“defaults\.encrypt” has a value that is not understood/);
    await page.picture(join(PICTURES, "doctor.png"));
    assert.match(found, /“resolver” belongs into the file policy\.toml/);
    await page.close();
    // And it counts as the strictest.
    const mail = await openCompose(tb, { to: "absent@other.test", subject: "Hello", body: "<p>Hello</p>" });
    await pressSend(tb, mail);
    const said = await dialog(tb, /absent@other\.test/);
    assert.ok(!said.buttons.some((label) => /unencrypted/i.test(label)), said.buttons.join());
  });

  test("a policies.json that cannot be read is told, and what it said before still counts", async () => {
    // The add-on that is there already: one that is put in place just before Thunderbird ends is not woken at its next start.
    const good = policies({ encrypt_to: ["*@bank.test"], offer_unencrypted: false }, newer);
    await start(FAULTY_HOST, thunderbirdUnder(join(home, "app"), good));
    const page = await settingsPage(); // which has read it
    await page.close();
    const beside = structuredClone(good);
    /** @type {Record<string, unknown>} */ (beside.policies["3rdparty"].Extensions)["other@other.test"] = "no JSON";
    // Empty, as a full disk leaves it; another add-on's part that is none, for which Thunderbird passes over ours, too; no JSON.
    for (const text of ["", JSON.stringify(beside), `${JSON.stringify(good)},`]) {
      await start(FAULTY_HOST, thunderbirdUnder(join(home, "app"), text));
      await until("the log to tell", () => /cannot read policies\.json on this computer/.test(tb.log()));
      const again = await settingsPage();
      assert.match(await examined(again), /Thunderbird cannot read policies\.json.*still counts/, text.slice(0, 40));
      await again.close();
    }
    const mail = await openCompose(tb, { to: "absent@bank.test", subject: "Account", body: "<p>12345</p>" });
    await pressSend(tb, mail);
    const said = await dialog(tb, /absent@bank\.test/);
    assert.match(said.text, /Encryption is required/);
    assert.ok(!said.buttons.some((label) => /unencrypted/i.test(label)), said.buttons.join());
  });
});

describe("without root, into a profile that is in use", () => {
  /**
   * As Thunderbird itself deals with add-ons that were put beside it: the tests' own profiles are less careful, and Marionette
   * would switch the user's folder off.
   */
  const ASKS = {
    "extensions.autoDisableScopes": 3,
    "remote.prefs.recommended": false,
    // A question that has just come up takes no press for half a second.
    "security.notification_enable_delay": 0,
  };
  /** @type {import("../support/keyring.mjs").User} */
  let user;
  const profile = () => profileOf(user);
  const script = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
    execFileSync(join(ROOT, "scripts", name), args, {
      env: { ...user.env, DANE_SMIME_AS_ROOT: "1" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  /** The profile's own user.js, which starting a Thunderbird here writes anew. */
  const preferences = () => readFileSync(join(profile(), "user.js"), { encoding: "utf8", flag: "a+" });
  const begin = async () => {
    const [, scopes] = /startupScanScopes", (\d+)/.exec(preferences()) ?? [];
    await tb?.stop();
    tb = await Thunderbird.start({
      user,
      account: { email: "alice@example.test", name: "Alice", smtp },
      preferences: { ...ASKS, ...(scopes && { "extensions.startupScanScopes": Number(scopes) }) },
      addon: null,
    });
  };
  const state = () =>
    tb.chrome(async (id) => {
      const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
      const addon = await AddonManager.getAddonByID(id);
      return addon && { active: addon.isActive, seen: addon.seen };
    }, ADDON_ID);

  before(async () => {
    user = userAt(join(home, "in-use"));
    delete user.env.XDG_DATA_HOME;
    delete user.env.XDG_CONFIG_HOME;
    for (const directory of [join(user.home, ".thunderbird"), profile()]) mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(user.home, ".thunderbird/profiles.ini"),
      `[Profile0]\nName=default\nIsRelative=0\nPath=${profile()}\nDefault=1\n`,
    );
    await begin();
    await tb.stop();
    script("install", "--programs", PROGRAMS);
    await begin();
  });

  test("Thunderbird finds the add-on at its next start and asks; then it runs", async () => {
    assert.deepEqual(await state(), { active: false, seen: false });
    const banner = await tb.chrome(async () => {
      const { document } = mainWindow();
      mainWindow().PanelUI.show();
      const find = () => document.querySelector("#appMenu-addon-banners toolbarbutton");
      await until("the banner in the menu", find);
      const said = find().label;
      find().doCommand();
      return said;
    });
    assert.match(banner, /DANE S\/MIME added/);
    await tb.chrome(async () => {
      const { document } = mainWindow();
      const find = () =>
        document.querySelector("#addon-webext-permissions-notification .popup-notification-primary-button");
      await until("the question", () => find()?.getBoundingClientRect().height > 0);
      find().click();
    });
    await tb.addonActive();
  });

  test("it goes with the program", async () => {
    script("uninstall");
    assert.doesNotMatch(preferences(), /DANE S\/MIME/, "nor is a line left in the profile");
    await begin();
    assert.equal(await state(), null);
  });
});

describe("where the administrator has keys made", () => {
  /** @type {string} */
  let system;
  const policy = (/** @type {string} */ text) => writeFileSync(join(system, "policy.toml"), text);
  const handedOver = () => readFileSync(join(system, "handed-over"), { encoding: "utf8", flag: "a+" });
  const begin = () =>
    start(join(PROGRAMS, "dane-smime-host"), thunderbirdUnder(join(home, "app"), policies({})), system);

  before(async () => {
    system = join(home, "desk");
    mkdirSync(system);
    writeFileSync(join(system, "unlock"), "0123456789abcdef0123456789abcdef");
    policy(`unlock-file = "${join(system, "unlock")}"
resolver = "127.0.0.1:1"
[provision]
addresses = ["*@example.test"]
algorithm = "p-256"
hand-over = { command = ["sh", "-c", "cat >>'${join(system, "handed-over")}'"] }
`);
    await begin();
  });

  test("one is made at the first start, and its lines go to whoever publishes them, once", async () => {
    const line = /^; alice@example\.test\n[0-9a-f]{56}\._smimecert\.example\.test\. IN SMIMEA 3 0 0 30[0-9a-f]+\n$/;
    await until("the lines", () => line.test(handedOver()));
    await begin();
    const page = await settingsPage();
    await until("the key", () => page.run(() => document.querySelectorAll("#keys li, #keys tr").length > 0));
    await page.picture(join(PICTURES, "provisioned.png"));
    await page.close();
    assert.match(handedOver(), line);
  });

  test("a mistake in policy.toml is told on the settings page, and nothing is sent meanwhile", async () => {
    policy('resolvr = "127.0.0.1:1"\n');
    await begin();
    const page = await Page.open(tb, "ui/options/options.html");
    await until("everything", () => page.run(() => document.body.dataset.shown === "all"));
    const trouble = await page.run(() => document.getElementById("trouble")?.innerText ?? "");
    assert.match(trouble, /policy\.toml is wrong.*resolvr/s);
    assert.doesNotMatch(await page.text(), /no key on this computer/);
    await page.picture(join(PICTURES, "policy-toml-wrong.png"));
    await page.close();
    const mail = await openCompose(tb, { to: "bob@example.test", subject: "Hello", body: "<p>Hello</p>" });
    await pressSend(tb, mail);
    const said = await dialog(tb, /./);
    assert.match(said.text, /policy\.toml/);
    assert.equal(smtp.mails().length, 0);
  });
});

describe("with a program of another version", () => {
  /** @param {string} version @param {string} words */
  const doctored = (version, words) => {
    const script = join(home, `host-${version}`);
    const doctoredHost = join(ROOT, "tests/support/doctored-host.mjs");
    writeFileSync(script, `#!/bin/sh\nexec node ${doctoredHost} ${version} ${FAULTY_HOST} ${words} "$@"\n`);
    chmodSync(script, 0o755);
    return script;
  };
  const plain = () => thunderbirdUnder(join(home, "app"), policies({}));

  test("an older one, of the first day: mail is signed and encrypted, and what it cannot do is said", async () => {
    await start(doctored("0.0.1", "old"), plain());
    const mail = await openCompose(tb, { to: "bob@example.test", subject: "Hello", body: "<p>Secret words</p>" });
    await pressSend(tb, mail);
    await sent(tb, mail);
    const text = smtp.mails()[0]?.bytes.toString("latin1") ?? "";
    assert.match(text, /smime-type=enveloped/);
    assert.doesNotMatch(text, /Secret words/);
    const page = await Page.open(tb, "ui/options/options.html");
    await until("the version", async () => (await page.text()).includes("0.0.1"));
    await page.run(() => document.getElementById("doctor-run")?.click());
    await until("who must be updated", async () =>
      /older than this add-on and cannot do this\. Update it/.test(await page.text()),
    );
    await page.close();
  });

  test("a newer one that speaks no version of ours: nothing leaves, and who must be updated is said", async () => {
    await start(doctored("9.0.0", "protocol=2"), plain());
    const page = await Page.open(tb, "ui/options/options.html");
    await until("who must be updated", async () => /add-on is too old.*Update the add-on/.test(await page.text()));
    await page.close();
    const mail = await openCompose(tb, { to: "bob@example.test", subject: "Hello", body: "<p>Secret words</p>" });
    await pressSend(tb, mail);
    const said = await dialog(tb, /too old/);
    await answer(tb, said, said.buttons.find((label) => /back|OK/.test(label)) ?? "");
    assert.equal(smtp.mails().length, 0);
  });
});
