/** The daneCompose experiment (experiments/compose/schema.json), as the event page sees it. */

import type { Choice } from "../background/compose/choice.js";
import type { Proposal } from "../background/compose/proposal.js";
import type { BodyReference, ProtectRequest } from "./protocol";

/** What was switched by the writer of a draft. */
export interface DraftChoice {
  sign?: boolean;
  encrypt?: boolean;
  hideSubject?: boolean;
}

export interface WindowDescription {
  /** The one address in From; empty where there is none. */
  from: string;
  to: string[];
  cc: string[];
  bcc: string[];
  /** Mailing lists of the address books; their members are among the recipients above. */
  lists: { id: string; name: string; members: string[] }[];
  newsgroups: boolean;
  /** The text quotes or was made of a mail that was encrypted. */
  fromEncrypted: boolean;
  /** What was switched in the draft or template that the window was opened from. */
  draft: DraftChoice;
  choice: Choice | null;
  /** Recipients that can be taken out of the window (not those of a mailing list). */
  removable: string[];
  /** Attachments that are links to files at an online storage (Thunderbird's Filelink), by name. */
  links: string[];
  /** At sending: what the writer has answered so far. */
  answers?: { sign?: boolean; encrypt?: boolean; links?: boolean };
}

export interface Mark {
  /** Of a mailing list, its id. */
  address: string;
  kind: string;
  text: string;
}

interface Event<Listener> {
  addListener(listener: Listener): void;
}

export interface DaneCompose {
  getWindow(tabId: number): Promise<WindowDescription>;
  setChoice(tabId: number, choice: Choice): Promise<void>;
  markRecipients(tabId: number, marks: Mark[]): Promise<void>;
  setDraftsReopen(possible: boolean): Promise<void>;
  setBodiesFolder(folder: string | null): Promise<void>;
  setNotice(tabId: number, text: string): Promise<void>;
  showProgress(id: string, sentence: string, done?: number, total?: number): Promise<void>;
  putOff(id: string, ms: number): Promise<void>;
  onChanged: Event<(tabId: number) => void>;
  onActivated: Event<(tabId: number) => void>;
  onBeforeSend: Event<(tabId: number, window: WindowDescription) => Promise<Proposal & { madeFor?: Choice }>>;
  onAnswer: Event<(answer: { remember?: string[]; allowUnencrypted?: string }) => void>;
  onProtect: Event<
    (
      id: string,
      job: ProtectRequest,
      entity: ArrayBuffer | BodyReference,
    ) => Promise<{ entity: ArrayBufferLike | BodyReference } | { error: string; fileRefused: boolean }>
  >;
  onGivenUp: Event<(id: string) => void>;
  onUnencrypted: Event<(mail: UnencryptedMail) => Promise<GuardAnswer>>;
}

/** A mail that is about to leave without being encrypted. */
export interface UnencryptedMail {
  /** Whose mail it is: the address in From, and the identity's. */
  senders: string[];
  recipients: string[];
  kind: "receipt" | "invitation" | "queued" | "other";
}

/** `refusal`: words for a person, and the way out, if there is one. */
export type GuardAnswer =
  | { allowed: true }
  | { allowed: false; refusal: { text: string; allow?: { label: string; from: string } } };
