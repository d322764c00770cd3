/**
 * Mail that leaves without a compose window, and so without encryption: where encryption is required it does not leave, and
 * a person is told. Each way is driven twice, over SMTP and through Exchange: it works where nothing is required, so what stops
 * it is the guard.
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { Exchange, sendThroughExchange } from "../support/exchange.mjs";
import { userAt } from "../support/keyring.mjs";
import { FAULTY_HOST, giveOrders } from "../support/orders.mjs";
import { remove, temporaryDirectory, until } from "../support/process.mjs";
import { setSettings, stopEventPage } from "../support/settings.mjs";
import { SmtpSpool } from "../support/smtp.mjs";
import { ADDON_ID, ROOT, Thunderbird } from "../support/thunderbird.mjs";
import { picture } from "../support/windows.mjs";

const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");
const REQUIRED = [{ match: "alice@example.test", encrypt: "required" }];

/** @type {string} */
let home;
/** @type {SmtpSpool} */
let smtp;
/** @type {Exchange} */
let exchange;
/** The outgoing servers' keys. */
const keys = { SMTP: "smtp1", Exchange: "" };
/** @type {Thunderbird} */
let tb;

before(async () => {
  home = temporaryDirectory();
  smtp = await SmtpSpool.start(join(home, "spool"));
  giveOrders(home, {});
  tb = await Thunderbird.start({
    user: userAt(home),
    account: { email: "alice@example.test", name: "Alice", smtp },
    host: FAULTY_HOST,
    preferences: {
      "mail.mdn.report.not_in_to_cc": 1,
      "mail.mdn.report.outside_domain": 1,
      "mail.mdn.report.other": 1,
      // Receipts and calendar replies need an account that gets mail; this one never asks for any.
      "mail.server.server1.type": "pop3",
      "mail.server.server1.hostname": "127.0.0.1",
      "mail.server.server1.port": 9,
      "mail.server.server1.login_at_startup": false,
      "mail.server.server1.check_new_mail": false,
    },
  });
  await receive();
  exchange = await Exchange.start();
  keys.Exchange = await sendThroughExchange(tb, exchange.url);
});

after(async () => {
  await tb?.stop();
  exchange?.stop();
  await smtp?.stop();
  remove(home);
});

afterEach(async () => {
  await setSettings(tb, { accounts: [] });
  await tb.chrome(() => {
    const box = mainWindow().specialTabs.msgNotificationBar;
    for (const bar of [...box.allNotifications]) box.removeNotification(bar, true);
  });
  smtp.clear();
  exchange.mails = [];
});

/** Has Alice's mail go out through that server. @param {keyof typeof keys} server */
const through = (server) =>
  tb.chrome((key) => {
    MailServices.accounts.allIdentities[0].smtpServerKey = key;
  }, keys[server]);

/** To whom each mail went that has left, over whichever server. */
const left = () => [
  ...smtp.mails().map(({ to }) => to.join()),
  ...exchange.mails.map(({ text }) => /^To:\s*(?:.*<)?([^\s>]+)/im.exec(text)?.[1]),
];

/** A mail from Bob that asks for a receipt lies in the inbox. */
const receive = () =>
  tb.chrome(async () => {
    const root = MailServices.accounts.defaultAccount.incomingServer.rootFolder;
    if (!root.containsChildNamed("Inbox")) root.createSubfolder("Inbox", null);
    const inbox = await until("the inbox", () => [...root.subFolders].find(({ name }) => name === "Inbox"));
    const lines = [
      "From: bob@example.test",
      "To: alice@example.test",
      "Subject: Tea",
      "Message-ID: <tea@example.test>",
      "Date: Sun, 22 Nov 2026 08:00:00 +0000",
      "Disposition-Notification-To: bob@example.test",
      "Content-Type: text/plain",
      "",
      "Tea?",
      "",
    ];
    inbox
      .QueryInterface(Ci.nsIMsgLocalMailFolder)
      .addMessage(`From - Sun Nov 22 08:00:00 2026\r\n${lines.join("\r\n")}`);
    await until("the mail", () => inbox.getTotalMessages(false) === 1);
  });

