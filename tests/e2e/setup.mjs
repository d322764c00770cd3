/** One world for each test file: Alice's and Bob's Thunderbirds side by side, each on a display of its own. */

import { join } from "node:path";
import { Display } from "../support/display.mjs";
import { identity } from "../support/openssl.mjs";
import { remove, sleep, temporaryDirectory } from "../support/process.mjs";
import { installPermanently, profileOf, ROOT } from "../support/thunderbird.mjs";
import { World } from "../support/world.mjs";

/** Where the pictures of the last run lie. */
const PICTURES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "pictures");

/**
 * @typedef {object} Scene
 * @property {World} world
 * @property {import("../support/thunderbird.mjs").Thunderbird} alice
 * @property {import("../support/thunderbird.mjs").Thunderbird} bob
 * @property {import("../support/openssl.mjs").Identity} bobsKey Bob's, made by openssl, so that openssl can open his mail
 * @property {(of: "alice" | "bob", name: string) => Promise<void>} photograph takes a picture of someone's display
 * @property {(of: "alice" | "bob", preferences: Record<string, string | number | boolean>) => Promise<import("../support/thunderbird.mjs").Thunderbird>} restart
 *   ends someone's Thunderbird and starts it with other preferences
 * @property {() => Promise<void>} close
 */

/**
 * @param {{bob?: boolean, alices?: (alice: import("../support/world.mjs").Person) => Promise<unknown>, alicesHost?: (world: World) => string | null,
 *   zones?: Record<string, import("../support/zones.mjs").State>}} [options] `bob: false`: only Alice's Thunderbird
 * @returns {Promise<Scene>}
 */
export async function open({ bob: withBob = true, alices, alicesHost, zones } = {}) {
  const directory = temporaryDirectory();
  const bobsKey = identity(join(directory, "bobs-key"), "bob@example.test");
  const world = await World.start(directory, {
    alices,
    zones,
    bobs: (bob) =>
      bob.must("key", "import", bobsKey.pkcs12, "--password-file", bobsKey.passwordFile, "--address", bob.email),
  });
  /** @type {{stop: () => Promise<void>}[]} */
  const running = [world];
  const close = async () => {
    for (const part of running.reverse()) await part.stop();
    remove(directory);
  };
  try {
    /** @type {Record<string, Display>} */
    const displays = {};
    /** @type {Record<string, (preferences: Record<string, string | number | boolean>) => Promise<any>>} */
    const starts = {};
    /** @type {any} */
    const scene = { world, bobsKey, close };
    for (const who of /** @type {const} */ (["alice", ...(withBob ? ["bob"] : [])])) {
      const display = await Display.start({ log: join(directory, `${who}-display.log`) });
      running.push(display);
      displays[who] = display;
      const person = who === "alice" ? world.alice : world.bob;
      const host = who === "alice" && alicesHost ? alicesHost(world) : person.host;
      // As people have it: installed for good, so that it is there from Thunderbird's start.
      installPermanently(profileOf(person.user));
      const start = async (/** @type {Record<string, string | number | boolean>} */ preferences) => {
        scene[who] = await person.thunderbird({ addon: null, display: display.name, host, preferences });
        await scene[who].addonActive();
        return scene[who];
      };
      starts[who] = start;
      await start({});
      running.push({ stop: () => scene[who].stop() });
    }
    scene.restart = async (/** @type {string} */ who, /** @type {Record<string, string>} */ preferences) => {
      await scene[who].stop();
      return starts[who]?.(preferences);
    };
    scene.photograph = async (/** @type {string} */ of, /** @type {string} */ name) => {
      await sleep(600); // icons and marks come in a moment after what they stand for
      displays[of]?.picture(join(PICTURES, `${name}.png`));
    };
    return scene;
  } catch (error) {
    await close();
    throw error;
  }
}
