/** Finding, opening and reading mail in the main window, as a person does. */

import { isDeepStrictEqual } from "node:util";

/**
 * @typedef {object} Displayed
 * @property {string} subject as the header pane shows it
 * @property {string} from
 * @property {string} text the message's body as text
 * @property {string} html
 * @property {{name: string, contentType: string, size: number}[]} attachments
 * @property {{technology: string | null, encrypted: string | null, signed: string | null}} crypto Thunderbird's own
 *   icons, by the file name of the picture (`message-encrypted-ok`, `message-signed-ok` …); null: not shown
 * @property {import("./windows.mjs").Bar[]} bars all notification bars above the message
 */

/**
 * Asks the server for new mail and lists a folder, the newest first.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {"Inbox" | "SentMail" | "Drafts" | "Templates"} [which] the name of one of nsMsgFolderFlags
 * @returns {Promise<{key: number, messageId: string, subject: string, author: string}[]>}
 */
export function list(tb, which = "Inbox") {
  return tb.chrome(async (flag) => {
    const server = MailServices.accounts.defaultAccount.incomingServer;
    const find = () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags[flag]);
    if (server.type === "imap" && !find()) server.performExpand(mainWindow().msgWindow);
    const folder = await until(`the folder ${flag}`, find);
    if (server.type === "imap") {
      // Thunderbird tells no listener of its own call where an update is under way, but this it always tells.
      const loaded = Promise.withResolvers();
      const listener = {
        onFolderEvent: (which, event) =>
          which.URI === folder.URI && event === "FolderLoaded" && loaded.resolve(undefined),
      };
      MailServices.mailSession.AddFolderListener(listener, Ci.nsIFolderListener.event);
      folder.updateFolder(mainWindow().msgWindow);
      await loaded.promise;
      MailServices.mailSession.RemoveFolderListener(listener);
    }
    const headers = [...folder.messages].map((header) => ({
      key: header.messageKey,
      messageId: header.messageId,
      subject: header.mime2DecodedSubject,
      author: header.mime2DecodedAuthor,
    }));
    return headers.sort((a, b) => b.key - a.key);
  }, which);
}

/**
 * Waits until a mail is in the folder.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {(mail: {key: number, messageId: string, subject: string, author: string}) => boolean} wanted
 * @param {"Inbox" | "SentMail" | "Drafts" | "Templates"} [which]
 * @param {number} [ms]
 */
