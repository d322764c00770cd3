/** The little that our pages need to build what they show. Text is always text, never markup. */

export const text = browser.i18n.getMessage;

/** @template {HTMLElement} T @param {string} id @returns {T} */
export const byId = (id) => /** @type {T} */ (document.getElementById(id));

/** Puts the words of `_locales` where the page says so, and says their language, which need not be Thunderbird's. */
export function translatePage() {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) {
    node.textContent = text(node.dataset.text ?? "");
  }
  document.documentElement.lang = text("language");
}

/**
 * An element with properties (a `class` and `data…` among them) and what is in it.
 *
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function make(name, { class: classes, dataset, ...properties } = {}, ...children) {
  const node = document.createElement(name);
  if (classes) {
    node.className = classes;
  }
  Object.assign(node.dataset, dataset);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-") || key === "role" || key === "for") {
      node.setAttribute(key, value);
    } else {
      Object.assign(node, { [key]: value });
    }
  }
  node.append(...children);
  return node;
}

/**
 * A button that is busy while its work is under way, so that nobody presses it twice.
 *
 * @param {string} label
 * @param {(button: HTMLButtonElement) => unknown} work
 * @param {Record<string, any>} [properties]
 */
export function button(label, work, properties = {}) {
  const node = make("button", { type: "button", ...properties }, label);
  node.addEventListener("click", async () => {
    const hadFocus = document.activeElement === node;
    const heading = node.closest("section")?.querySelector("h2");
    node.disabled = true;
    try {
      await work(node);
    } finally {
      node.disabled = false;
      // What is disabled loses the focus; who uses the keyboard goes on from here, not from the top of the page.
      if (hadFocus && (document.activeElement ?? document.body) === document.body) {
        if (node.isConnected || !heading) {
          node.focus();
        } else {
          focusHeading(heading);
        }
      }
    }
  });
  return node;
}

/** Where a screen reader begins with what is new. @param {HTMLElement} heading */
export function focusHeading(heading) {
  heading.tabIndex = -1;
  heading.focus();
}

/**
 * A button that copies, and says that it did: by its own name, which is read out when it has the focus again.
 *
 * @param {() => string} words
 * @param {string} [what] names them, where several buttons copy
 */
export function copyButton(words, what) {
  const name = (/** @type {string} */ key) => (what ? `${text(key)}: ${what}` : text(key));
  return button(
    text("assistant_copy"),
    async (node) => {
      await navigator.clipboard.writeText(words());
      node.textContent = text("assistant_copied");
      node.setAttribute("aria-label", name("assistant_copied"));
    },
    { "aria-label": name("assistant_copy") },
  );
}

/** Made once: a page may show a thousand dates. */
const DAYS = new Intl.DateTimeFormat(browser.i18n.getUILanguage(), { year: "numeric", month: "long", day: "numeric" });

/** A date as the reader writes it. @param {string} moment RFC 3339 */
export function day(moment) {
  return DAYS.format(new Date(moment));
}
