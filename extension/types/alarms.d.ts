/** Thunderbird has alarms, the collected types do not. */
declare namespace browser.alarms {
  function create(
    name: string,
    when: { when?: number; delayInMinutes?: number; periodInMinutes?: number },
  ): Promise<void>;
  function get(name: string): Promise<{ name: string } | undefined>;
  const onAlarm: { addListener(listener: (alarm: { name: string }) => unknown): void };
}