export async function arrived(tb, wanted, which = "Inbox", ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const mails = await list(tb, which);
    const found = mails.find(wanted);
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in ${which}; there is ${JSON.stringify(mails)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * Puts a raw message into the Inbox of Local Folders, for tests that need no server.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string | Buffer} message
 * @returns {Promise<{key: number}>} to be opened with `select(tb, mail, "local")`
 */
export function fileLocally(tb, message) {
  return tb.chrome(async (binary) => {
    const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
    let folder = root.containsChildNamed("Test") ? root.getChildNamed("Test") : root.createLocalSubfolder("Test");
    folder = folder.QueryInterface(Ci.nsIMsgLocalMailFolder);
    return { key: folder.addMessage(binary).messageKey };
  }, Buffer.from(message).toString("latin1"));
}

/**
 * Selects a message in the three-pane window and waits until it is drawn.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {{key: number}} mail
 * @param {"Inbox" | "SentMail" | "Drafts" | "local"} [which]
 */
export function select(tb, mail, which = "Inbox") {
  return tb.chrome(
    async (key, flag) => {
      const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
      const folder =
        flag === "local"
          ? MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("Test")
          : MailServices.accounts.defaultAccount.incomingServer.rootFolder.getFolderWithFlags(
              Ci.nsMsgFolderFlags[flag],
            );
      const header = folder.GetMessageHeader(key);
      about3Pane.displayFolder(folder.URI);
      await until("the folder to be shown", () => about3Pane.gFolder === folder && about3Pane.gDBView);
      // A folder on a server is listed before what has just come into it.
      const none = 0xffffffff;
      await until("the message to be listed", () => about3Pane.gDBView.findIndexOfMsgHdr(header, true) !== none);
      // Drawn anew even when it is the one that is selected already.
      about3Pane.threadTree.selectedIndex = -1;
      about3Pane.selectMessage(header);
      await until("the message to be drawn", () => {
        const view = about3Pane.messageBrowser.contentWindow;
        // A mail that Thunderbird itself cannot decrypt becomes an error page, and is then never called loaded.
        const errorPage = view.getMessagePaneBrowser().currentURI.schemeIs("data");
        return view.gMessage?.messageKey === key && view.gMessage.folder === folder && (view.msgLoaded || errorPage);
      });
      // The header pane and the add-on's parts settle after the body.
      await sleep(150);
    },
    mail.key,
    which,
  );
}

/**
 * What the message pane shows now.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @returns {Promise<Displayed>}
 */
export function displayed(tb) {
  return tb.chrome(() => {
    const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    const { document } = view;
    const icon = (id) => {
      const element = document.getElementById(id);
      if (!element || element.hidden || document.getElementById("cryptoBox").hidden) return null;
      return /([^/]+)\.svg/.exec(element.src)?.[1] ?? "";
    };
    const body = view.getMessagePaneBrowser().contentDocument.body;
    const cryptoBox = document.getElementById("cryptoBox");
    const boxes = [...document.querySelectorAll("notification-message")];
    return {
      subject: document.getElementById("expandedsubjectBox").value.textContent.trim(),
      from: view.currentHeaderData.from?.headerValue ?? "",
      text: body?.innerText ?? "",
      html: body?.innerHTML ?? "",
      attachments: view.currentAttachments.map(({ name, contentType, size }) => ({ name, contentType, size })),
      crypto: {
        technology: cryptoBox.hidden ? null : cryptoBox.getAttribute("tech"),
        encrypted: icon("encryptedHdrIcon"),
        signed: icon("signedHdrIcon"),
      },
      bars: boxes.map((bar) => ({
        value: bar.getAttribute("value"),
        text: bar.messageText?.textContent.trim() ?? "",
        buttons: [...(bar.buttonContainer?.querySelectorAll("button") ?? [])].map(
          (button) => button.label ?? button.textContent,
        ),
      })),
    };
  });
}

/**
 * Waits until what is shown fits and has come to rest, and hands it back. A mail that is opened is drawn more than once:
 * bar, icons and text do not come in the same moment, and a text that is still to come must not pass for none.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {(shown: Displayed) => boolean} fits
 * @param {number} [ms]
 */
export async function shows(tb, fits, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    const shown = await displayed(tb);
    if (fits(shown)) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (isDeepStrictEqual(await displayed(tb), shown)) return shown;
    }
    if (Date.now() > end) throw new Error(`the message pane shows ${JSON.stringify(shown, null, 2)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * The bytes of an attachment, fetched the way that saving it does.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} name
 * @returns {Promise<Buffer>}
 */
export async function attachment(tb, name) {
  const base64 = await tb.chrome(async (wanted) => {
    const view = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    const found = view.currentAttachments.find((candidate) => candidate.name === wanted);
    if (!found) throw new Error(`no attachment ${wanted}`);
    // A part that comes to nothing never ends Thunderbird's own fetching.
    const nothing = sleep(20000).then(() => {
      throw new Error(`nothing came for ${wanted}`);
    });
    return new Uint8Array(await Promise.race([found.fetchAttachment(), nothing])).toBase64();
  }, name);
  return Buffer.from(base64, "base64");
}

/**
 * Opens the message security panel, as a click on the lock does, and reads it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @returns {Promise<string>} all of its visible text
 */
export function securityPanel(tb) {
  return tb.chrome(async () => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    document.getElementById("encryptionTechBtn").click();
    const panel = document.getElementById("messageSecurityPanel");
    await until("the security panel", () => panel.state === "open");
    await sleep(300);
    const seen = [...panel.querySelectorAll("label, description, textbox, p, span, h1, h2, h3")].filter((part) =>
      part.checkVisibility(),
    );
    return seen.map((part) => part.value || part.textContent).join("\n");
  });
}

/**
 * Shuts the message security panel.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 */
export function closeSecurityPanel(tb) {
  return tb.chrome(async () => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    const panel = document.getElementById("messageSecurityPanel");
    panel.hidePopup();
    await until("the panel to close", () => panel.state === "closed");
  });
}

/**
 * Answers the message that is shown and waits for the compose window.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {"cmd_reply" | "cmd_replyall" | "cmd_forwardInline" | "cmd_forwardAttachment" | "cmd_editAsNew" | "cmd_redirect"} [command]
 * @returns {Promise<number>} the compose window's id
 */
export function respond(tb, command = "cmd_reply") {
  return tb.chrome(async (name) => {
    const before = new Set(composeWindows());
    mainWindow().document.getElementById("tabmail").currentAboutMessage.goDoCommand(name);
    const win = await until("the compose window", () =>
      composeWindows().find(
        (candidate) => !before.has(candidate) && candidate.gMsgCompose && candidate.composeEditorReady,
      ),
    );
    return idOf(win);
  }, command);
}

/**
 * Presses a button of the verdict's bar.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} label
 */
export function pressInBar(tb, label) {
  return tb.chrome((wanted) => {
    const { document } = mainWindow().document.getElementById("tabmail").currentAboutMessage;
    const bar = document.querySelector('[value="dane-smime-verdict"]');
    const buttons = [...bar.buttonContainer.querySelectorAll("button")];
    const button = buttons.find((candidate) => (candidate.label ?? candidate.textContent) === wanted);
    if (!button) throw new Error(`no button ${wanted}`);
    button.click();
  }, label);
}

/**
 * Waits for one of the add-on's pages (a popup, a tab) and reads it.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} path within the add-on
 * @param {string} [script] to be run in the page first; finds `content`
 * @param {string} [selector] of elements to be counted
 * @returns {Promise<{text: string, buttons: string[], focus: string, terms: Record<string, string>, unnamed: number, found: number}>}
 *   `focus`: id of the element that has it; `terms`: the definition lists; `unnamed`: controls without a name for screen readers;
 *   `found`: how many elements `selector` finds
 */
export function page(tb, path, script = "", selector = "body") {
  return tb.chrome(
    async (wanted, run, counted) => {
      const find = () => {
        for (const win of Services.wm.getEnumerator(null)) {
          const browsers = [...win.document.querySelectorAll("browser")];
          const found = browsers.find(
            ({ currentURI, messageManager }) =>
              messageManager && currentURI?.spec.startsWith("moz-extension:") && currentURI.spec.includes(wanted),
          );
          if (found) return found;
        }
        return null;
      };
      const look = `
        ${run};
        const { document } = content;
        const visible = (node) => node.checkVisibility();
        const named = (node) =>
          node.textContent.trim() || node.getAttribute("aria-label") || node.labels?.length || node.title;
        sendAsyncMessage("dane-test:page", {
          text: document.body?.innerText ?? "",
          buttons: [...document.querySelectorAll("button")].filter(visible).map((node) => node.textContent),
          focus: document.activeElement?.id ?? "",
          terms: Object.fromEntries(
            [...document.querySelectorAll("dt")].map((node) => [node.textContent, node.nextElementSibling.textContent]),
          ),
          unnamed: [...document.querySelectorAll("button, input, select")].filter(visible).filter((node) => !named(node))
            .length,
          found: document.querySelectorAll(${JSON.stringify(counted)}).length,
        });`;
      const read = (browser) =>
        new Promise((resolve) => {
          const { messageManager } = browser;
          const listener = ({ data }) => {
            messageManager.removeMessageListener("dane-test:page", listener);
            resolve(data);
          };
          messageManager.addMessageListener("dane-test:page", listener);
          messageManager.loadFrameScript(`data:,${encodeURIComponent(`{${look}}`)}`, false);
        });
      // A popup is loaded in one place and then moved to another: each look begins anew.
      for (let tries = 0; tries < 200; tries++) {
        const browser = find();
        const seen = browser && (await Promise.race([read(browser), sleep(1000)]));
        if (seen?.text.trim()) return seen;
        await sleep(50);
      }
      throw new Error(`nothing to read on ${wanted}`);
    },
    path,
    script,
    selector,
  );
}
