/** Tells the experiments where large bodies can be handed to the host, and taken from it, by file. */

/** @param {string | null} folder null: nowhere any more */
export function tellFolder(folder) {
  for (const api of [browser.daneCompose, browser.daneReading]) {
    api.setBodiesFolder(folder).catch((error) => console.error(error));
  }
}
