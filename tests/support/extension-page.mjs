/** The add-on's own pages in a tab of a real Thunderbird: what they show, what they do, whether everybody can use them. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
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
   * @param {{dark?: boolean, zoom?: number}} how
   */
  async draw({ dark, zoom }) {
    await this.tb.chrome(
      (isDark, factor) => {
        const { browser } = mainWindow().danePage;
        if (isDark !== undefined) browser.browsingContext.prefersColorSchemeOverride = isDark ? "dark" : "light";
        if (factor !== undefined) browser.fullZoom = factor;
      },
      dark,
      zoom,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
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
   * What can be reached and used with the keyboard alone is what can have the focus and shows it. Names what a mouse can press
   * and Tab does not reach, and styles that hide the focus.
   *
   * @returns {Promise<string[]>}
   */
  outOfReach() {
    return this.run(() => {
      const shown = (/** @type {Element} */ element) => element.checkVisibility({ contentVisibilityAuto: true });
      const name = (/** @type {Element} */ element) => element.outerHTML.slice(0, 120);
      const faults = [];
      for (const element of document.querySelectorAll("[onclick], [role=button], [role=link], label.pick")) {
        const inner = /** @type {HTMLElement} */ (element.matches("label") ? element.querySelector("input") : element);
        if (shown(element) && inner.tabIndex < 0) faults.push(`no key reaches ${name(element)}`);
      }
      for (const element of document.querySelectorAll("button, select, input, summary, a[href], textarea")) {
        const control = /** @type {HTMLInputElement} */ (element);
        if (!shown(element) || control.disabled) continue;
        if (control.tabIndex < 0) faults.push(`no key reaches ${name(element)}`);
        control.focus({ focusVisible: true });
        if (document.activeElement !== element) faults.push(`${name(element)} takes no focus`);
      }
      // Thunderbird draws a ring around what has the focus, unless a style takes it away. Headings get the focus by us alone.
      const walk = (/** @type {any} */ rules) => {
        for (const rule of rules) {
          if (rule.style?.outlineStyle === "none" && !/h[1-6](:focus)?$/.test(rule.selectorText)) {
            faults.push(`hides the focus: ${rule.selectorText}`);
          }
          walk(rule.cssRules ?? []);
        }
      };
      for (const { cssRules } of document.styleSheets) walk(cssRules);
      return faults;
    });
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