/** The ways, each with what a person reads where it is refused. @type {Record<string, { go: () => Promise<unknown>, words: RegExp }>} */
const WAYS = {
  "another add-on's messages.sendMessage": {
    go: async () => {
      await tb.marionette.command("Addon:Install", { path: join(ROOT, "tests/support/other-addon"), temporary: true });
      await tb.chrome(async () => {
        const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
        const { ExtensionPermissions } = ChromeUtils.importESModule(
          "resource://gre/modules/ExtensionPermissions.sys.mjs",
        );
        const extension = ExtensionParent.GlobalManager.getExtension("other@example.test");
        await ExtensionPermissions.add(extension.id, { permissions: ["messages.send"], origins: [] }, extension);
      });
    },
    words: /A mail to bob@example\.test was not sent: a filter or another add-on/,
  },
  "a receipt": {
    go: () =>
      tb.chrome(() => {
        const inbox = [...MailServices.accounts.defaultAccount.incomingServer.rootFolder.subFolders].find(
          ({ name }) => name === "Inbox",
        );
        const [header] = [...inbox.messages];
        const headers = Cc["@mozilla.org/messenger/mimeheaders;1"].createInstance(Ci.nsIMimeHeaders);
        headers.initialize(
          "From: bob@example.test\r\nTo: alice@example.test\r\nMessage-ID: <tea@example.test>\r\n" +
            "Return-Path: <bob@example.test>\r\nDisposition-Notification-To: bob@example.test\r\n",
        );
        const generator = Cc["@mozilla.org/messenger-mdn/generator;1"].createInstance(Ci.nsIMsgMdnGenerator);
        generator.process(
          Ci.nsIMsgMdnGenerator.eDisplayed,
          mainWindow().msgWindow,
          inbox,
          header.messageKey,
          headers,
          false,
        );
      }),
    words: /A receipt to bob@example\.test was not sent: receipts leave unencrypted/,
  },
  "a calendar reply": {
    go: () =>
      tb.chrome(() => {
        const { CalItipEmailTransport } = ChromeUtils.importESModule(
          "resource:///modules/CalItipEmailTransport.sys.mjs",
        );
        const { CalAttendee } = ChromeUtils.importESModule("resource:///modules/CalAttendee.sys.mjs");
        const item = Cc["@mozilla.org/calendar/itip-item;1"].createInstance(Ci.calIItipItem);
        item.init(
          [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//tests//EN",
            "METHOD:REPLY",
            "BEGIN:VEVENT",
            "UID:tea@example.test",
            "DTSTAMP:20261122T080000Z",
            "DTSTART:20261126T150000Z",
            "SUMMARY:Tea",
            "ORGANIZER:mailto:bob@example.test",
            "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.test",
            "END:VEVENT",
            "END:VCALENDAR",
          ].join("\r\n"),
        );
        item.responseMethod = "REPLY";
        item.autoResponse = Ci.calIItipItem.AUTO;
        const [bob, alice] = ["bob", "alice"].map((name) => {
          const attendee = new CalAttendee();
          attendee.id = `mailto:${name}@example.test`;
          attendee.participationStatus = "ACCEPTED";
          return attendee;
        });
        CalItipEmailTransport.createInstance().sendItems([bob], item, alice);
      }),
    words: /A calendar message to bob@example\.test was not sent/,
  },
  "a filter that forwards": {
    go: () =>
      tb.chrome(async () => {
        const inbox = [...MailServices.accounts.defaultAccount.incomingServer.rootFolder.subFolders].find(
          ({ name }) => name === "Inbox",
        );
        const list = MailServices.filters.getTempFilterList(inbox);
        const filter = list.createFilter("forward");
        const term = filter.createTerm();
        term.attrib = Ci.nsMsgSearchAttrib.Subject;
        term.op = Ci.nsMsgSearchOp.Contains;
        const value = term.value;
        value.attrib = term.attrib;
        value.str = "Tea";
        term.value = value;
        filter.appendTerm(term);
        const action = filter.createAction();
        action.type = Ci.nsMsgFilterAction.Forward;
        action.strValue = "bob@example.test";
        filter.appendAction(action);
        filter.enabled = true;
        list.insertFilterAt(0, filter);
        MailServices.filters.applyFiltersToFolders(list, [inbox], mainWindow().msgWindow);
      }),
    words: /A mail to bob@example\.test was not sent: a filter/,
  },
  "an unprotected mail in the Outbox": {
    go: () =>
      tb.chrome(async () => {
        const [identity] = MailServices.accounts.allIdentities;
        const later = Cc["@mozilla.org/messengercompose/sendlater;1"].getService(Ci.nsIMsgSendLater);
        const outbox = later.getUnsentMessagesFolder(identity);
        if (outbox.getTotalMessages(false) === 0) {
          const lines = [
            "X-Mozilla-Status: 0801",
            "X-Mozilla-Status2: 00000000",
            `X-Identity-Key: ${identity.key}`,
            "From: alice@example.test",
            "To: bob@example.test",
            "Subject: Hello",
            "Message-ID: <queued@example.test>",
            "Content-Type: text/plain",
            "",
            "Do not lose me",
            "",
          ];
          outbox
            .QueryInterface(Ci.nsIMsgLocalMailFolder)
            .addMessage(`From - Sun Nov 22 08:00:00 2026\r\n${lines.join("\r\n")}`);
        }
        await until("the Outbox to be quiet", () => !later.sendingMessages);
        later.sendUnsentMessages(identity);
      }),
    words: /A mail to bob@example\.test stays in the Outbox: it is not encrypted/,
  },
  "a file handed to the outgoing server": {
    go: () =>
      tb.chrome(async () => {
        const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
        file.append("direct.eml");
        await IOUtils.writeUTF8(
          file.path,
          "From: alice@example.test\r\nTo: bob@example.test\r\n\r\nDo not lose me\r\n",
        );
        const [identity] = MailServices.accounts.allIdentities;
        const to = MailServices.headerParser.parseEncodedHeaderW("bob@example.test");
        const server = MailServices.outgoingServer.getServerByIdentity(identity);
        const listener = {
          QueryInterface: ChromeUtils.generateQI(["nsIMsgOutgoingListener"]),
          onSendStart() {},
          onSendStop() {},
        };
        server.sendMailMessage(file, to, [], identity, identity.email, "", null, false, "x@example.test", listener);
      }),
    words: /A mail to bob@example\.test was not sent/,
  },
};

