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
 * @property {() => Promise<void>} close
 */

/**
 * @param {{bob?: boolean, alices?: (alice: import("../support/world.mjs").Person) => Promise<unknown>, alicesHost?: (world: World) => string | null}} [options] `bob: false`: only Alice's Thunderbird
 * @returns {Promise<Scene>}
 */
export async function open({ bob: withBob = true, alices, alicesHost } = {}) {
  const directory = temporaryDirectory();
  const bobsKey = identity(join(directory, "bobs-key"), "bob@example.test");
  const world = await World.start(directory, {
    alices,
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
      scene[who] = await person.thunderbird({ addon: null, display: display.name, host });
      await scene[who].addonActive();
      running.push(scene[who]);
    }
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
