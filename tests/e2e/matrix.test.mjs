/**
 * Fail closed, as a matrix: at each stage of sending, everything that can go wrong. After each case: nothing has left
 * unprotected, nothing twice; the window still holds everything; the words say what happened; sending again works.
 *
 * The stages: `look-up` (the recipients are looked up anew when Send is pressed), `encapsulate` (the host has the mail and has
 * answered nothing yet), `append` (a piece of its answer is here), `deliver` (the mail is built, and the server has been told of
 * it; what it does with a mail that it has got is out of everybody's hands).
 *
 * What cannot be driven, and why, stands in NOT_DRIVEN below; a cell that is in neither fails a test.
 */

import { strict as assert } from "node:assert";
import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { closeAll, composed, openCompose, pressSend, sent } from "../support/composing.mjs";
import { userAt } from "../support/keyring.mjs";
import { FAULTY_HOST, giveOrders, requestsSeen } from "../support/orders.mjs";
import { remove, sleep, temporaryDirectory, until } from "../support/process.mjs";
import { setSettings, stopEventPage } from "../support/settings.mjs";
import { SmtpSpool } from "../support/smtp.mjs";
import { ADDON_ID, registerHost, Thunderbird, unregisterHost } from "../support/thunderbird.mjs";
import { answer, dialog, screen } from "../support/windows.mjs";

const SECRET = "Every word of this took an hour.";

const STAGES = /** @type {const} */ (["look-up", "encapsulate", "append", "deliver"]);
const FAULTS = /** @type {const} */ ([
  "host error",
  "crash",
  "hang",
  "kill -9",
  "slow",
  "wrong answer",
  "truncated answer",
  "missing host",
  "old host",
  "locked keyring",
  "disk full",
  "add-on reloaded",
  "WebExtension process killed",
  "user cancels",
  "window closed",
  "Thunderbird quits",
]);

/** @typedef {(typeof STAGES)[number]} Stage @typedef {(typeof FAULTS)[number]} Fault */

/** @type {Partial<Record<`${Stage} × ${Fault}`, string>>} */
const NOT_DRIVEN = {
  "look-up × locked keyring": "looking up needs no key",
  "look-up × disk full": "looking up writes nothing; the host's cache is best effort",
  "encapsulate × disk full": "the host writes nothing; what Thunderbird has written by then is in the case of append",
  "append × missing host": "a host that has begun to answer is there",
  "append × old host": "its version was settled with the hello",
  "append × locked keyring": "the key is used before the first piece",
  "deliver × missing host": "nothing is asked of the host any more: the case of its crash shows that",
  "deliver × old host": "the same",
  "deliver × locked keyring": "the same",
  "deliver × disk full": "the mail is on the server; a copy that cannot be stored is Thunderbird's own question",
};

/** @type {string} */
let home;
/** @type {SmtpSpool} */
let smtp;
/** @type {Thunderbird} */
let tb;
let number = 0;

before(async () => {
  home = temporaryDirectory();
  smtp = await SmtpSpool.start(join(home, "spool"));
  order({});
  writeFileSync(join(home, "notes.txt"), "attached\n");
  tb = await Thunderbird.start({
    user: userAt(home),
    account: { email: "alice@example.test", name: "Alice", smtp },
    host: FAULTY_HOST,
  });
});

after(async () => {
  await tb?.stop();
  await smtp?.stop();
  remove(home);
});

/** @param {object} orders to the faulty host */
const order = (orders) => giveOrders(home, orders);

/** How many requests of a type the host has seen. @param {string} type */
const count = (type) => requestsSeen(home).filter((request) => request.type === type).length;

/** What becomes of mails at the server: nothing, until `release`. */
function hold() {
  let release = () => {};
  let arrived = 0;
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  smtp.fault = () => {
    arrived++;
    return /** @type {Promise<undefined>} */ (held);
  };
  return { release, arrived: () => until("the server to have the mail", () => arrived > 0) };
}

const killHosts = async () => {
  for (const pid of tb.hostPids()) process.kill(pid, "SIGKILL");
  await until("the hosts to be gone", () => tb.hostPids().length === 0);
};

/** Kills the process in which add-ons run. */
const killAddons = async () => {
  const pid = await tb.chrome(async () => {
    const { children } = await ChromeUtils.requestProcInfo();
    return children.find(({ type }) => type === "extension").pid;
  });
  process.kill(pid, "SIGKILL");
};

const reloadAddon = () =>
  tb.chrome(async (id) => {
    const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
    const addon = await AddonManager.getAddonByID(id);
    await addon.reload();
  }, ADDON_ID);

