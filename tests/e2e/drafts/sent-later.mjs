/** Mail that waits in the Outbox. */

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sent } from "../../support/composing.mjs";
import { stopEventPage } from "../../support/settings.mjs";
import { unregisterHost } from "../../support/thunderbird.mjs";
import { inside, PLAIN, SECRET, tb, world, write } from "./scene.mjs";

describe("what is sent later", () => {
  const sendQueue = () =>
    tb.chrome(() => {
      const [identity] = MailServices.accounts.allIdentities;
      const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
      later.sendUnsentMessages(identity);
    });

  for (const [how, draft] of /** @type {[string, object][]} */ ([
    ["by Send Later", {}],
    ["by Send while offline, in plain text", { plain: true, body: PLAIN, attachments: [] }],
    ["by Send in the background", {}],
  ])) {
    test(`${how}: lies in the Outbox encrypted, and leaves without the program`, async (t) => {
      await tb.setPreference("mailnews.sendInBackground", how.includes("background"));
      t.after(() => tb.setPreference("mailnews.sendInBackground", false));
      const mail = await write(draft);
      const [offline, later] = [how.includes("offline"), how.includes("Later")];
      await tb.chrome(
        (id, isOffline, isLater) => {
          const win = windowById(id);
          Services.io.offline = isOffline;
          win.setTimeout(() => win.goDoCommand(isLater ? "cmd_sendLater" : "cmd_sendButton"), 0);
        },
        mail,
        offline,
        later,
      );
      await sent(tb, mail);
      const outbox = readFileSync(join(world.alice.user.home, "profile/Mail/Local Folders/Unsent Messages"), "latin1");
      assert.match(outbox, /smime-type=(auth)?enveloped-data/i);
      assert.deepEqual(world.mail.smtp.mails(), []);
      unregisterHost(world.alice.user.home);
      await stopEventPage(tb);
      await tb.chrome(() => {
        Services.io.offline = false;
      });
      await sendQueue();
      const { bytes } = await world.mail.smtp.next();
      assert.ok((await inside(bytes)).includes(SECRET));
    });
  }
});
