/** Messages between the add-on's pages and its event page (`runtime.sendMessage`). Each says whom it is for. */

/** What the assistant and the settings page ask about keys. A failure is answered `{error: {code, sentence}}`. */
export type FromKeyPages = { to: "keys" } & (
  | { what: "request"; type: keyof import("./protocol").KeyRequests; fields: any; body?: Uint8Array }
  | { what: "program" }
  | { what: "await-record" | "record-seen"; address: string }
  | { what: "send-test"; address: string; identityId: string }
  | { what: "test-state"; headerMessageId: string }
);

/** The settings page asks whether all is well; the answer is an Examination. */
export interface ToDoctor {
  to: "doctor";
}

/** What was found, in the reader's language, and a report without addresses that can be attached to a bug. */
export interface Examination {
  findings: { state: "ok" | "not-ok" | "unknown"; text: string; advice: string }[];
  report: string;
}

/** The popup of a compose window; the answer is a View (background/compose/view.js). */
export type FromPopup = { to: "compose"; tabId: number } & (
  | { what: "view" }
  | { what: "look-again" }
  | { what: "switch"; change: { sign?: boolean; encrypt?: boolean; hideSubject?: boolean } }
);

/** The view of this tab's window has changed. */
export interface ToPopup {
  to: "popup";
  tabId: number;
}
