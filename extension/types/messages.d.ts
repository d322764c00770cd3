/** Messages between the add-on's pages and its event page (`runtime.sendMessage`). Each says whom it is for. */

export type ToCompose = { to: "compose"; tabId: number } & (
  | { what: "view" }
  | { what: "look-again" }
  | { what: "switch"; change: { sign?: boolean; encrypt?: boolean } }
);

/** The view of this tab's window has changed. */
export interface ToPopup {
  to: "popup";
  tabId: number;
}