/** What the bars in the main window say. @returns {Promise<{ text: string, buttons: string[] }[]>} */
const told = () =>
  tb.chrome(() =>
    mainWindow().specialTabs.msgNotificationBar.allNotifications.map((bar) => ({
      text: bar.messageText?.textContent.trim() ?? "",
      buttons: [...bar.buttonContainer.querySelectorAll("button")].map(({ label }) => label),
    })),
  );

/** @param {RegExp} words */
const toldThat = (words) =>
  until(`the words ${words}`, async () => (await told()).find(({ text }) => words.test(text)));

for (const server of /** @type {(keyof typeof keys)[]} */ (["Exchange", "SMTP"])) {
  describe(`through ${server}`, () => {
    before(() => through(server));

    for (const [name, { go, words }] of Object.entries(WAYS)) {
      test(`${name} does not leave where encryption is required`, async () => {
        await setSettings(tb, { accounts: REQUIRED });
        await go();
        await toldThat(words);
        await picture(tb, join(PICTURES, `guard-${server}-${Object.keys(WAYS).indexOf(name) + 1}.png`));
        assert.deepEqual(left(), []);
      });

      test(`${name} leaves where it is not`, async () => {
        await go();
        await until("the mail", () => left().length > 0);
        assert.deepEqual(left(), ["bob@example.test"]);
        assert.equal((server === "SMTP" ? smtp.mails() : exchange.mails).length, 1);
        assert.deepEqual(await told(), []);
      });
    }
  });
}

