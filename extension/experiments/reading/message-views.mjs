/**
 * The places where Thunderbird draws messages (`about:message` in the three-pane window, in tabs, in windows of its
 * own), and which message each of them is drawing. A view is one drawing of one message: once the place draws
 * anything else, or the same anew, the view is no longer current and nothing is shown through it.
 */

import { MailServices } from "resource:///modules/MailServices.sys.mjs";

/** @typedef {any} AboutMessage the window of an about:message */

export class MessageViews {
  /** @type {WeakMap<AboutMessage, MessageView>} */
  #latest = new WeakMap();
  /** What a place is to draw when it draws the same message again. @type {WeakMap<AboutMessage, Handed>} */
  #handed = new WeakMap();

  /**
   * The view that a channel is loaded for.
   *
   * @param {any} mailChannel nsIMailChannel of an nsIPgpMimeProxy
   * @param {boolean} isWhole whether the part is the message as a whole. Any other part of a message that is protected
   *   as a whole is drawn in the view of the whole, whose verdict must not be lost
   * @returns {MessageView | null} null for a load that is not a drawing: quoting, printing, searching, an attachment
   */
  begin(mailChannel, isWhole) {
    // about:message sets the sink, and only on the channel of the message that it is about to draw.
    if (!mailChannel?.smimeSink) {
      return null;
    }
    const channel = mailChannel.QueryInterface(Ci.nsIChannel);
    const win = channel.loadInfo?.browsingContext?.embedderElement?.ownerDocument?.defaultView;
    if (!win?.gMessageURI || !isDrawing(win, channel)) {
      return null;
    }
    const latest = this.#latest.get(win);
    if (!isWhole && latest?.isWhole && latest.isCurrent) {
      return latest;
    }
    const view = new MessageView(win, win.gMessageURI, channel.URI.spec, isWhole, this.#latest, this.#handed);
    this.#latest.set(win, view);
    return view;
  }

  /** @returns {MessageView[]} every view of ours that is still on the screen */
  current() {
    return aboutMessages()
      .map((win) => this.#latest.get(win))
      .filter((view) => view !== undefined)
      .filter((view) => view.isCurrent);
  }
}

/** @typedef {{ uri: string, key: string, opened: import("./openings.mjs").Opened }} Handed */

export class MessageView {
  #latest;
  #handed;

  /**
   * @param {AboutMessage} win
   * @param {string} uri of the message, as the window has it
   * @param {string} spec of the URL that it is loaded from
   * @param {boolean} isWhole whether the message is protected as a whole, not only a part of it
   * @param {WeakMap<AboutMessage, MessageView>} latest
   * @param {WeakMap<AboutMessage, Handed>} handed
   */
  constructor(win, uri, spec, isWhole, latest, handed) {
    this.win = win;
    this.uri = uri;
    this.spec = spec;
    this.isWhole = isWhole;
    this.#latest = latest;
    this.#handed = handed;
  }

  get isCurrent() {
    return !this.win.closed && this.#latest.get(this.win) === this && this.win.gMessageURI === this.uri;
  }

  /**
   * Draws the message again, with what was opened at hand, so that nothing is asked a second time.
   *
   * @param {string} key
   * @param {import("./openings.mjs").Opened} opened
   */
  drawAgain(key, opened) {
    this.#handed.set(this.win, { uri: this.uri, key, opened });
    this.reload();
  }

  /** Whether `drawAgain` left something for this message. */
  get isDrawnAgain() {
    return this.#handed.get(this.win)?.uri === this.uri;
  }

  /**
   * What `drawAgain` left for this message.
   *
   * @param {string} key
   * @returns {import("./openings.mjs").Opened | "other" | null} `other`: it was for this message, but its octets or
   *   header have changed meanwhile; drawing again once more could go on for ever
   */
  takeHanded(key) {
    const handed = this.#handed.get(this.win);
    this.#handed.delete(this.win);
    if (handed?.uri !== this.uri) {
      return null;
    }
    return handed.key === key ? handed.opened : "other";
  }

  /** Draws the message again when the drawing under way has ended: two at once mix up their attachments. */
  reload() {
    if (this.win.msgLoaded) {
      this.win.ReloadMessage();
      return;
    }
    this.win.addEventListener("MsgLoaded", () => this.isCurrent && this.win.ReloadMessage(), { once: true });
  }
}

/** @returns {AboutMessage[]} */
function aboutMessages() {
  /** @type {AboutMessage[]} */
  const found = [];
  const visit = (/** @type {any} */ context) => {
    if (context.currentWindowGlobal?.documentURI?.spec === "about:message" && context.window) {
      found.push(context.window);
    }
    context.children.forEach(visit);
  };
  for (const win of Services.wm.getEnumerator(null)) {
    if (win.browsingContext) {
      visit(win.browsingContext);
    }
  }
  return found;
}

/**
 * Whether the window is still about the message that the channel loads; it may have gone on to the next.
 *
 * @param {AboutMessage} win
 * @param {any} channel
 */
function isDrawing(win, channel) {
  if (win.gMessageURI.startsWith("file:")) {
    return true; // a message file has a window of its own, and its channel another URL
  }
  return channel.URI.equals(MailServices.messageServiceFromURI(win.gMessageURI).getUrlForUri(win.gMessageURI));
}
