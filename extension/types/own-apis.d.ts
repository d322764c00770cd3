/** Our own APIs, as the event page sees them. */
declare namespace browser {
  const daneCompose: import("./dane-compose").DaneCompose;
  const danePolicies: { getState(): Promise<{ unreadable: boolean }> };
  const daneReading: import("./dane-reading").DaneReading;
}