test("who was told can allow such mail from then on", async () => {
  await setSettings(tb, { accounts: REQUIRED });
  const { go, words } = /** @type {any} */ (WAYS["a calendar reply"]);
  await go();
  assert.deepEqual((await toldThat(words)).buttons, ["Allow such mail from now on"]);
  await tb.chrome(() =>
    mainWindow().specialTabs.msgNotificationBar.allNotifications[0].buttonContainer.querySelector("button").click(),
  );
  await until("the mail to leave", async () => {
    await go();
    return smtp.mails().length > 0;
  });
});

test("an event page that sleeps is woken to say whether a mail may leave", async () => {
  const { go } = /** @type {any} */ (WAYS["a calendar reply"]);
  await stopEventPage(tb);
  await go();
  assert.deepEqual((await smtp.next()).to, ["bob@example.test"]);
});

test("a server that is not SMTP is itself in everything but sending", async () => {
  await through("Exchange");
  const seen = await tb.chrome(() => {
    const [identity] = MailServices.accounts.allIdentities;
    const given = MailServices.outgoingServer.getServerByIdentity(identity);
    const real = MailServices.outgoingServer.getServerByKey(identity.smtpServerKey);
    given.description = "Ours";
    const names = ["key", "type", "displayname", "authMethod", "username", "description", "UID"];
    return {
      given: [...names.map((name) => given[name]), given.serverURI.spec],
      real: [...names.map((name) => real[name]), real.serverURI.spec],
      described: real.description,
      kinds: [given instanceof Ci.IExchangeOutgoingServer, given instanceof Ci.nsISmtpServer],
      listed: MailServices.outgoingServer.servers.includes(MailServices.outgoingServer.defaultServer),
    };
  });
  assert.deepEqual(seen.given, seen.real);
  assert.equal(seen.described, "Ours");
  assert.deepEqual(seen.kinds, [true, false]);
  assert.ok(seen.listed);
});

test("switched off, the add-on leaves nothing of itself; switched on again, it guards", async () => {
  const { go, words } = /** @type {any} */ (WAYS["a receipt"]);
  const switchTo = (/** @type {boolean} */ on) =>
    tb.chrome(
      async (id, enable) => {
        const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
        const addon = await AddonManager.getAddonByID(id);
        await (enable ? addon.enable() : addon.disable());
      },
      ADDON_ID,
      on,
    );
  await through("Exchange");
  await setSettings(tb, { accounts: REQUIRED });
  await tb.chrome(() => {
    mainWindow().keptServer = MailServices.outgoingServer.getServerByIdentity(MailServices.accounts.allIdentities[0]);
  });
  await switchTo(false);
  const wrapped = await tb.chrome(() => {
    const methods = {
      OutgoingServerService: ["getServerByIdentity"],
      SmtpServer: ["sendMailMessage"],
      MessageSend: ["_deliverMessage", "_deliverAsMail", "createAndSendMessage", "abort"],
      MimeMessage: ["createMessageFile", "_getComposeSecure"],
    };
    return Object.entries(methods).flatMap(([name, all]) => {
      const { prototype } = ChromeUtils.importESModule(`resource:///modules/${name}.sys.mjs`)[name];
      return all.filter((method) => prototype[method].name !== method);
    });
  });
  assert.deepEqual(wrapped, []);
  await go();
  await until("the receipt", () => left().length > 0);
  await tb.chrome(async () => {
    const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
    file.append("kept.eml");
    await IOUtils.writeUTF8(file.path, "From: alice@example.test\r\nTo: bob@example.test\r\n\r\nFrom before\r\n");
    const [identity] = MailServices.accounts.allIdentities;
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgOutgoingListener"]),
      onSendStart() {},
      onSendStop() {},
    };
    mainWindow().keptServer.sendMailMessage(file, [], [], identity, "", "", null, false, "kept@example.test", listener);
  });
  await until("what is sent with a server asked for before", () => left().length > 1);

  await switchTo(true);
  await tb.addonActive();
  exchange.mails = [];
  await go();
  await toldThat(words);
  assert.deepEqual(left(), []);
});
