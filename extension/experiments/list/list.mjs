/** The column of the message list: which mail is encrypted, signed, verified. */

import { setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { asMark, found, MARKS } from "./marks.mjs";
import { Scanner } from "./scanner.mjs";

const COLUMN = "daneSmimeCol";
/** Where a mark is kept, in the folder's index. */
const PROPERTY = "dane-smime-mark";
/** Said by the reading experiment when a message has been opened. */
const OPENED = "dane-smime-opened";

const COLUMNS = "chrome://messenger/content/ThreadPaneColumns.mjs";

/** The list is drawn anew at most so often while messages are looked into. */
const REDRAW_MS = 300;

/** Icon of each mark; plain mail has none. @type {Partial<Record<import("./marks.mjs").Mark, string>>} */
const ICONS = {
  sealed: "sealed",
  signed: "signed",
  encrypted: "encrypted",
  encryptedSigned: "encrypted",
  verified: "verified",
  encryptedVerified: "encrypted-verified",
  bad: "bad",
};

export class MessageList {
  QueryInterface = ChromeUtils.generateQI(["nsIObserver"]);
  /** @type {any} */
  #columns = null;
  /** Something was marked that may be on the screen. */
  #changed = false;
  #redrawing = false;
  /** Messages without a mark were sorted: their order has to be made anew when all have been looked into. */
  #sortedUnmarked = false;
  /** Something was marked since. Without that, messages that cannot be read would be sorted again and again. */
  #markedSince = false;
  #scanner = new Scanner({
    mark: (header, mark) => this.#mark(header, mark),
    isMarked: (header) => markOf(header) !== null,
    tell: (done) => this.#redraw(done),
  });
  #text;
  #icon;

  /**
   * @param {object} resources
   * @param {(key: string) => string} resources.text `_locales`
   * @param {(name: string) => string} resources.icon address of a picture
   */
  constructor({ text, icon }) {
    this.#text = text;
    this.#icon = icon;
  }

  /** @returns {string[]} what this Thunderbird lacks; nothing was changed then */
  start() {
    try {
      const { ThreadPaneColumns } = ChromeUtils.importESModule(COLUMNS);
      const missing = ["addCustomColumn", "removeCustomColumn", "refreshCustomColumn"].filter(
        (name) => typeof ThreadPaneColumns?.[name] !== "function",
      );
      if (missing.length) {
        return missing;
      }
      ThreadPaneColumns.addCustomColumn(COLUMN, this.#column());
      this.#columns = ThreadPaneColumns;
      Services.obs.addObserver(this, OPENED);
      return [];
    } catch (error) {
      console.error("DANE S/MIME: no column in the message list", error);
      return [String(error)];
    }
  }

  /** @param {boolean} isAppShutdown */
  stop(isAppShutdown) {
    this.#scanner.stop();
    if (!this.#columns) {
      return;
    }
    Services.obs.removeObserver(this, OPENED);
    if (!isAppShutdown) {
      for (const { gDBView } of sortedByUs()) {
        gDBView.sort(Ci.nsMsgViewSortType.byDate, gDBView.sortOrder);
      }
      this.#columns.removeCustomColumn(COLUMN);
    }
    this.#columns = null;
  }

  /**
   * nsIObserver: a message has been opened.
   *
   * @param {any} header nsIMsgDBHdr
   * @param {string} _topic
   * @param {string} words
   */
  observe(header, _topic, words) {
    const mark = found(words);
    const dbHeader = header.QueryInterface(Ci.nsIMsgDBHdr);
    if (markOf(dbHeader) !== mark) {
      this.#mark(dbHeader, mark);
      this.#redraw(true);
    }
  }

  #column() {
    const label = (/** @type {string} */ mark) => this.#text(`list_${mark.replace(/[A-Z]/g, "_$&").toLowerCase()}`);
    const marks = MARKS.filter((mark) => ICONS[mark]);
    return {
      name: this.#text("list_column"),
      hidden: false,
      icon: true,
      sortable: true,
      resizable: false,
      iconHeaderUrl: this.#icon("column"),
      iconCellDefinitions: marks.map((mark) => ({
        id: iconId(mark),
        url: this.#icon(ICONS[mark] ?? ""),
        title: label(mark),
        alt: label(mark),
      })),
      iconCallback: (/** @type {any} */ header) => iconId(this.#wanted(header) ?? ""),
      textCallback: (/** @type {any} */ header) => label(this.#wanted(header) ?? "plain"),
      sortCallback: (/** @type {any} */ header) => {
        const mark = this.#wanted(header);
        this.#sortedUnmarked ||= mark === null;
        return MARKS.indexOf(mark ?? "plain");
      },
    };
  }

  /** @param {any} header @returns {import("./marks.mjs").Mark | null} */
  #wanted(header) {
    const mark = markOf(header);
    if (mark === null) {
      this.#scanner.want(header);
    }
    return mark;
  }

  /** @param {any} header @param {import("./marks.mjs").Mark} mark */
  #mark(header, mark) {
    header.setStringProperty(PROPERTY, mark);
    this.#changed ||= mark !== "plain";
    this.#markedSince ||= mark !== "plain";
  }

  /** @param {boolean} done whether all has been looked into */
  #redraw(done) {
    if (done && this.#sortedUnmarked && this.#markedSince) {
      this.#sortedUnmarked = false;
      this.#markedSince = false;
      sortedByUs().forEach(sortAnew);
    }
    if (this.#changed && !this.#redrawing) {
      this.#redrawing = true;
      setTimeout(() => {
        this.#redrawing = false;
        this.#changed = false;
        this.#columns?.refreshCustomColumn(COLUMN);
      }, REDRAW_MS);
    }
  }
}

/**
 * Thunderbird shows every icon whose id is contained in what the cell has; ended so, no mark contains another.
 *
 * @param {string} mark
 */
function iconId(mark) {
  return `${mark}_`;
}

/** @param {any} header nsIMsgDBHdr */
function markOf(header) {
  return asMark(header.getStringProperty(PROPERTY));
}

/** @returns {any[]} the about:3pane windows whose list is sorted by our column */
function sortedByUs() {
  return [...Services.wm.getEnumerator("mail:3pane")]
    .flatMap((win) => win.document.getElementById("tabmail")?.tabInfo ?? [])
    .map((tab) => tab.chromeBrowser?.contentWindow)
    .filter((win) => {
      const view = win?.gDBView;
      return view?.sortType === Ci.nsMsgViewSortType.byCustom && view.curCustomColumn === COLUMN;
    });
}

/** Sorting by what it is sorted by already does nothing, so another order comes between. @param {any} about3Pane */
function sortAnew({ gDBView }) {
  const { sortOrder } = gDBView;
  gDBView.sort(Ci.nsMsgViewSortType.byId, sortOrder);
  gDBView.curCustomColumn = COLUMN;
  gDBView.sort(Ci.nsMsgViewSortType.byCustom, sortOrder);
}
