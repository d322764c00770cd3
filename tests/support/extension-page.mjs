/** The add-on's own pages in a tab of a real Thunderbird: what they show, what they do, whether everybody can use them. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { until } from "./process.mjs";
import { ADDON_ID } from "./thunderbird.mjs";

/** @typedef {import("./thunderbird.mjs").Thunderbird} Thunderbird */

/** One page, open in a tab. */
export class Page {
  /** @param {Thunderbird} tb */
  constructor(tb) {
    this.tb = tb;
  }

  /**
   * Opens a page of the add-on in a tab of the main window and waits until it has loaded.
   *
   * @param {Thunderbird} tb
   * @param {string} path below the add-on's root, with what follows a `?`
   */
  static async open(tb, path) {
    await tb.chrome(
      async (id, where) => {
        const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs");
        const extension = ExtensionParent.GlobalManager.getExtension(id);
        const tabmail = mainWindow().document.getElementById("tabmail");
        const tab = tabmail.openTab("contentTab", {
          url: extension.baseURI.resolve(where),
          linkHandler: "single-page",
          triggeringPrincipal: extension.principal,
          userContextId: 0,
        });
        const { browser } = tab;
        await until(
          "the page",
          () => browser.currentURI?.spec.startsWith("moz-extension:") && !browser.webProgress?.isLoadingDocument,
        );
        // Runs what it is sent inside the page, with the page's own rights and ours. Text: it is another process's code.
        const script = `addMessageListener("page:run", async ({ data: { number, source, args } }) => {
          const answer = { number };
          try {
            const sandbox = new Cu.Sandbox(content, { sandboxPrototype: content, wantXrays: false });
            const value = await Cu.evalInSandbox("(" + source + ")(..." + JSON.stringify(args) + ")", sandbox);
            answer.value = JSON.stringify(value === undefined ? null : value);
          } catch (error) {
            answer.error = String(error);
          }
          sendAsyncMessage("page:done", answer);
        });`;
        browser.messageManager.loadFrameScript(`data:,${encodeURIComponent(script)}`, false);
        mainWindow().danePage = { browser, tab, number: 0 };
      },
      ADDON_ID,
      path,
    );
    return new Page(tb);
  }

  /**
   * Runs a function inside the page. What it gives must be JSON.
   *
   * @template T
   * @param {(...args: any[]) => T} body
   * @param {...any} args
   * @returns {Promise<Awaited<T>>}
   */
  run(body, ...args) {
    return this.runSource(body.toString(), args);
  }

  /** @param {string} source of a function @param {any[]} args @returns {Promise<any>} */
  runSource(source, args = []) {
    return this.tb.chrome(
      async (text, values) => {
        const page = mainWindow().danePage;
        const { messageManager } = page.browser;
        const number = ++page.number;
        const { value, error } = await new Promise((resolve) => {
          const listener = ({ data }) => {
            if (data.number !== number) return;
            messageManager.removeMessageListener("page:done", listener);
            resolve(data);
          };
          messageManager.addMessageListener("page:done", listener);
          messageManager.sendAsyncMessage("page:run", { number, source: text, args: values });
        });
        if (error) throw new Error(error);
        return JSON.parse(value);
      },
      source,
      args,
    );
  }

  /** What is drawn. */
  text() {
    return this.run(() => document.body.innerText);
  }