/** Presses Cancel in the dialogue that Thunderbird shows while it sends. */
const cancelSending = () =>
  tb.chrome(async () => {
    const progress = await until("the progress dialogue", () =>
      [...Services.wm.getEnumerator(null)].find(
        (win) => win.location.href.includes("sendProgress") && win.document.readyState === "complete",
      ),
    );
    await until("the dialogue to be ready", () =>
      progress.document.getElementById("dialog.status").getAttribute("value"),
    );
    progress.document.querySelector("dialog").cancelDialog();
  });

/** Presses the button of a bar in the compose window. @param {number} mail @param {RegExp} words @param {string} label */
const pressInBar = (mail, words, label) =>
  tb.chrome(
    async (id, source, text) => {
      const box = windowById(id).gComposeNotification;
      const button = await until("the bar", () => {
        const bar = box.allNotifications.find(({ messageText }) => new RegExp(source).test(messageText?.textContent));
        return [...(bar?.buttonContainer.querySelectorAll("button") ?? [])].find((each) => each.label === text);
      });
      button.click();
    },
    mail,
    words.source,
    label,
  );

/** Closes the window as its close button does, and leaves the question that comes to the caller. @param {number} mail */
const closeWindow = (mail) =>
  tb.chrome((id) => {
    const win = windowById(id);
    win.setTimeout(() => {
      // What the window manager's button sends.
      if (win.dispatchEvent(new win.Event("close", { cancelable: true }))) win.close();
    }, 0);
  }, mail);

const quit = () =>
  tb.chrome(() => {
    mainWindow().setTimeout(() => mainWindow().goQuitApplication(), 0);
  });

/**
 * One case. `fault` is arranged before the mail is written; `during` happens when the stage is reached. Then either `words` are
 * said and the mail is still there, or `goes`: it has left after all; or `gone`: its writer has thrown it away.
 *
 * @typedef {object} Case
 * @property {any} [orders] the host's, while it lasts
 * @property {() => unknown} [arrange]
 * @property {number} [patience]
 * @property {(mail: number) => unknown} [during]
 * @property {RegExp} [words]
 * @property {true} [silent] nothing is said: who cancels knows
 * @property {true} [goes] for the reader: without the other three it leaves
 * @property {true} [gone]
 */

const LOCKED = { error: { code: "keyring-locked", message: "x" } };
const ERROR = { error: { code: "new-word", message: "Feed the cat." } };
const LONG = 30_000;

