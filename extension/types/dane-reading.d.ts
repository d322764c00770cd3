/** The daneReading experiment (experiments/reading/schema.json), as the event page and the details view see it. */

import type { BodyReference, OpenDetails, Verdict } from "./protocol";

/** What the bar above a message says, and what is behind it. */
export interface Description {
  level: "good" | "info" | "warning" | "bad";
  sentences: string[];
  /** Trying again may help. */
  retry: boolean;
  /** Content was kept back that the reader may ask for. */
  reveal: boolean;
  /** null: the host said nothing of this message. */
  opened: {
    verdict: Verdict;
    details?: OpenDetails | null;
    domain: string | null;
    /** base64 DER of the signer's */
    certificate: string | null;
  } | null;
}

export interface DaneReading {
  getState(): Promise<{ registered: boolean; missing: string[] }>;
  setOpener(who: "addon" | "thunderbird"): Promise<void>;
  putOff(id: number, ms: number): Promise<void>;
  forgetPlaintext(): Promise<void>;
  keepAnswered(original: number, copy: number): Promise<void>;
  setBodiesFolder(folder: string | null): Promise<void>;
  describe(tabId: number): Promise<Description | null>;
  act(tabId: number, what: "retry" | "reveal"): Promise<void>;
  onOpen: {
    addListener(
      listener: (job: {
        id: number;
        message: ArrayBuffer | BodyReference;
        shownSha256: string | null;
        unauthentic: boolean;
        deadlineMs: number;
      }) => Promise<import("../background/reading/open.js").Answer>,
    ): void;
  };
  onKeyring: { addListener(listener: () => Promise<{ locked: boolean }>): void };
  onBodiesFolder: { addListener(listener: () => Promise<{ folder: string | null }>): void };
  onDetails: { addListener(listener: (job: { windowId: number }) => void): void };
}
