/** Many recipients, and lists of them. */

import { strict as assert } from "node:assert";
import { describe, test } from "node:test";
import { marks, pressSend, sent } from "../../support/composing.mjs";
import { until } from "../../support/process.mjs";
import { setSettings } from "../../support/settings.mjs";
import { answer, dialog } from "../../support/windows.mjs";
import { order, outcome, photograph, smtp, tb, write } from "./scene.mjs";

describe("many recipients", () => {
  test("the marks of 50 come as their answers come: a domain that is silent holds up no other", async () => {
    order({ faults: { lookup: { when: { addresses: "slow@slow.test" }, slow: 18_000 } } });
    const others = Array.from({ length: 49 }, (_, i) => `${i % 7 ? "n" : "absent"}${i}@d${i % 30}.test`);
    const mail = await write({ to: ["slow@slow.test", ...others].join(", ") });
    const seen = await until("the marks of the others", async () => {
      const all = await marks(tb, mail);
      return others.every((address) => /found|missing/.test(all[address] ?? "")) && all;
    });
    assert.equal(seen["slow@slow.test"], "pending");
    assert.deepEqual([seen["absent7@d7.test"], seen["n8@d8.test"]], ["missing", "found"]);
    await photograph("writing-many", mail);
  });

  test("a mailing list is marked for its members, and they are named when it is sent", async () => {
    await tb.chrome(() => {
      const create = (contract, type) => Cc[contract].createInstance(type);
      const [book] = MailServices.ab.directories;
      const add = (name, members) => {
        const list = create("@mozilla.org/addressbook/directoryproperty;1", Ci.nsIAbDirectory);
        list.isMailList = true;
        list.dirName = name;
        const added = book.addMailList(list);
        for (const member of members) {
          const card = create("@mozilla.org/addressbook/cardproperty;1", Ci.nsIAbCard);
          card.primaryEmail = member;
          card.displayName = member;
          added.addCard(card);
        }
      };
      add("Hatters", ["absent@example.org"]);
      add("Tea party", ["bob@example.test", "Hatters"]); // a list in a list
    });
    const mail = await write({ to: "Tea party <Tea party>", cc: "carol@example.test" });
    const pill = () =>
      tb.chrome((id) => {
        const [found] = windowById(id).document.querySelectorAll("#toAddrContainer mail-address-pill");
        return { mark: found.getAttribute("dane-smime-mark"), words: found.getAttribute("tooltiptext") ?? "" };
      }, mail);
    await until("the list's mark", async () => (await pill()).mark === "missing");
    assert.match((await pill()).words, /\(1 of 2\):\n• absent@example\.org\s+example\.org has published no/);
    assert.doesNotMatch((await pill()).words, /bob@/);
    await photograph("writing-list", mail);
    await pressSend(tb, mail);
    const asked = await dialog(tb, /absent@example\.org/);
    assert.deepEqual(asked.buttons, ["Send unencrypted", "Go back"]);
    await answer(tb, asked, "Go back");
    assert.equal(smtp.mails().length, 0);
  });

  test("in a header of a hundred thousand octets, from who must encrypt; and no octet of it changes", async () => {
    await setSettings(tb, { defaults: { encrypt: "required" } });
    // What Windows-1252 makes of its octets is none of Latin-1.
    const umlauts = "Übel@example.test";
    const name = "Lobster of the Quadrille ".repeat(12);
    const others = Array.from({ length: 300 }, (_, i) => `${name}${i} <n${i}@example.test>`);
    const mail = await write({ to: [umlauts, ...others].join(", ") });
    await until("the marks", async () => Object.values(await marks(tb, mail)).every((mark) => mark === "found"));
    await pressSend(tb, mail);
    await sent(tb, mail);
    assert.deepEqual(outcome(), ["enveloped"]);
    const [header = ""] = smtp.mails()[0]?.bytes.toString("utf8").split("\r\n\r\n") ?? [];
    assert.ok(header.length > 80_000);
    assert.match(header, /^To: Übel@example\.test,/m);
    await setSettings(tb, { defaults: {} });
  });
});