/** @type {Record<Stage, Partial<Record<Fault, Case>>>} */
const CASES = {
  "look-up": {
    "host error": { orders: { lookup: ERROR }, words: /could not be checked.*Feed the cat/s },
    crash: { orders: { lookup: "crash" }, words: /could not be checked.*stopped before/s },
    hang: { orders: { lookup: "hang" }, patience: 0.05, words: /could not be checked.*did not answer in time/s },
    "kill -9": { orders: { lookup: "hang" }, during: killHosts, words: /could not be checked.*stopped before/s },
    slow: { orders: { lookup: { slow: 1200 } }, goes: true },
    "wrong answer": { orders: { lookup: "garbage" }, words: /could not be checked/ },
    "truncated answer": { orders: { lookup: "cut" }, words: /could not be checked/ },
    "missing host": {
      arrange: async () => {
        unregisterHost(home);
        await stopEventPage(tb);
      },
      words: /not installed/,
    },
    "old host": {
      arrange: async () => {
        await stopEventPage(tb);
        order({ answers: { hello: { type: "hello", protocol: 0, host: "0.0.1", features: [] } } });
      },
      words: /versions that do not fit/,
    },
    "add-on reloaded": { orders: { lookup: { slow: LONG } }, during: reloadAddon, words: /did not answer in time/ },
    "WebExtension process killed": {
      orders: { lookup: { slow: LONG } },
      during: killAddons,
      words: /did not answer in time/,
    },
    "user cancels": {
      orders: { lookup: { slow: 5000 } },
      during: (mail) => pressInBar(mail, /checking the recipients/, "Cancel"),
      silent: true,
    },
    "window closed": {
      orders: { lookup: { slow: 3000 } },
      during: async (mail) => {
        await closeWindow(mail);
        await answer(tb, await dialog(tb, /Save/), "Discard changes");
      },
      gone: true,
    },
    "Thunderbird quits": {
      orders: { lookup: { slow: 3000 } },
      during: async () => {
        await quit();
        await answer(tb, await dialog(tb, /Save/), "Cancel");
      },
      goes: true,
    },
  },
  encapsulate: {
    "host error": { orders: { protect: ERROR }, words: /Feed the cat/ },
    crash: { orders: { protect: "crash" }, words: /stopped before it had finished/ },
    hang: { orders: { protect: "hang" }, patience: 0.05, words: /did not answer in time/ },
    "kill -9": { orders: { protect: "hang" }, during: killHosts, words: /stopped before it had finished/ },
    slow: { orders: { protect: { slow: 1200 } }, goes: true },
    "wrong answer": { orders: { protect: "plain" }, words: /makes no sense/ },
    "truncated answer": { orders: { protect: "cut" }, words: /stopped before it had finished/ },
    "missing host": {
      orders: { lookup: { slow: 1500 }, protect: "crash" }, // it was there for the look-up, and is gone for the rest
      during: async () => {
        unregisterHost(home);
        await until("the host to be gone", () => tb.hostPids().length === 0);
      },
      words: /stopped before it had finished|not installed/,
    },
    "old host": { orders: { protect: { error: { code: "bad-request", message: "x" } } }, words: /did not understand/ },
    "locked keyring": { orders: { protect: LOCKED }, words: /keyring.*locked/ },
    "add-on reloaded": { orders: { protect: { slow: LONG } }, during: reloadAddon, words: /did not answer in time/ },
    "WebExtension process killed": {
      orders: { protect: { slow: LONG } },
      during: killAddons,
      words: /did not answer in time/,
    },
    "user cancels": { orders: { protect: { slow: LONG } }, during: cancelSending, silent: true },
    "window closed": {
      orders: { protect: { slow: 3000 } },
      during: async (mail) => {
        await closeWindow(mail);
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Quit");
      },
      gone: true,
    },
    "Thunderbird quits": {
      orders: { protect: { slow: 3000 } },
      during: async () => {
        await quit();
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Wait");
      },
      goes: true,
    },
  },
  append: {
    "host error": { orders: { protect: { midway: ERROR } }, words: /Feed the cat/ },
    crash: { orders: { protect: { midway: "crash" } }, words: /stopped before it had finished/ },
    hang: { orders: { protect: { midway: "hang" } }, patience: 0.05, words: /did not answer in time/ },
    "kill -9": { orders: { protect: { midway: "hang" } }, during: killHosts, words: /stopped before it had finished/ },
    slow: { orders: { protect: { midway: { slow: 1200 } } }, goes: true },
    "wrong answer": { orders: { protect: { midway: "plain" } }, words: /makes no sense/ },
    "truncated answer": { orders: { protect: { midway: "short" } }, words: /makes no sense/ },
    "disk full": {
      orders: { protect: { midway: { slow: 1500 } } },
      during: () => {
        const [file] = temporaryFiles();
        rmSync(join(home, "tmp", file ?? ""));
        symlinkSync("/dev/full", join(home, "tmp", file ?? ""));
      },
      words: /disk is full/,
    },
    "add-on reloaded": {
      orders: { protect: { midway: { slow: LONG } } },
      during: reloadAddon,
      words: /did not answer in time/,
    },
    "WebExtension process killed": {
      orders: { protect: { midway: { slow: LONG } } },
      during: killAddons,
      words: /did not answer in time/,
    },
    "user cancels": { orders: { protect: { midway: { slow: LONG } } }, during: cancelSending, silent: true },
    "window closed": {
      orders: { protect: { midway: { slow: 3000 } } },
      during: async (mail) => {
        await closeWindow(mail);
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Quit");
      },
      gone: true,
    },
    "Thunderbird quits": {
      orders: { protect: { midway: { slow: 3000 } } },
      during: async () => {
        await quit();
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Wait");
      },
      goes: true,
    },
  },
  deliver: {
    "host error": { arrange: () => serverSays("550 not this one"), words: /not this one/ },
    // Thunderbird does not notice that a server has gone, and waits until it is told to stop.
    crash: { arrange: () => serverSays("drop"), during: cancelSending, silent: true },
    hang: { arrange: () => serverSays("hang"), during: cancelSending, silent: true },
    "kill -9": { during: killHosts, goes: true },
    slow: { during: () => sleep(1200), goes: true },
    "wrong answer": { arrange: () => serverSays("xyzzy"), words: /xyzzy/ },
    "truncated answer": { arrange: () => serverSays("25"), words: /\b25\b/ },
    "add-on reloaded": { during: reloadAddon, goes: true },
    "WebExtension process killed": { during: killAddons, goes: true },
    "user cancels": { during: cancelSending, silent: true },
    "window closed": {
      during: async (mail) => {
        await closeWindow(mail);
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Quit");
      },
      gone: true,
    },
    "Thunderbird quits": {
      during: async () => {
        await quit();
        await answer(tb, await dialog(tb, /currently in the process of sending/), "Wait");
      },
      goes: true,
    },
  },
};