  /**
   * Sets how the page is drawn.
   *
   * @param {object} how
   * @param {boolean} [how.dark]
   * @param {number} [how.zoom]
   * @param {boolean} [how.forced] in colours of the reader's own, white on black, as under a theme of high contrast
   * @param {number} [how.width] in pixels; all there is without it
   */
  async draw({ dark = false, zoom = 1, forced = false, width }) {
    await this.tb.chrome(
      (isDark, factor, isForced, pixels) => {
        const { browser } = mainWindow().danePage;
        browser.browsingContext.prefersColorSchemeOverride = isDark ? "dark" : "light";
        browser.fullZoom = factor;
        browser.style.maxWidth = pixels ? `${pixels}px` : "";
        const { prefs } = Services;
        const colours = "browser.display";
        if (isForced) {
          prefs.setStringPref(`${colours}.background_color`, "#000000");
          prefs.setStringPref(`${colours}.foreground_color`, "#ffffff");
          prefs.setIntPref(`${colours}.document_color_use`, 2);
        } else {
          for (const name of ["background_color", "foreground_color", "document_color_use"]) {
            prefs.clearUserPref(`${colours}.${name}`);
          }
        }
      },
      dark,
      zoom,
      forced,
      width ?? 0,
    );
    await until("the colours", () => this.run((is) => matchMedia("(forced-colors: active)").matches === is, forced));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  /** How many pixels have to be scrolled sideways. */
  overflow() {
    return this.run(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  /**
   * What a screen reader says of all that can have the focus: its role, its name, and the group it enters with it.
   *
   * @returns {Promise<string[]>}
   */
  spoken() {
    return this.tb.chrome(async () => {
      const service = Cc["@mozilla.org/accessibilityService;1"].getService(Ci.nsIAccessibilityService);
      const { browser } = mainWindow().danePage;
      // Each browser's tree comes from its process, a while after it was first asked for.
      const page = () => service.getAccessibleFor(browser)?.firstChild;
      await until("the page to be told to screen readers", () => page()?.childCount > 0);
      const told = [];
      const walk = (node, group) => {
        const role = service.getStringRole(node.role);
        const state = {};
        node.getState(state, {});
        if (role !== "document" && state.value & Ci.nsIAccessibleStates.STATE_FOCUSABLE) {
          told.push(`${role} "${node.name ?? ""}"${group}`);
        }
        if (role === "combobox") return; // its choices are told with it
        const inside = role === "grouping" && node.name ? ` in "${node.name}"${group}` : group;
        for (let child = node.firstChild; child; child = child.nextSibling) walk(child, inside);
      };
      walk(page(), "");
      return told;
    });
  }

  /**
   * What axe-core finds wrong: rule, and the elements.
   *
   * @returns {Promise<string[]>}
   */
  async faults() {
    const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const source = `async () => {
      ${axe}
      const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] });
      return violations.map(({ id, help, nodes }) =>
        id + ": " + help + ": " + nodes.map(({ html, any }) => html.slice(0, 160) + " " + (any[0]?.message ?? "")).join(" | "));
    }`;
    return this.runSource(source);
  }

  /**
   * Presses keys as a person does: what they do is Thunderbird's own doing.
   *
   * @param {...string} keys such as `Tab`, `Shift+Tab`, `Enter`, `Escape`, `ArrowDown`, ` `
   */
  async press(...keys) {
    for (const key of keys) {
      await this.tb.chrome((name) => {
        const win = mainWindow();
        const input = Cc["@mozilla.org/text-input-processor;1"].createInstance(Ci.nsITextInputProcessor);
        input.beginInputTransactionForTests(win);
        const parts = name.split("+");
        const key = parts.pop();
        const code = { " ": "SPACE", Enter: "RETURN", ArrowDown: "DOWN", ArrowUp: "UP" }[key] ?? key.toUpperCase();
        const held = parts.map((modifier) => new win.KeyboardEvent("", { key: modifier }));
        const event = new win.KeyboardEvent("", { key, keyCode: win.KeyboardEvent[`DOM_VK_${code}`] });
        for (const modifier of held) input.keydown(modifier, input.KEY_NON_PRINTABLE_KEY);
        input.keydown(event);
        input.keyup(event);
        for (const modifier of held) input.keyup(modifier, input.KEY_NON_PRINTABLE_KEY);
      }, key);
    }
  }

  /** Gives the page the keyboard, at its beginning. */
  async enter() {
    await this.tb.chrome(() => mainWindow().danePage.browser.focus());
    await until("the page to have the keyboard", () => this.run(() => document.hasFocus()));
  }

  /**
   * What has the focus: a number that stays the element's, its words, whether one sees it; null where the page has lost it.
   *
   * @returns {Promise<{number: number, name: string, seen: boolean} | null>}
   */
  focused() {
    return this.run(() => {
      const element = document.activeElement;
      if (!document.hasFocus() || !element || element === document.body) return null;
      // A picker's input is hidden behind its label, which shows the focus for it.
      const shows = [element, element.closest("label.pick")].some((node) => {
        const { outlineStyle, outlineWidth } = node
          ? getComputedStyle(node)
          : { outlineStyle: "none", outlineWidth: "0" };
        return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 1;
      });
      // A number of its own, whatever comes and goes meanwhile.
      const numbered = /** @type {any} */ (element);
      numbered.stop ??= document.querySelectorAll("*").length + Math.random();
      return { number: numbered.stop, name: element.outerHTML.slice(0, 120), seen: shows };
    });
  }

  /**
   * Presses a key until the focus is somewhere else.
   *
   * @param {string} key
   * @returns {ReturnType<Page["focused"]>}
   */
  async move(key) {
    const before = (await this.focused())?.number;
    await this.press(key);
    await until(`${key} to move the focus`, async () => (await this.focused())?.number !== before);
    return this.focused();
  }

  /**
   * Goes through the whole page with Tab and back with Shift+Tab. Names what a mouse can press and Tab does not reach, what has
   * the focus without showing it, and where the way back is another.
   *
   * @returns {Promise<string[]>}
   */
  async outOfReach() {
    /** @type {{number: number, name: string}[]} */
    const wanted = await this.run(() => {
      for (const [index, element] of [.../** @type {any} */ (document.querySelectorAll("*"))].entries())
        element.stop = index;
      const controls = "button, select, input, summary, a[href], textarea, [onclick], [role=button], [role=link]";
      const shown = (/** @type {Element} */ element) => element.checkVisibility({ contentVisibilityAuto: true });
      return (
        [...document.querySelectorAll(controls)]
          // Of radio buttons, the arrow keys reach the others.
          .filter((element) => shown(element) && !element.matches(":disabled, [type=radio]:not(:checked)"))
          .map((element) => ({ number: /** @type {any} */ (element).stop, name: element.outerHTML.slice(0, 120) }))
      );
    });
    if (wanted.length === 0) return [];
    await this.enter();
    /** @type {NonNullable<Awaited<ReturnType<Page["focused"]>>>[]} */
    const way = [];
    for (;;) {
      const at = await this.move("Tab");
      if (!at || way.some(({ number }) => number === at.number)) break;
      way.push(at);
    }
    const faults = wanted
      .filter(({ number }) => !way.some((stop) => stop.number === number))
      .map(({ name }) => `Tab does not reach ${name}`);
    faults.push(...way.filter(({ seen }) => !seen).map(({ name }) => `the focus is not seen on ${name}`));
    const numbers = way.map(({ number }) => number);
    if (numbers.some((number, index) => index > 0 && number < (numbers[index - 1] ?? 0))) {
      faults.push(`the order is not that of the page: ${numbers}`);
    }
    const back = [];
    await this.enter();
    await this.run((last) => {
      [.../** @type {any} */ (document.querySelectorAll("*"))].find((element) => element.stop === last)?.focus();
    }, numbers.at(-1));
    for (const _ of numbers.slice(1)) back.unshift((await this.move("Shift+Tab"))?.number);
    if (back.join() !== numbers.slice(0, -1).join())
      faults.push(`the way back is another: ${back} instead of ${numbers}`);
    return faults;
  }

  /** A picture of the page. @param {string} file */
  async picture(file) {
    const base64 = await this.tb.chrome(async () => {
      const { browser } = mainWindow().danePage;
      const bitmap = await browser.browsingContext.currentWindowGlobal.drawSnapshot(null, 1, "white");
      const canvas = mainWindow().document.createElementNS("http://www.w3.org/1999/xhtml", "canvas");
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
      return canvas.toDataURL("image/png").split(",")[1];
    });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(base64, "base64"));
  }

  /** Closes the tab. */
  close() {
    return this.tb.chrome(() => {
      mainWindow().document.getElementById("tabmail").closeTab(mainWindow().danePage.tab);
    });
  }
}
