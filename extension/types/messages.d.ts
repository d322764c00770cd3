/** Messages between the add-on's pages and its event page (`runtime.sendMessage`). Each says whom it is for. */

/** The settings page asks whether the host runs; the answer is a sentence. */
export interface FromOptions {
  to: "compose";
  what: "program";
}

/** The popup of a compose window; the answer is a View (background/compose/view.js). */
export type FromPopup = { to: "compose"; tabId: number } & (
  | { what: "view" }
  | { what: "look-again" }
  | { what: "switch"; change: { sign?: boolean; encrypt?: boolean } }
);

/** The view of this tab's window has changed. */
export interface ToPopup {
  to: "popup";
  tabId: number;
}
