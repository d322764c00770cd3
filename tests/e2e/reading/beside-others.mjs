/** The add-on beside Thunderbird's own OpenPGP and S/MIME, and after it was switched off. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { openPage, pageShows } from "../../support/pages.mjs";
import { until } from "../../support/process.mjs";
import { page, shows } from "../../support/reading.mjs";
import { openPgpSigned, SECRET } from "./mails.mjs";
import {
  bob,
  hasVerdict,
  LOCK_AND_SEAL,
  mails,
  photograph,
  protectedMail,
  restartBob,
  show,
  verdict,
} from "./scene.mjs";

describe("beside Thunderbird's own", () => {
  test("OpenPGP mail is left to OpenPGP", async () => {
    await show(openPgpSigned());
    const shown = await shows(bob, ({ text }) => text.includes("signed with OpenPGP"));
    assert.deepEqual(
      shown.bars.filter(({ value }) => value.startsWith("dane")),
      [],
    );
  });

  test("a mail of OpenPGP's inside a signature takes lock and seal from no mail after it", async () => {
    const inside = [
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="pgp"\r\n',
      "--pgp\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
      "--pgp\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nwcA=",
      "-----END PGP MESSAGE-----\r\n--pgp--\r\n",
    ].join("\r\n");
    await show(await protectedMail(inside, "--sign"));
    await shows(bob, hasVerdict);
    await show(mails.sealed);
    assert.deepEqual((await shows(bob, hasVerdict)).crypto, LOCK_AND_SEAL);
  });

  test("a setting leaves S/MIME mail to Thunderbird's own, and takes it back", async () => {
    const OPTIONS = "ui/options/options.html";
    await show(mails.clear);
    await shows(bob, hasVerdict);
    await openPage(bob, OPTIONS);
    await pageShows(bob, OPTIONS, "#open-with option");
    await page(bob, OPTIONS, choose("thunderbird"));
    const ours = () => "@mozilla.org/mimecth;1?type=application/pkcs7-mime" in Cc;
    await until("our part to be taken back", async () => !(await bob.chrome(ours)));
    photograph("options-open-with");
    await bob.chrome(() => mainWindow().document.getElementById("tabmail").switchToTab(0));
    const left = await shows(bob, ({ text, bars }) => text.includes(SECRET) && !bars.some(isOurs));
    assert.equal(left.crypto.technology, "S/MIME");
    await page(bob, OPTIONS, choose("addon"));
    await until("our part to be there again", () => bob.chrome(ours));
    await bob.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.closeOtherTabs(tabmail.tabInfo[0]);
    });
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });

  test("after the second start mail opens just as well", async () => {
    await restartBob();
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });

  test("switched off while it runs, it leaves Thunderbird as it was", async () => {
    await show(mails.sealed);
    await shows(bob, hasVerdict);
    const handlers = () => {
      const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
      return [
        "@mozilla.org/mime/pgp-mime-js-decrypt;1",
        "@mozilla.org/streamconv;1?from=message/rfc822&to=application/xhtml+xml",
      ].map((contract) => String(registrar.contractIDToCID(contract)));
    };
    const ours = await bob.chrome(handlers);
    await switchAddon("disable");
    const shown = await shows(bob, ({ bars }) => !bars.some(({ value }) => value.startsWith("dane")));
    assert.ok(!shown.html.includes(SECRET));
    const native = await bob.chrome(handlers);
    assert.ok(native.every((/** @type {string} */ id, /** @type {number} */ index) => id !== ours[index]));
    await show(openPgpSigned());
    await shows(bob, ({ text }) => text.includes("signed with OpenPGP"));
    await show(mails.clear);
    await shows(bob, ({ text }) => text.includes(SECRET));

    await switchAddon("enable");
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });

  test("in a Thunderbird that lacks a part, it takes nothing over, and says so", async () => {
    const OPTIONS = "ui/options/options.html";
    const PART = "@mozilla.org/streamconv;1?from=message/rfc822&to=application/xhtml+xml";
    await switchAddon("disable");
    const before = await bob.chrome((contract) => {
      const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
      const id = String(registrar.contractIDToCID(contract));
      // What a factory that goes leaves behind is a contract that nobody fulfils.
      const factory = { QueryInterface: ChromeUtils.generateQI(["nsIFactory"]), createInstance() {} };
      const passing = Services.uuid.generateUUID();
      registrar.registerFactory(passing, "", contract, factory);
      registrar.unregisterFactory(passing, factory);
      return id;
    }, PART);
    await switchAddon("enable");
    const taken = () => "@mozilla.org/mimecth;1?type=application/pkcs7-mime" in Cc;
    assert.equal(await bob.chrome(taken), false);
    await show(mails.clear);
    const shown = await shows(bob, ({ text }) => text.includes(SECRET));
    assert.ok(!shown.bars.some(isOurs));
    await openPage(bob, OPTIONS);
    await pageShows(bob, OPTIONS, "#open-with-missing:not([hidden])");
    photograph("options-missing");
    assert.match((await page(bob, OPTIONS)).text, /This version of Thunderbird lacks .*xhtml/);

    await bob.chrome(() => {
      const tabmail = mainWindow().document.getElementById("tabmail");
      tabmail.closeOtherTabs(tabmail.tabInfo[0]);
    });
    await switchAddon("disable");
    await bob.chrome(
      (contract, id) => {
        const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
        registrar.registerFactory(Components.ID(id), "", contract, null);
      },
      PART,
      before,
    );
    await switchAddon("enable");
    await show(mails.sealed);
    assert.match(verdict(await shows(bob, hasVerdict)), /Signed by alice/);
  });
});

/** As the button on the page of add-ons does. @param {"enable" | "disable"} how */
async function switchAddon(how) {
  await bob.chrome(async (method) => {
    const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
    await (await AddonManager.getAddonByID("dane-smime@dane-smime.org"))[method]();
  }, how);
  if (how === "enable") await bob.addonActive();
}

/** Chooses who opens mail on the settings page. @param {string} who */
function choose(who) {
  return `const select = content.document.getElementById("open-with");
    select.value = ${JSON.stringify(who)};
    select.dispatchEvent(new content.Event("change"))`;
}

/** @param {{value: string}} bar */
function isOurs({ value }) {
  return value.startsWith("dane");
}
