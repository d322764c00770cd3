/** The daneReading experiment (experiments/reading/schema.json), as the event page sees it. */

export interface DaneReading {
  getState(): Promise<{ registered: boolean; missing: string[] }>;
  forgetPlaintext(): Promise<void>;
  onOpen: {
    addListener(
      listener: (job: {
        message: ArrayBuffer;
        shownSha256: string | null;
        deadlineMs: number;
      }) => Promise<import("../background/reading/open.js").Answer>,
    ): void;
  };
}