/** @param {string} reply */
function serverSays(reply) {
  smtp.fault = () => reply;
}

/** What our sending has left in the temporary directory. Thunderbird removes its files after it has said that a mail has left. */
const temporaryFiles = () => readdirSync(join(home, "tmp")).filter((name) => name.startsWith("nsemail"));

/** How many copies lie in Sent. */
const copies = () =>
  tb.chrome(() => {
    const folders = [...MailServices.accounts.localFoldersServer.rootFolder.descendants];
    return folders.find(({ name }) => name === "Sent")?.getTotalMessages(false) ?? 0;
  });

/** Everything that has left is encrypted, and there are so many. @param {number} expected */
function assertLeft(expected) {
  for (const { bytes } of smtp.mails()) {
    assert.match(bytes.toString("latin1"), /smime-type=enveloped-data/);
    assert.ok(!bytes.includes(SECRET));
  }
  assert.equal(smtp.mails().length, expected);
}

/** Waits until the mail is at the stage. @param {Stage} stage @param {Record<string, number>} seen @param {ReturnType<typeof hold> | undefined} held */
async function reached(stage, seen, held) {
  const type = stage === "look-up" ? "lookup" : "protect";
  if (stage === "deliver") await held?.arrived();
  else await until(`the request ${type}`, () => count(type) > (seen[type] ?? 0));
}

/** @param {Stage} stage @param {Case} aCase */
async function run(stage, { orders = {}, arrange, patience, during, words, silent, gone }) {
  smtp.clear();
  const storedBefore = await copies();
  const to = `bob${++number}@example.test`; // looked up anew
  const held = stage === "deliver" && !arrange ? hold() : undefined;
  const seen = { lookup: count("lookup"), protect: count("protect") };
  order({ faults: orders });
  if (patience) await setSettings(tb, { patience });
  await arrange?.();

  const mail = await openCompose(tb, {
    to,
    subject: "Do not lose me",
    body: `<p>${SECRET}</p>`,
    attachments: [join(home, "notes.txt")],
  });
  // Typed, not filled in: Thunderbird asks before it throws that away.
  await tb.chrome((id) => {
    windowById(id).gContentChanged = true;
  }, mail);
  await pressSend(tb, mail);
  if (during) {
    if (stage !== "deliver" || held) await reached(stage, seen, held);
    await during(mail);
  }
  held?.release();

  if (words) {
    const said = await dialog(tb, words, 40_000);
    await answer(tb, said, said.buttons.find((label) => /back|OK/i.test(label)) ?? "OK");
  }
  smtp.fault = () => undefined;
  order({});
  registerHost(home, FAULTY_HOST);
  if (patience) await setSettings(tb, { patience: 1 });

  if (words || silent) {
    const kept = await until("the window to be free", async () => {
      const now = await composed(tb, mail);
      return now.editable && now;
    });
    assert.deepEqual([kept.to, kept.subject], [[to], "Do not lose me"]);
    assert.ok(kept.text.includes(SECRET));
    assert.deepEqual(
      kept.attachments.map(({ name }) => name),
      ["notes.txt"],
    );
    assertLeft(0);
    assert.equal(await copies(), storedBefore);
    await pressSend(tb, mail);
  }
  await sent(tb, mail, 30_000);
  if (gone) await sleep(3500); // longer than the host or the server is slow
  assertLeft(gone ? 0 : 1);
  assert.equal(await copies(), storedBefore + (gone ? 0 : 1));
  assert.deepEqual((await screen(tb)).dialogs, []);
  await until("nothing to lie about", () => temporaryFiles().length === 0);
}

for (const stage of STAGES) {
  for (const fault of FAULTS) {
    const aCase = CASES[stage][fault];
    if (!aCase) continue;
    test(`${stage} × ${fault}`, async (t) => {
      t.after(async () => {
        smtp.fault = () => undefined;
        order({});
        registerHost(home, FAULTY_HOST);
        await closeAll(tb);
      });
      await run(stage, aCase);
    });
  }
}

test("every cell is driven, or it is said why not", () => {
  const cells = STAGES.flatMap((stage) => FAULTS.map((fault) => /** @type {const} */ (`${stage} × ${fault}`)));
  const missing = cells.filter((cell) => {
    const [stage, fault] = /** @type {[Stage, Fault]} */ (cell.split(" × "));
    return Boolean(CASES[stage][fault]) === Boolean(NOT_DRIVEN[cell]);
  });
  assert.deepEqual(missing, []);
});
